/* BEGET_METHOD in the environment replaces the method of all starts of a program, and of its children. */
#include "host.h"

#include <stdlib.h>

static const char *forced;
static int want;

static int method(void)
{
	return beget_start_method();
}

static int method_of_grandchild(void)
{
	struct beget_process *p;
	int value = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = BEGET_SPAWN), BEGET_CALL(method)) < 0 ||
	    beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0)
		return -1;
	beget_free(p);
	return value;
}

static int method_with_server(struct beget_server *s)
{
	struct beget_process *p;
	int value = -1;

	CHECK(beget_start(&p, BEGET_OPTIONS(.server = s), BEGET_CALL(method)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0 && beget_result(p, &value) == 0);
	beget_free(p);
	return value;
}

static void starts_by_all(void)
{
	struct beget_server *s;

	setenv("BEGET_METHOD", forced, 1);
	for (int m = 0; m < 3; m++) {
		CHECK(host_int((enum beget_method)m, BEGET_CALL(method)) == (want < 0 ? m : want));
		CHECK(host_int((enum beget_method)m, BEGET_CALL(method_of_grandchild)) ==
		      (want < 0 ? (int)BEGET_SPAWN : want));
	}
	CHECK(beget_server_open(&s, NULL) == 0);
	CHECK(method_with_server(s) == (want < 0 ? (int)BEGET_FORKSERVER : want));
	beget_server_close(s);
}

static void each(void)
{
	static const char *const names[] = {"forkserver", "spawn", "fork", ""};

	for (int i = 0; i < 4; i++) {
		forced = names[i];
		want = i < 3 ? i : -1;
		run_host(starts_by_all);
	}
}

static void asks_for_none(void)
{
	struct beget_process *p = NULL;

	setenv("BEGET_METHOD", "thread", 1);
	CHECK(beget_start(&p, NULL, BEGET_CALL(method)) == -EINVAL && !p);
	CHECK(strstr(beget_error(), "BEGET_METHOD") && strstr(beget_error(), "thread"));
}

static void no_method(void)
{
	run_host(asks_for_none);
}

int main(int argc, char **argv)
{
	static const struct unit table[] = {UNIT(each), UNIT(no_method)};

	beget_init(argc, argv);
	return run_units(table, sizeof(table) / sizeof(*table), 1);
}
