/* A program that may gain privileges when it is executed. Its first argument is one of these:
 *   starts    start with all methods, and print one line each: the error or "ok"
 *   drops     the same, after dropping the privileges gained, and those of root
 *   seteuid   as starts, with another effective user, as in a daemon that will be root again; prints the sentence
 *   helped    as drops, but a helper is tried before
 * Other arguments are printed after beget_init: "main goes on" shows that it has returned. */
#include <beget.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NOBODY_UID = 65534 };

static int rights(void)
{
	uid_t real, effective, saved;

	return getresuid(&real, &effective, &saved) < 0 || real != effective || real != saved;
}

static int start_by(enum beget_method method, const char *name)
{
	struct beget_process *process;
	int result = -1;

	int error = beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(rights));
	if (error == 0) {
		error = beget_join(process, 30000, NULL);
		if (error == 0)
			error = beget_result(process, &result);
		beget_free(process);
	}
	printf("%s: %s\n", name, error == 0 ? "ok" : error == -EPERM ? "EPERM" : beget_error());
	return error;
}

static int give_up(void)
{
	gid_t group = getgid() ? getgid() : NOBODY_UID;
	uid_t user = getuid() ? getuid() : NOBODY_UID;

	return setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	const char *what = argc > 1 ? argv[1] : "";
	puts("main goes on");
	if (strcmp(what, "helped") == 0)
		(void)start_by(BEGET_FORKSERVER, "before");
	if (strcmp(what, "seteuid") == 0) {
		if (seteuid(NOBODY_UID) < 0)
			return 2;
		(void)start_by(BEGET_SPAWN, "spawn");
		puts(beget_error());
		(void)start_by(BEGET_FORKSERVER, "forkserver");
		puts(beget_error());
		(void)start_by(BEGET_FORK, "fork");
		return 0;
	}
	if (strcmp(what, "starts") != 0 && give_up())
		return 2;
	(void)start_by(BEGET_FORK, "fork");
	(void)start_by(BEGET_SPAWN, "spawn");
	(void)start_by(BEGET_FORKSERVER, "forkserver");
	return 0;
}
