/* A child with BEGET_ALONE does not have the helper's socket. Another child can request children from the helper, but
 * not after it has restricted itself, because the helper notices that. */
#include "asks.h"
#include "filter.h"
#include "harness.h"
#include "host.h"

#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>

enum restriction { NONE, NO_NEW_PRIVS, FILTER, OTHER_USER, OTHER_GROUPS, OTHER_ROOT, NAMESPACE, NOT_DUMPABLE };

static bool restrict_self(int how)
{
	switch (how) {
	case NO_NEW_PRIVS: return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0, 0, 0) == 0;
	case FILTER: return refuse_call(SYS_acct, EPERM);
	case OTHER_USER: return setresuid(65534, 65534, 65534) == 0;
	case OTHER_GROUPS: return setgroups(1, (gid_t[]){77}) == 0;
	case OTHER_ROOT: return chroot("/tmp") == 0;
	case NAMESPACE: return unshare(CLONE_NEWNET) == 0;
	case NOT_DUMPABLE: return prctl(PR_SET_DUMPABLE, 0UL, 0, 0, 0) == 0;
	default: return true;
	}
}

/* Exits with the number of children born. */
static void asks_restricted(int how)
{
	if (!restrict_self(how))
		_exit(99);
	_exit(asks_everybody(3000));
}

static int births(const struct beget_options *o, int how)
{
	struct beget_status status;
	struct beget_process *p = start_with(o, BEGET_CALL(asks_restricted, how));

	assert_int_equal(beget_join(p, 20000, &status), 0);
	assert_int_equal(status.outcome, BEGET_EXITED);
	beget_free(p);
	return status.code;
}

static void alone(enum beget_method method)
{
	pid_t helper = helper_pid(); /* there is a helper to ask */

	assert_int_equal(births(BEGET_OPTIONS(.method = method), NONE), 1);
	assert_int_equal(births(BEGET_OPTIONS(.method = method, .flags = BEGET_ALONE), NONE), 0);
	assert_int_equal(births(BEGET_OPTIONS(.method = method, .flags = BEGET_ALONE | BEGET_CLOSE_FDS), NONE), 0);
	assert_int_equal(births(BEGET_OPTIONS(.method = method, .flags = BEGET_NO_NEW_PRIVS), NONE), 0);
	assert_int_equal(helper_pid(), helper);
}

/* No child has the socket of a server. */
static void alone_with_a_server(enum beget_method method)
{
	struct beget_server *s;

	helper_pid();
	assert_int_equal(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 1)), 0);
	assert_int_equal(
		births(BEGET_OPTIONS(.method = method, .server = method == BEGET_FORK ? NULL : s, .flags = BEGET_ALONE),
	               NONE),
		0);
	beget_server_close(s);
}

static int parent(void)
{
	return getppid();
}

/* 0 if its helper is not the caller's. */
static int starts_by_its_own_helper(int callers)
{
	struct beget_process *p;
	int value = -1;

	for (int i = 0; i < 2; i++) {
		if (beget_start(&p, NULL, BEGET_CALL(parent)) < 0 || beget_join(p, 10000, NULL) < 0 ||
		    beget_result(p, &value) < 0)
			return -1;
		beget_free(p);
	}
	return value == callers || value == getpid();
}

static void starts_of_one_that_is_alone(enum beget_method method)
{
	pid_t helper = helper_pid();

	assert_int_equal(int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_ALONE),
	                                 BEGET_CALL(starts_by_its_own_helper, (int)helper)),
	                 0);
	assert_int_equal(helper_pid(), helper);
}

static void restricted(enum beget_method method)
{
	static const char *const names[] = {"none",         "no_new_privs", "filter",    "other user",
	                                    "other groups", "other root",   "namespace", "not dumpable"};

	helper_pid();
	for (int how = NO_NEW_PRIVS; how <= NOT_DUMPABLE; how++) {
		int n = births(BEGET_OPTIONS(.method = method), how);
		/* Root can see everything. */
		if (n != 99 && n != 0 && !(how == NOT_DUMPABLE && geteuid() == 0))
			fail_msg("%s: %d children born", names[how], n);
	}
}

/* It can still start children: they come from a helper of its own and have its rights. */
static int starts_after(int how)
{
	struct beget_process *p;
	int value = -1;

	if (!restrict_self(how))
		return 0;
	if (beget_start(&p, NULL, BEGET_CALL(parent)) < 0 || beget_join(p, 10000, NULL) < 0 ||
	    beget_result(p, &value) < 0)
		return -1;
	beget_free(p);
	return value > 0 ? 0 : -2;
}

static void starts_of_the_restricted(enum beget_method method)
{
	for (int how = NONE; how <= NOT_DUMPABLE; how++)
		if (how != OTHER_ROOT && how != OTHER_USER)
			assert_int_equal(int_result(method, BEGET_CALL(starts_after, how)), 0);
}

static enum beget_method by;

static void as_an_ordinary_user(void)
{
	become_ordinary();
	CHECK(host_int(by, BEGET_CALL(starts_after, NOT_DUMPABLE)) == 0);
	CHECK(host_int(by, BEGET_CALL(starts_after, NO_NEW_PRIVS)) == 0);
}

static void starts_of_an_ordinary_user(enum beget_method method)
{
	by = method;
	run_host(as_an_ordinary_user);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(alone),      BEHAVIOUR(alone_with_a_server),      BEHAVIOUR(starts_of_one_that_is_alone),
		BEHAVIOUR(restricted), BEHAVIOUR(starts_of_the_restricted), BEHAVIOUR(starts_of_an_ordinary_user),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
