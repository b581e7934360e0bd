/* How a process ended: which sources are asked, in which order, and which are believed. */
#ifndef BEGET__FATE_H
#define BEGET__FATE_H

#include "message/report.h"

#include <beget.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Everything that is known about one process. */
struct beget__evidence {
	pid_t pid;
	int pidfd;                        /* -1: none */
	bool ours;                        /* a child of this process, to be waited for */
	bool ended;                       /* its pidfd polls as ended */
	const struct beget__exit *report; /* the helper's report, or NULL */
	bool report_due;                  /* the report may still come */
	bool record_due;                  /* another process reaps it, and the kernel's record may still come */
};

/* 0: *ret says how it ended; -EAGAIN: it is running, or a source will know later; -ENODATA: it has ended and no source
 * knows how. Never waits. */
int beget__fate_find(const struct beget__evidence *, struct beget__exit *ret);

/* Converts it to the public form. */
void beget__fate_fill(const struct beget__exit *, struct beget_status *);

/* The sources; tests can replace them. */
struct beget__sources {
	int (*waitid)(idtype_t, id_t, siginfo_t *, int options, struct rusage *);
	int (*pidfd_exit)(int pidfd, int *wait_status);
	int (*zombie_exit)(pid_t, int *wait_status);
};
extern struct beget__sources beget__fate_sources;

#endif
