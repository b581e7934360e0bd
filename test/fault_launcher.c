/* Each system call and allocation of the caller fails in turn while it starts through a launcher: the start returns an
 * error with a sentence, or the status is correct. Nothing leaks, and the next start works. */
#include "fault.h"
#include "host.h"

#include <stdlib.h>

static const char *const launcher[] = {"sh", "-c", "\"$@\"", "sh", NULL};

static void exits(int code)
{
	_exit(code);
}

static int start_one(struct beget_process **p)
{
	return beget_start(p, BEGET_OPTIONS(.method = BEGET_SPAWN, .launcher = launcher, .timeout_ms = scaled(5000)),
	                   BEGET_CALL(exits, 7));
}

static void is_healthy(void)
{
	struct beget_process *p;

	if (start_one(&p) < 0)
		fail_msg("%s", beget_error());
	expect_exit(p, 7);
}

/* Returns false once there are fewer calls than n. */
static bool fails(const char *call, int n)
{
	struct beget_process *p = NULL;
	struct beget_status status;
	int before = count_descriptors();

	fault_nth(call, n, EMFILE);
	int error = start_one(&p);
	bool hit = fault_off() > 0;
	if (error < 0) {
		assert_null(p);
		assert_true(hit && beget_error()[0]);
	} else {
		assert_int_equal(beget_join(p, 20000, &status), 0);
		if (status.outcome != BEGET_FAILED)
			assert_true(status.outcome == BEGET_EXITED && status.code == 7);
		beget_free(p);
	}
	if (count_descriptors() != before)
		fail_msg("%s %d: %d descriptors, not %d", call, n, count_descriptors(), before);
	return hit;
}

static void each_call(void)
{
	static const char *const calls[] = {" alloc ",      " open ",     " dup ",          " dup2 ",  " socketpair ",
	                                    " clone ",      " execve ",   " memfd_create ", " pipe ",  " ftruncate ",
	                                    " pidfd_open ", " sendmsg ",  " recvmsg ",      " setfd ", " getrlimit ",
	                                    " sockopt ",    " readlink ", " getxattr ",     " poll "};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		for (int n = 1; n < 60 && fails(calls[i], n); n++)
			;
		is_healthy();
	}
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {UNIT(each_call)};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
