/* Resource limits and no_new_privs in the options of a start apply to the child only, not to the caller or the next
 * child. Limits that the caller has no privilege to set are refused. */
#include "harness.h"
#include "host.h"
#include "os/libc.h"
#include "pools.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum { FILES = 60, MORE_FILES = 70 };

/* Returns 1 if the limits are those of the options, 0 if they are the caller's, which are passed. */
static int limits(struct beget_bytes caller)
{
	const struct rlimit *was = caller.data;
	struct rlimit now;
	int differ = 0;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (getrlimit((beget__libc_resource)i, &now) == 0 && memcmp(&now, &was[i], sizeof(now)) != 0)
			differ += i == RLIMIT_NOFILE && now.rlim_cur == FILES && now.rlim_max == MORE_FILES ? 1 : 100;
	return differ;
}

static struct beget_bytes own_limits(void)
{
	static struct rlimit own[RLIM_NLIMITS];

	for (int i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((beget__libc_resource)i, &own[i]);
	return (struct beget_bytes){own, sizeof(own)};
}

static void of_the_child_alone(enum beget_method method)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(int_result_with(BEGET_OPTIONS(.method = method,
		                                               BEGET_RLIMITS({RLIMIT_NOFILE, FILES, MORE_FILES})),
		                                 BEGET_CALL(limits, own_limits())),
		                 1);
		assert_int_equal(limits(own_limits()), 0);
		assert_int_equal(int_result(method, BEGET_CALL(limits, own_limits())), 0);
	}
}

static int with_spares(int resource)
{
	struct rlimit limit;

	return getrlimit((beget__libc_resource)resource, &limit) ? -1 : (int)limit.rlim_cur;
}

static void several(enum beget_method method)
{
	struct beget_server *s = NULL;

	if (method != BEGET_FORK)
		assert_int_equal(beget_server_open(&s, BEGET_SERVER_OPTIONS(.spares = 1, .spawn_spares = 1)), 0);
	for (int i = 0; i < 3; i++) {
		const struct beget_options *o =
			BEGET_OPTIONS(.method = method, .server = s, .flags = BEGET_SERVER_STATE,
		                      BEGET_RLIMITS({RLIMIT_CORE, 0, 0}, {RLIMIT_CPU, 500, 600}));
		assert_int_equal(int_result_with(o, BEGET_CALL(with_spares, RLIMIT_CPU)), 500);
		assert_int_equal(int_result_with(o, BEGET_CALL(with_spares, RLIMIT_CORE)), 0);
	}
	beget_server_close(s);
}

static int child_of_a_child(int method, struct beget_bytes caller)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(limits, caller)) == 0) {
		beget_join(p, 10000, NULL);
		(void)beget_result(p, &value);
		beget_free(p);
	}
	return value;
}

static void carried_on(enum beget_method method)
{
	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = method, BEGET_RLIMITS({RLIMIT_NOFILE, FILES, MORE_FILES})),
	                        BEGET_CALL(child_of_a_child, (int)method, own_limits())),
		1);
}

static void of_workers(enum beget_method method)
{
	struct beget_rlimit files = {RLIMIT_NOFILE, FILES, MORE_FILES};
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .rlimits = &files, .rlimits_n = 1);
	struct beget_pool *pool = open_pool(BEGET_POOL_OPTIONS(.workers = 1, .start = o, .tasks_per_worker = 1));

	files = (struct beget_rlimit){RLIMIT_NOFILE, 10, 10}; /* the pool has a copy */
	for (int i = 0; i < 2; i++)
		assert_int_equal(task_int(submit(pool, BEGET_CALL(limits, own_limits()))), 1);
	beget_pool_free(pool);
}

static int is_set(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static void no_new_privs(enum beget_method method)
{
	int own = is_set();

	assert_int_equal(
		int_result_with(BEGET_OPTIONS(.method = method, .flags = BEGET_NO_NEW_PRIVS), BEGET_CALL(is_set)), 1);
	assert_int_equal(is_set(), own);
	assert_int_equal(int_result(method, BEGET_CALL(is_set)), own);
}

/* Limits that are refused. */

static enum beget_method by;

static void refused(int error, const char *words, const struct beget_rlimit *rlimits, size_t n)
{
	struct beget_process *p = NULL;

	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, .rlimits = rlimits, .rlimits_n = n), BEGET_CALL(is_set)) ==
	      error);
	CHECK(!p && strstr(beget_error(), words));
}

static void as_an_ordinary_user(void)
{
	struct rlimit core = {0, 0};

	become_ordinary();
	CHECK(setrlimit(RLIMIT_CORE, &core) == 0);
	refused(-EPERM, "resource limit 2: RLIMIT_CORE: the hard limit 5 is above that of this process, 0",
	        (struct beget_rlimit[]){{RLIMIT_CPU, 500, 600}, {RLIMIT_CORE, 4, 5}}, 2);
}

static void as_root(void)
{
	struct rlimit files = {FILES, FILES};
	struct beget_process *p;
	int value = 0;

	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){MORE_FILES, MORE_FILES}) < 0)
		_exit(NOT_PERMITTED); /* without CAP_SYS_RESOURCE */
	CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, BEGET_RLIMITS({RLIMIT_NOFILE, 80, 90})),
	                  BEGET_CALL(with_spares, RLIMIT_NOFILE)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0 && beget_result(p, &value) == 0 && value == 80);
	beget_free(p);
}

/* It has CAP_SYS_RESOURCE, but the kernel asks for that of the initial user namespace. */
static void as_root_of_a_namespace(void)
{
	struct rlimit core = {0, 0};
	struct beget_process *p;
	struct beget_status status;

	if (unshare(CLONE_NEWUSER) < 0)
		_exit(NOT_PERMITTED);
	CHECK(setrlimit(RLIMIT_CORE, &core) == 0);
	CHECK(beget_start(&p, BEGET_OPTIONS(.method = by, BEGET_RLIMITS({RLIMIT_CORE, 4, 5})), BEGET_CALL(is_set)) ==
	      0);
	CHECK(beget_join(p, 10000, &status) == 0);
	CHECK(status.outcome == BEGET_FAILED && status.code == -EPERM);
	beget_free(p);
}

static void above_the_callers(enum beget_method method)
{
	by = method;
	run_host(as_an_ordinary_user);
}

static void above_the_callers_with_the_privilege(enum beget_method method)
{
	by = method;
	run_host_if_permitted(as_root);
}

static void above_the_callers_in_a_user_namespace(enum beget_method method)
{
	by = method;
	run_host_if_permitted(as_root_of_a_namespace);
}

static void nonsense(enum beget_method method)
{
	by = method;
	refused(-EINVAL, "unknown resource 99", (struct beget_rlimit[]){{99, 1, 1}}, 1);
	refused(-EINVAL, "unknown resource -1", (struct beget_rlimit[]){{-1, 1, 1}}, 1);
	refused(-EINVAL, "RLIMIT_CPU: the soft limit 2 is above the hard limit 1",
	        (struct beget_rlimit[]){{RLIMIT_CPU, 2, 1}}, 1);
	refused(-EINVAL, "rlimits is NULL", NULL, 1);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(of_the_child_alone),
		BEHAVIOUR(several),
		BEHAVIOUR(carried_on),
		BEHAVIOUR(of_workers),
		BEHAVIOUR(no_new_privs),
		BEHAVIOUR(above_the_callers),
		BEHAVIOUR(above_the_callers_with_the_privilege),
		BEHAVIOUR(above_the_callers_in_a_user_namespace),
		BEHAVIOUR(nonsense),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
