/* One child of a service. */
#ifndef BEGET__MEMBER_H
#define BEGET__MEMBER_H

#include "keeper/kept.h"
#include "os/fail.h"

#include <beget/service.h>

enum beget__stage_of_life { BEGET__STARTING, BEGET__SERVING, BEGET__FINISHING, BEGET__GONE };

struct beget__member {
	struct beget__member *next;
	struct beget__kept kept; /* its process is NULL if it could not be started: then why says so */
	struct beget__failure why;
	struct beget__edition *edition; /* NULL once it is gone */
	unsigned version;
	enum beget__stage_of_life stage;
	pid_t pid;
	unsigned news; /* bits 1 << kind: events that were not taken yet */
	bool listens;  /* it finishes when its channel is shut; else it gets SIGTERM */
	bool asked;    /* it knows that it is to finish */
	bool healthy;
	bool aged; /* another is to take its place */
	bool late; /* it was killed, for it was not ready in time */
	unsigned signs;
	/* Moments; INT64_MAX: never. */
	int64_t ready_by, healthy_at, aged_at, kill_at;
	int64_t sign_at, silent_at;  /* its last sign; when it is silent if no other comes */
	int64_t silent_ms, delay_ms; /* for events */
	struct beget_status status;
};

/* Starts one. It exists even if that fails: then it is gone. NULL: no memory. */
struct beget__member *beget__member_start(const struct beget_options *, const struct beget_call *, uint64_t id,
                                          int epoll);

/* Asks it to finish, and kills it at that moment if it has not. */
void beget__member_retire(struct beget__member *, int64_t kill_at);
void beget__member_kill(struct beget__member *);

/* Does what could not be done before it was born: it learns that it is to finish, or is killed if that is due. */
void beget__member_press(struct beget__member *, int64_t now);

/* True once it is known how it has ended. */
bool beget__member_ended(struct beget__member *);

/* A sentence about its end. */
void beget__member_describe(const struct beget__member *, char *text, size_t size);

void beget__member_free(struct beget__member *);

#endif
