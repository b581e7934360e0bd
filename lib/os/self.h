/* Attributes that the kernel keeps of this process or the calling thread: reading them, and applying those of another
 * process. Failures are negative errnos; outputs are written on success only. */
#ifndef BEGET__SELF_H
#define BEGET__SELF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* getpid without a system call. */
pid_t beget__self_pid(void);

/* Of another process or, with 0, of the calling thread. */
int beget__self_session(pid_t, int32_t *ret);
int beget__self_limit(pid_t, int resource, struct rlimit *ret);
int beget__self_nice(pid_t, int32_t *ret);

/* The policy includes SCHED_RESET_ON_FORK. io is -1 on a kernel without I/O priorities. */
struct beget__scheduling {
	int32_t policy, priority, io;
};
int beget__self_scheduling(pid_t, struct beget__scheduling *ret);

/* Of the calling thread. An attribute that the kernel lacks is -1. */
int beget__self_group(pid_t, int32_t *ret);
int beget__self_affinity(void *set, size_t size);
int beget__self_personality(uint32_t *ret);
int beget__self_timer_slack(int32_t *ret);
int beget__self_dumpable(int32_t *ret);
int beget__self_securebits(int32_t *ret);
/* Effective, permitted, inheritable: the low words, then the high words. */
int beget__self_capabilities(uint32_t words[6]);
uint32_t beget__self_umask(void); /* changes it for a moment, which other threads can notice */

/* The calling thread's rights, as far as system calls report them. -ENODATA if seccomp filters are installed, because
 * system calls do not report their number. */
struct beget__rights {
	uint32_t users[4], groups[4]; /* real, effective, saved, file system */
	uint32_t capabilities[6];
	uint64_t bounding, ambient;
	int32_t no_new_privs;
};
int beget__self_rights(struct beget__rights *ret);
int beget__self_groups(gid_t **ret, size_t *n); /* supplementary groups; to be freed */

int beget__self_users(uid_t ids[3]); /* real, effective, saved */
bool beget__self_ids_mixed(void);    /* the real and effective ids differ, as in a daemon after seteuid */

/* 0 if every child of this process is known to keep a user id with which this process's signals reach it, 1 if not, or
 * a negative errno. */
int beget__self_children_may_escape(void);

bool beget__self_leads_session(void);
int beget__self_new_session(void);
int beget__self_join_group(pid_t); /* 0: a new group */
bool beget__self_group_gone(pid_t);
int beget__self_set_limit(int resource, const struct rlimit *);
int beget__self_no_new_privs(void);
int beget__self_set_nice(int);
int beget__self_set_affinity(const void *set, size_t size);
int beget__self_set_personality(uint32_t);
int beget__self_set_timer_slack(int32_t);
int beget__self_set_dumpable(bool);
int beget__self_set_capabilities(const uint32_t words[6]);
void beget__self_set_umask(uint32_t);
void beget__self_set_name(const char *); /* the calling thread's */

#endif
