/* One child of a service. */
#ifndef BEGET__MEMBER_H
#define BEGET__MEMBER_H

#include "keeper/kept.h"
#include "os/fail.h"

#include <beget/service.h>

enum beget__stage_of_life { BEGET__STARTING, BEGET__SERVING, BEGET__FINISHING, BEGET__GONE };

struct beget__member {
	struct beget__member *next;
	struct beget__kept kept; /* its process is NULL if it could not be started; why has the reason */
	struct beget__failure why;
	struct beget__edition *edition; /* NULL after its end */
	unsigned version;
	enum beget__stage_of_life stage;
	pid_t pid;
	unsigned news; /* bits 1 << kind: events that have not been taken */
	bool listens;  /* it finishes when its channel is shut down; otherwise it gets SIGTERM */
	bool asked;    /* it has been asked to finish */
	bool healthy;
	bool aged; /* another child will replace it */
	bool late; /* it was killed because it was not ready in time */
	unsigned signs;
	/* Times; INT64_MAX: never. */
	int64_t ready_by, healthy_at, aged_at, kill_at;
	int64_t sign_at, silent_at;  /* of its last sign; when it counts as silent without another one */
	int64_t silent_ms, delay_ms; /* reported in events */
	struct beget_status status;
};

/* A child that is not started yet. NULL: no memory. */
struct beget__member *beget__member_new(uint64_t id);

/* Starts it. If that fails, it has ended. */
void beget__member_start(struct beget__member *, const struct beget_options *, const struct beget_call *, int epoll);

/* It has ended without having been started, because of this error, which was recorded last. */
void beget__member_fail(struct beget__member *, int error);

/* Asks it to finish, and kills it at that time if it has not. */
void beget__member_retire(struct beget__member *, int64_t kill_at);
void beget__member_kill(const struct beget__member *);

/* Does what had to wait for its birth: asks it to finish, or kills it if that is due. */
void beget__member_press(struct beget__member *, int64_t now);

/* True once its status is known. */
bool beget__member_ended(struct beget__member *);

/* Writes a sentence about its end. */
void beget__member_describe(const struct beget__member *, char *text, size_t size);

void beget__member_free(struct beget__member *);

#endif
