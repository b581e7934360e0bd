/* Executes the image as a child, as a spare, or as a helper through a middle process that exits at once.
 * Runs in the caller and the helper and, for its first steps, in the new process. */
#include "program/launch.h"

#include "os/fail.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/proc.h"
#include "os/self.h"
#include "os/signals.h"
#include "os/sock.h"
#include "os/trace.h"
#include "program/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One new process. The memory is shared with it until it executes the image. */
struct launch {
	const struct beget__executable *other;
	const struct beget__launcher *launcher; /* executes the image; NULL: none */
	int output;                             /* standard error until it reaches beget_init; -1: none */
	/* The launcher gets the number of the image's descriptor instead of its path. */
	bool by_number;
	sigset_t mask; /* the launcher's signal mask */
	int socket;
	bool helper;
	char **argv, **envp;
	int error;        /* of the new process; a negative errno */
	const char *step; /* the step that failed; NULL: execve itself */
	pid_t made;       /* the helper that the middle process created, or 0 */
	pid_t *pid;
	int *pidfd; /* written early, so that a concurrent fork finds it */
};

/* A helper has none of the caller's streams, and a process group of its own. */
BEGET__NOT_WATCHED static int begin_helper(struct launch *l)
{
	int nothing = beget__fd_open_nothing(), error = nothing < 0 ? nothing : 0;
	int32_t group;

	l->step = "cannot open a replacement for its standard streams";
	for (int fd = 0; fd <= STDERR_FILENO && !error; fd++)
		if (fd < STDERR_FILENO || beget__trace_fd < 0)
			error = beget__fd_put(fd == STDERR_FILENO && l->output >= 0 ? l->output : nothing, fd);
	/* Keep a group of another pid namespace (0), which cannot be joined again. */
	if (beget__self_group(0, &group) || group != 0)
		(void)beget__self_join_group(0);
	return error;
}

/* Keeps the caller's streams open, even if they are close-on-exec. */
BEGET__NOT_WATCHED static int begin_child(struct launch *l)
{
	l->step = "cannot replace its standard error";
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (beget__fd_closes_on_exec(fd))
			(void)beget__fd_set_inherited(fd, true);
	return l->output < 0 ? 0 : beget__fd_put(l->output, STDERR_FILENO);
}

/* From here to execve we use the caller's memory, with all signals blocked: only async-signal-safe code. */
BEGET__NOT_WATCHED static int begin(struct launch *l, int *image)
{
	l->step = "cannot copy the descriptor of its image";
	*image = beget__fd_dup_from(l->other ? l->other->fd : beget__image_fd(), BEGET__CHANNEL_FD + 1);
	if (*image < 0)
		return *image;
	int error = l->helper ? begin_helper(l) : begin_child(l); /* first, because the output may be descriptor 3 */
	if (error)
		return error;
	l->step = "cannot put its channel at descriptor 3";
	error = beget__fd_put(l->socket, BEGET__CHANNEL_FD);
	if (error)
		return error;
	beget__fd_close_range(BEGET__CHANNEL_FD + 1, (unsigned)*image - 1);
	beget__fd_close_range((unsigned)*image + 1, ~0u);
	l->step = NULL;
	return 0;
}

/* A launcher may rely on signals that it does not unblock, so it gets the caller's mask. No handler of the caller may
 * run here. */
BEGET__NOT_WATCHED static int execute_launcher(struct launch *l, int image)
{
	int error = l->by_number ? beget__fd_put(image, BEGET__IMAGE_FD) : 0;

	if (error)
		return error;
	beget__signals_set_ignored(beget__signals_ignored() & ~(UINT64_C(1) << (SIGCHLD - 1)));
	beget__signals_set_mask(&l->mask);
	return beget__proc_execute_path(l->launcher->path, l->argv, l->envp);
}

BEGET__NOT_WATCHED static int execute(void *data)
{
	struct launch *l = data;
	int image;

	l->error = begin(l, &image);
	if (!l->error)
		l->error = l->launcher ? execute_launcher(l, image) : beget__proc_execute(image, l->argv, l->envp);
	_exit(127);
}

BEGET__NOT_WATCHED static int middle(void *data)
{
	struct launch *l = data;
	pid_t pid = beget__proc_vfork(execute, l, sizeof(*l), SIGCHLD, l->pidfd);

	if (pid < 0) {
		l->step = "cannot create it";
		l->error = pid;
	}
	l->made = pid;
	_exit(0);
}

static int explain(const struct launch *l)
{
	const char *what = l->helper ? "helper" : "child";

	if (l->step)
		return beget__fail_errno(-l->error, "cannot launch the %s: it %s", what, l->step);
	if (l->error == -E2BIG)
		return beget__fail_errno(E2BIG, "cannot launch the %s: the environment is too large for exec", what);
	if (l->launcher)
		return beget__fail_errno(-l->error, "cannot execute the launcher %.120s", l->launcher->path);
	if (l->other)
		return beget__fail_errno(-l->error, "cannot execute %.150s", l->other->path);
	if (beget__image_is_host())
		return beget__fail_errno(-l->error, "cannot execute the host program %.120s", beget__executable_host());
	return beget__fail_errno(-l->error, "cannot execute the program's image");
}

static int run(struct launch *l)
{
	int none;

	beget__signals_block_all(&l->mask);
	/* Exit signal 0: the host gets no SIGCHLD, and its wait(-1) does not see the process. */
	pid_t pid = l->helper ? beget__proc_vfork(middle, l, sizeof(*l), 0, &none)
	                      : beget__proc_vfork(execute, l, sizeof(*l), SIGCHLD, l->pidfd);
	if (pid > 0 && l->helper)
		beget__proc_reap(pid, (int)__WCLONE);
	else if (pid > 0 && l->error)
		beget__proc_reap(pid, 0);
	beget__signals_set_mask(&l->mask);
	if (pid < 0)
		return beget__fail_errno(-pid, "cannot create a process");
	if (l->error) {
		beget__fd_close(l->pidfd);
		return explain(l);
	}
	*l->pid = l->helper ? l->made : pid;
	return 0;
}

extern char **environ;

/* The environment without strings that are too long for execve, plus one string if more is not NULL. Strings left out
 * are sent with the rest of the state. */
static char **environment(char *more)
{
	size_t n = 0, kept = 0;

	while (environ && environ[n])
		n++;
	char **envp = beget__mem_alloc((n + 2) * sizeof(*envp));
	for (size_t i = 0; i < n && envp; i++)
		if (!beget__proc_exceeds_exec(environ[i]))
			envp[kept++] = environ[i];
	if (envp)
		envp[kept] = more;
	return envp;
}

/* The name of the image for a launcher: its path, which a launcher may show to the user, if that still leads to the
 * image; else its descriptor. */
static void name_image(struct launch *l, char name[PATH_MAX])
{
	const char *path = l->other ? l->other->path : beget__image_path(name, PATH_MAX);
	char *real = beget__file_real(path);
	int fd = real ? beget__fd_open(real, O_PATH) : -1;
	struct beget__identity named = beget__fd_identity(fd);

	l->by_number = !beget__fd_is(l->other ? l->other->fd : beget__image_fd(), &named);
	snprintf(name, PATH_MAX, "%s", l->by_number ? BEGET__IMAGE_NAME : real);
	if (fd >= 0)
		beget__fd_close(&fd);
	free(real);
}

/* The arguments of the launcher, then the image's. To be freed. */
static char **launcher_argv(const struct beget__launcher *launcher, char *name, char *mark)
{
	size_t n = 0;

	while (launcher->argv[n])
		n++;
	char **argv = beget__mem_alloc((n + 3) * sizeof(*argv));
	if (!argv)
		return NULL;
	memcpy(argv, launcher->argv, n * sizeof(*argv));
	argv[n] = name;
	argv[n + 1] = mark;
	return argv;
}

static int start_launcher(struct launch *l, char *mark)
{
	char name[PATH_MAX];

	name_image(l, name);
	l->argv = launcher_argv(l->launcher, name, mark);
	int error = l->argv ? run(l) : beget__fail_errno(ENOMEM, "cannot launch a process");
	free(l->argv);
	return error;
}

static int start(struct launch *l, char *mark, char *more)
{
	char *name = l->other ? l->other->path : beget__image_name();
	char *argv[] = {name, mark, NULL};

	int error = beget__image_ready(l->other);
	if (error)
		return error;
	l->argv = argv;
	l->envp = environment(more);
	if (!l->envp)
		return beget__fail_errno(ENOMEM, "cannot launch a process");
	error = l->launcher ? start_launcher(l, mark) : run(l);
	free(l->envp);
	return error;
}

int beget__launch_spawn(const struct beget__executable *other, int output, int socket, pid_t *pid, int *pidfd)
{
	char mark[] = BEGET__CHILD_MARK;
	struct launch l = {.other = other, .output = output, .socket = socket, .pid = pid, .pidfd = pidfd};

	return start(&l, mark, NULL);
}

int beget__launch_spare(int socket, pid_t *pid, int *pidfd)
{
	char mark[] = BEGET__SPARE_MARK;

	return start(&(struct launch){.output = -1, .socket = socket, .pid = pid, .pidfd = pidfd}, mark, NULL);
}

int beget__launch_helper(const struct beget__executable *other, const struct beget__launcher *launcher, int output,
                         bool eager, int socket, pid_t *pid)
{
	char mark[] = BEGET__HELPER_MARK, bind[] = BEGET__BIND_NOW "=" BEGET__OUR_BINDING;
	int none = -1; /* only for the middle process, which exits */
	struct launch l = {
		.other = other,
		.launcher = launcher,
		.output = output,
		.socket = socket,
		.helper = true,
		.pid = pid,
		.pidfd = &none,
	};

	/* The children of the helper inherit the symbols that it has bound. */
	return start(&l, mark, eager && !getenv(BEGET__BIND_NOW) ? bind : NULL);
}

/* Root is trusted too, because a launcher may have changed the user. */
bool beget__launch_trusted(void)
{
	struct ucred maker;
	uid_t users[3];

	if (beget__sock_maker(BEGET__CHANNEL_FD, &maker) || beget__self_users(users))
		return false;
	bool ours = maker.uid == users[0] && maker.uid == users[1] && maker.uid == users[2];
	return (ours || maker.uid == 0) && beget__fd_set_inherited(BEGET__CHANNEL_FD, false) == 0;
}
