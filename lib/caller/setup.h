/* Prepares a helper, and asks it for its status. */
#ifndef BEGET__SETUP_H
#define BEGET__SETUP_H

#include "message/request.h"
#include "program/executable.h"
#include "program/launcher.h"

#include <beget.h>

/* What to do in a new helper before it serves. It is kept, because it may have to be repeated in another helper. Zero
 * means nothing. */
struct beget__setup {
	bool wanted;
	unsigned flags;
	int timeout_ms;                   /* negative: none */
	struct beget__executable program; /* the program of the helper, if it is not this one */
	struct beget__launcher launcher;  /* the program that executes the helper, if any */
	char **preload;                   /* paths, terminated by NULL */
	/* The target and the arguments as in a CALL, and the descriptors among them. */
	char *call;
	size_t call_size;
	int *fds;
	int nfds;
};

/* Copies the user's options. */
int beget__setup_keep(const struct beget_server_options *, struct beget__setup *);
void beget__setup_close(struct beget__setup *); /* closes only the descriptors */
void beget__setup_free(struct beget__setup *);

/* A preparation that is under way: one question after another, each with a channel for the reply. */
struct beget__progress {
	unsigned step;
	int channel; /* -1: the next question is not asked yet */
	int64_t deadline;
};
void beget__setup_begin(const struct beget__setup *, struct beget__progress *);

/* Asks the helper at the control socket, and goes on until the helper is prepared. -EAGAIN: a reply is due, and wait is
 * false. *pid becomes the pid of a helper that a launcher executes, as soon as it replies. */
int beget__setup_advance(const struct beget__setup *, int control, struct beget__progress *, bool wait, pid_t *pid);

/* Asks the helper at the control socket for its status. -ETIMEDOUT: it does not reply. */
int beget__setup_health(int control, int timeout_ms, struct beget__health *ret);

#endif
