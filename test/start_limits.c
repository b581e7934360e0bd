/* Limits, scheduling and attributes that change in the caller, or in one of its threads, between two starts: the next
 * child has them, with any method. A helper is replaced only if it lacks the privilege to provide them. */
#include "matrix.h"
#include "os/libc.h"

#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

/* Resource limits. */

static struct rlimit at_first[RLIM_NLIMITS];

static const char *limits(void)
{
	struct rlimit limit;

	text[0] = '\0';
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		getrlimit((beget__libc_resource)i, &limit);
#ifdef __SANITIZE_ADDRESS__
		if (i == RLIMIT_CORE) /* a sanitizer's runtime lowers it */
			continue;
#endif
		add("%d: %lx/%lx, ", i, (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
	}
	return text;
}

/* A smaller limit that is still sufficient for any process. */
static rlim_t less(int which, rlim_t limit)
{
	if (limit == RLIM_INFINITY)
		return which == RLIMIT_CPU ? 1 << 20 : (rlim_t)1 << 50;
	return limit >= 1 << 16 ? limit - 4096 : limit ? limit - 1 : 0; /* whole pages for the stack */
}

static bool set_limits(bool soft, bool hard)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;
		getrlimit((beget__libc_resource)i, &limit);
		at_first[i] = limit;
		if (hard)
			limit.rlim_max = less(i, limit.rlim_max);
		if (soft)
			limit.rlim_cur = limit.rlim_cur ? less(i, limit.rlim_cur) : limit.rlim_max;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		if (setrlimit((beget__libc_resource)i, &limit) < 0)
			return false;
	}
	return true;
}

static bool lower_soft(void)
{
	return set_limits(true, false);
}

static bool lower_hard(void)
{
	return set_limits(false, true);
}

static bool raise_again(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (setrlimit((beget__libc_resource)i, &at_first[i]) < 0)
			return false;
	return true;
}

static bool lower_one(int which, rlim_t to)
{
	return setrlimit((beget__libc_resource)which, &(struct rlimit){to, to}) == 0;
}

static bool few_files(void)
{
	return lower_one(RLIMIT_NOFILE, 64);
}

static bool no_core(void)
{
	return lower_one(RLIMIT_CORE, 0) && lower_one(RLIMIT_FSIZE, 0);
}

static bool raise_some(void)
{
	struct rlimit niceness = {20, 20}, priority = {10, 10};

	return raise_again() && setrlimit(RLIMIT_NICE, &niceness) == 0 && setrlimit(RLIMIT_RTPRIO, &priority) == 0;
}

/* Scheduling and attributes, of the calling thread. */

static const char *nice_value(void)
{
	snprintf(text, sizeof(text), "%d", getpriority(PRIO_PROCESS, 0));
	return text;
}

static int first_nice; /* the initial value: a process under nice(1) cannot set 0 without privileges */

static bool be_nice(void)
{
	return setpriority(PRIO_PROCESS, 0, first_nice + 5) == 0;
}

static bool be_nicer(void)
{
	return setpriority(PRIO_PROCESS, 0, first_nice + 10) == 0;
}

static const char *affinity(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	text[0] = '\0';
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			add("%zu ", i);
	return text;
}

static bool use_one_cpu(void)
{
	cpu_set_t set;
	size_t last = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 2)
		return false;
	while (!CPU_ISSET(last, &set))
		last--;
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static const char *attributes(void)
{
	snprintf(text, sizeof(text), "personality %x, timer slack %d, dumpable %d", (unsigned)personality(0xffffffff),
	         prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	return text;
}

static bool set_personality(void)
{
	return personality(ADDR_NO_RANDOMIZE | STICKY_TIMEOUTS) != -1;
}

static bool set_executable(void)
{
	return personality(READ_IMPLIES_EXEC) != -1;
}

static bool set_timer_slack(void)
{
	return prctl(PR_SET_TIMERSLACK, 123456UL, 0, 0, 0) == 0;
}

static bool set_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0UL, 0, 0, 0) == 0;
}

/* Scheduling. The functions of musl always fail, so these are system calls. */

static const char *scheduling(void)
{
	struct sched_param parameter;

	syscall(SYS_sched_getparam, 0, &parameter);
	snprintf(text, sizeof(text), "policy %x, priority %d, nice %d, io %lx",
	         (unsigned)syscall(SYS_sched_getscheduler, 0), parameter.sched_priority, getpriority(PRIO_PROCESS, 0),
	         (unsigned long)syscall(SYS_ioprio_get, 1, 0));
	return text;
}

static bool schedule(int policy, int priority)
{
	return syscall(SYS_sched_setscheduler, 0, policy, &(struct sched_param){.sched_priority = priority}) == 0;
}

static bool be_batch(void)
{
	return schedule(SCHED_BATCH, 0);
}

static bool be_first(void)
{
	return schedule(SCHED_FIFO, 2);
}

static bool be_first_alone(void)
{
	return schedule(SCHED_FIFO | SCHED_RESET_ON_FORK, 2);
}

static bool be_first_of_all(void)
{
	return schedule(SCHED_FIFO, 3);
}

static bool be_other_again(void)
{
	return schedule(SCHED_OTHER, 0);
}

static bool read_later(void)
{
	return syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6) == 0;
}

static bool be_urgent(void)
{
	return setpriority(PRIO_PROCESS, 0, -5) == 0;
}

static bool be_urgent_alone(void)
{
	return schedule(SCHED_OTHER | SCHED_RESET_ON_FORK, 0) && be_urgent();
}

/* A child with a reset policy keeps the batch policy. */
static bool be_batch_alone(void)
{
	return be_batch() && schedule(SCHED_BATCH | SCHED_RESET_ON_FORK, 0);
}

static const char *policy(void)
{
	snprintf(text, sizeof(text), "%x",
	         (unsigned)syscall(SYS_sched_getscheduler, 0) & ~(unsigned)SCHED_RESET_ON_FORK);
	return text;
}

/* A child with a higher limit than the existing helper gets another helper: raising a limit needs a privilege that few
 * processes have, but lowering the helper's needs none. */

static const char *files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	snprintf(text, sizeof(text), "%lu", (unsigned long)limit.rlim_max);
	return text;
}

static const char *files_of_child(void)
{
	struct beget_process *p;
	const char *answer;

	if (beget_start(&p, NULL, BEGET_CALL(files)) < 0 || beget_join(p, 10000, NULL) < 0 ||
	    beget_result(p, &answer) < 0)
		return beget_error();
	return answer;
}

static const char *parent_of(void)
{
	snprintf(text, sizeof(text), "%d", (int)getppid());
	return text;
}

static void lower_helper(int unused)
{
	struct rlimit limit;

	(void)unused;
	pid_t helper = atoi(ask(BEGET_FORKSERVER, 0, BEGET_CALL(parent_of)));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_max--;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur--;
	if (prlimit(helper, RLIMIT_NOFILE, &limit, NULL) < 0)
		_exit(NOT_PERMITTED);
	const char *wanted = kept(files());
	expect_text("limits", "helper's lowered", "spawn", wanted, ask(BEGET_SPAWN, 0, BEGET_CALL(files_of_child)));
	expect_text("limits", "helper's lowered", "fork", wanted, ask(BEGET_FORK, 0, BEGET_CALL(files_of_child)));
}

static void limits_of_a_found_helper(void)
{
	if (!in_copy(lower_helper, 0))
		skip();
}

static const struct piece pieces[] = {
	{"soft limits lowered", limits, NULL, lower_soft, ORDINARY},
	{"soft limits raised", limits, lower_soft, raise_again, ORDINARY},
	{"hard limits lowered", limits, NULL, lower_hard, ORDINARY},
	{"hard limits raised", limits, lower_hard, raise_some, REBIRTH},
	{"few files", limits, NULL, few_files, ORDINARY},
	{"no core and no file", limits, NULL, no_core, ORDINARY},
	{"nice", nice_value, NULL, be_nice, BY_THREAD},
	{"less nice", nice_value, be_nicer, be_nice, REBIRTH | BY_THREAD},
	{"affinity", affinity, NULL, use_one_cpu, BY_THREAD},
	{"personality", attributes, NULL, set_personality, BY_THREAD},
	{"personality that exec changes", attributes, NULL, set_executable, BY_THREAD},
	{"timer slack", attributes, NULL, set_timer_slack, BY_THREAD},
	{"dumpable", attributes, NULL, set_dumpable, ORDINARY | UNSEEN},
	{"batch", scheduling, NULL, be_batch, REBIRTH | BY_THREAD},
	{"real time", scheduling, NULL, be_first, REBIRTH | BY_THREAD},
	{"another priority", scheduling, be_first, be_first_of_all, REBIRTH | BY_THREAD},
	{"real time no more", scheduling, be_first, be_other_again, REBIRTH},
	{"real time for itself", scheduling, NULL, be_first_alone, NO_CHILD | BY_THREAD},
	{"negative nice", scheduling, NULL, be_urgent, REBIRTH | BY_THREAD},
	{"negative nice for itself", scheduling, NULL, be_urgent_alone, NO_CHILD},
	{"batch with reset", policy, NULL, be_batch_alone, REBIRTH},
	{"io priority", scheduling, NULL, read_later, REBIRTH | BY_THREAD},
};

static const struct piece *piece_at(int index)
{
	return &pieces[index];
}

int main(int argc, char **argv)
{
	static const struct unit more[] = {UNIT(limits_of_a_found_helper)};

	beget_init(argc, argv);
	setpriority(PRIO_PROCESS, 0, 0);
	first_nice = getpriority(PRIO_PROCESS, 0);
	return run_matrix(sizeof(pieces) / sizeof(*pieces), more, 1);
}
