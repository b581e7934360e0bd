/* What the kernel keeps about this process or the calling thread: read, and taken over from another process.
 * Failures are negative errnos; an output is written on success only. */
#ifndef BEGET__SELF_H
#define BEGET__SELF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Of another process, or with 0 of the calling thread. */
int beget__self_session(pid_t, int32_t *ret);
int beget__self_limit(pid_t, int resource, struct rlimit *ret);
int beget__self_nice(pid_t, int32_t *ret);

/* The policy with SCHED_RESET_ON_FORK; a kernel without I/O priorities has -1. */
struct beget__scheduling {
	int32_t policy, priority, io;
};
int beget__self_scheduling(pid_t, struct beget__scheduling *ret);

/* Of the calling thread. What the kernel does not have at all is -1. */
int beget__self_group(pid_t, int32_t *ret);
int beget__self_affinity(void *set, size_t size);
int beget__self_personality(uint32_t *ret);
int beget__self_timer_slack(int32_t *ret);
int beget__self_dumpable(int32_t *ret);
int beget__self_securebits(int32_t *ret);
int beget__self_capabilities(uint32_t words[6]); /* effective, permitted, inheritable: low words, then high */
uint32_t beget__self_umask(void);                /* sets it for a moment: a race with other threads */

/* All that system calls say of the calling thread's rights; -ENODATA if it has seccomp filters, which they do not
 * count. */
struct beget__rights {
	uint32_t users[4], groups[4]; /* real, effective, saved, file system */
	uint32_t capabilities[6];
	uint64_t bounding, ambient;
	int32_t no_new_privs;
};
int beget__self_rights(struct beget__rights *ret);
int beget__self_groups(gid_t **ret, size_t *n); /* supplementary ones; to be freed */

int beget__self_users(uid_t ids[3]); /* real, effective, saved */
bool beget__self_ids_mixed(void);    /* real and effective ones differ, as in a daemon that called seteuid */

bool beget__self_leads_session(void);
int beget__self_new_session(void);
int beget__self_join_group(pid_t); /* 0: a group of its own */
bool beget__self_group_gone(pid_t);
int beget__self_set_limit(int resource, const struct rlimit *);
int beget__self_set_nice(int);
int beget__self_set_affinity(const void *set, size_t size);
int beget__self_set_personality(uint32_t);
int beget__self_set_timer_slack(int32_t);
int beget__self_set_dumpable(bool);
int beget__self_set_capabilities(const uint32_t words[6]);
void beget__self_set_umask(uint32_t);
void beget__self_set_name(const char *); /* the calling thread's */

#endif
