/* Reports on a child. */
#ifndef BEGET__REPORT_H
#define BEGET__REPORT_H

#include "os/fail.h"
#include "wire/frame.h"

#include <signal.h>
#include <sys/resource.h>

/* How a process ended, as the kernel reports it. */
struct beget__exit {
	int32_t wait_status;
	uint32_t timed_out; /* by SIGKILL, because its time limit expired */
	int64_t user_us, system_us, peak_kib;
};

/* What waitid returned. */
struct beget__exit beget__report_make_exit(const siginfo_t *, const struct rusage *);

/* Where a fatal signal occurred. */
struct beget__crash {
	int32_t signal, code; /* as in siginfo_t */
	uint64_t address;     /* the address that could not be accessed, or that of the instruction */
	uint64_t offset;      /* of the instruction in its module */
	char module[200];     /* path; "" for the program, "?" if unknown */
};

/* Signs that a child sends about itself. */
enum beget__sign {
	BEGET__SIGN_READY = 1, /* it is ready */
	BEGET__SIGN_LISTENS,   /* it finishes when its channel is shut down */
	BEGET__SIGN_TIRED,     /* it asks for a replacement */
	BEGET__SIGN_BEAT,      /* it is well */
};

int beget__report_send_born(int socket, pid_t, int pidfd);
int beget__report_send_failed(int socket, const struct beget__failure *);
int beget__report_send_refused(int socket, uint32_t task, const struct beget__failure *); /* FAILED, of a task */
int beget__report_send_made(int socket);
int beget__report_send_waits(int socket);
int beget__report_send_sign(int socket, enum beget__sign);               /* never waits: -EAGAIN */
int beget__report_send_expired(int socket, uint32_t task);               /* async-signal-safe */
int beget__report_send_crashed(int socket, const struct beget__crash *); /* async-signal-safe */
int beget__report_send_ended(int socket, const struct beget__exit *);

/* From a frame of that kind. False: hostile bytes, and nothing is written. */
bool beget__report_get_born(const struct beget__frame *, pid_t *);
bool beget__report_get_sign(const struct beget__frame *, enum beget__sign *);
bool beget__report_get_failed(const struct beget__frame *, struct beget__failure *);
bool beget__report_get_crashed(const struct beget__frame *, struct beget__crash *);
bool beget__report_get_ended(const struct beget__frame *, struct beget__exit *);

#endif
