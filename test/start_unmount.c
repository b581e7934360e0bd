/* The library keeps no file system busy: neither the helper, nor a server and its spares, nor a handle holds the
 * directory in which it was made. Each test runs in a mount namespace of its own. */
#include "host.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

static enum beget_method by;
static char directory[] = "/tmp/beget-unmount-XXXXXX";

static void enter(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", directory, "tmpfs", 0, NULL) < 0)
		_exit(NOT_PERMITTED);
	CHECK(chdir(directory) == 0 && mkdir("inner", 0755) == 0);
}

static void leave(void)
{
	CHECK(chdir("/") == 0);
	CHECK(umount2(directory, 0) == 0);
}

static const char *where(void)
{
	static char path[PATH_MAX];

	return getcwd(path, sizeof(path));
}

static void expect_at(const struct beget_options *o, const char *expected)
{
	struct beget_process *p;
	char *at = NULL;

	CHECK(beget_start(&p, o, BEGET_CALL(where)) == 0);
	CHECK(beget_join(p, 10000, NULL) == 0);
	CHECK(beget_result(p, &at) == 0);
	if (strcmp(at, expected) != 0)
		dprintf(STDERR_FILENO, "# in %s, not in %s\n", at, expected);
	CHECK(strcmp(at, expected) == 0);
	beget_free(p);
}

/* Wherever the caller is, its child is there too, also after the helper has left. */
static void start_and_unmount(void)
{
	struct beget_options o = {.size = sizeof(o), .method = by};
	char inner[60];

	enter();
	expect_at(&o, directory);
	snprintf(inner, sizeof(inner), "%s/inner", directory);
	CHECK(chdir("inner") == 0);
	expect_at(&o, inner);
	leave();
	expect_at(&o, "/");
}

static int prepare(const char *expected)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof(path)) && strcmp(path, expected) == 0 ? 0 : -2;
}

static void wait_for_spares(struct beget_server *s, unsigned n)
{
	struct beget_server_status status = {0};

	for (int64_t end = now_ms() + 5000; status.spares < n && now_ms() < end; sleep_ms(5))
		CHECK(beget_server_status(s, &status) == 0);
	CHECK(status.spares == n);
}

/* With the state of the server's launch, the directory is found again by its path. */
static void close_and_unmount(void)
{
	struct beget_server *s;
	struct beget_options o = {.size = sizeof(o), .method = by, .flags = BEGET_SERVER_STATE};

	enter();
	CHECK(beget_server_open(&s, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(prepare, directory), .spares = 2,
	                                                 .spawn_spares = 1)) == 0);
	o.server = s;
	wait_for_spares(s, 3);
	expect_at(&o, directory);
	CHECK(chdir("/") == 0);
	expect_at(&o, by == BEGET_FORKSERVER ? directory : "/");
	wait_for_spares(s, 3);
	leave();
	if (by == BEGET_FORKSERVER) {
		struct beget_process *p;
		CHECK(beget_start(&p, &o, BEGET_CALL(where)) == -ESTALE);
		CHECK(strstr(beget_error(), "cannot read the working directory"));
	}
	o.flags = 0;
	expect_at(&o, "/");
	beget_server_close(s);
}

static void in_directory(enum beget_method method, void (*body)(void))
{
	not_under_valgrind("it emulates mounts");
	by = method;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	assert_non_null(mkdtemp(directory));
	int status = host_end(host_start(body));
	assert_int_equal(rmdir(directory), 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

static void after_a_start(enum beget_method method)
{
	in_directory(method, start_and_unmount);
}

static void with_a_server(enum beget_method method)
{
	in_directory(method, close_and_unmount);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	const struct behaviour behaviours[] = {
		BEHAVIOUR(after_a_start),
		BEHAVIOUR_OF(with_a_server, BY(BEGET_FORKSERVER) | BY(BEGET_SPAWN)),
	};
	return run_behaviours(behaviours, sizeof(behaviours) / sizeof(*behaviours));
}
