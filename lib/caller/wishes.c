/* The directory, environment and standard streams that the options give the child in place of the caller's: opened and
 * checked before any process exists. Runs in the caller. Knows no start method. */
#include "caller/wishes.h"

#include "caller/options.h"
#include "caller/process.h"
#include "os/box.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/place.h"
#include "os/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int check_env(char *const *env)
{
	for (size_t i = 0; env && env[i]; i++) {
		const char *equals = strchr(env[i], '=');
		if (!equals || equals == env[i])
			return beget__fail(EINVAL,
			                   "environment: entry %zu (\"%.40s\") does not have the form NAME=value", i,
			                   env[i]);
	}
	return 0;
}

static int open_directory(const char *path, int *ret)
{
	int fd = beget__fd_open(path, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return beget__fail_errno(-fd, "cannot open the working directory %.120s", path);
	*ret = fd;
	/* it can be opened but not entered */
	int error = beget__place_enter_check(fd);
	return error ? beget__fail_errno(-error, "cannot enter the working directory %.120s", path) : 0;
}

static int open_pipe(int i, int *lent, int *mine)
{
	int pair[2];
	int error = beget__fd_pipe(pair);

	if (error)
		return beget__fail_errno(-error, "cannot create a pipe for the child's %s", beget__options_streams[i]);
	*lent = pair[i == STDIN_FILENO ? 0 : 1];
	*mine = pair[i == STDIN_FILENO ? 1 : 0];
	return 0;
}

/* Opening a FIFO waits for its other end, so it is done without the guard, which would block all other starts and
 * forks. A copy of the caller that is forked at this moment may have the file open. */
static int open_waiting(const char *path, int flags)
{
	int fd;

	beget__forks_unguard();
	do
		fd = beget__fd_open(path, flags);
	while (fd == -EINTR);
	beget__forks_guard();
	return fd;
}

/* Closing a regular file would release the caller's locks on it, so it is opened in a box. */
static int open_file(const char *path, int flags, int *ret, bool *boxed)
{
	*boxed = beget__file_plain(path);
	if (*boxed)
		return beget__box_open(path, flags, ret);
	int fd = open_waiting(path, flags);
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

/* One stream: w->stream[i] is the descriptor for the child; if it was opened for this, it is also in *lent. */
static int open_stream(int i, const struct beget_stream *s, struct beget__wishes *w, int *lent, int *mine)
{
	int *ret = &w->stream[i];
	const char *path = s->kind == BEGET_TO_NULL ? "/dev/null" : s->path;
	int flags = O_NOCTTY | (i == STDIN_FILENO ? O_RDONLY : O_WRONLY);
	int error = 0;

	switch (s->kind) {
	case BEGET_AS_IS: return 0;
	case BEGET_TO_FD: *ret = s->fd; return 0;
	case BEGET_TO_OUT:
		*ret = w->stream[1] != BEGET__AS_IS ? w->stream[1] : beget__fd_open_now(1) ? 1 : -1;
		w->boxed[i] = w->boxed[1];
		return 0;
	case BEGET_TO_PIPE: error = open_pipe(i, lent, mine); break;
	case BEGET_TO_FILE:
		flags |= i == STDIN_FILENO ? 0 : O_CREAT | O_TRUNC;
		/* fallthrough */
	case BEGET_TO_NULL:
		error = open_file(path, flags, lent, &w->boxed[i]);
		if (error)
			beget__fail_errno(-error, "%s: cannot open %.120s", beget__options_streams[i], path);
		break;
	}
	if (!error)
		*ret = *lent;
	return error;
}

/* Armed by the child, see tie.c: the kernel sends it SIGKILL when the other end closes. */
static int open_tie(struct beget_process *p)
{
	int pair[2];
	int error = beget__sock_pair(pair);

	if (error)
		return beget__fail_errno(-error, "cannot tie the child");
	p->tie = pair[0];
	p->lent[BEGET__LENT_TIE] = pair[1];
	return 0;
}

int beget__wishes_open(struct beget__plan *plan, struct beget_process *p)
{
	const struct beget_options *o = &plan->options;
	const struct beget_stream *streams[3] = {&o->in, &o->out, &o->err};
	struct beget__wishes *w = &plan->wishes;

	*w = (struct beget__wishes){
		.env = o->env,
		.cwd_fd = -1,
		.stream = {BEGET__AS_IS, BEGET__AS_IS, BEGET__AS_IS},
		.rlimits = o->rlimits,
		.rlimits_n = o->rlimits_n,
		.launched = plan->through != NULL,
		.own_group = o->flags & BEGET_NEW_GROUP,
		.own_session = o->flags & BEGET_NEW_SESSION,
	};
	int error = check_env(o->env);
	beget__forks_guard();
	if (!error && o->cwd)
		error = open_directory(o->cwd, &p->lent[BEGET__LENT_CWD]);
	w->cwd_fd = p->lent[BEGET__LENT_CWD];
	for (int i = 0; i < 3 && !error; i++)
		error = open_stream(i, streams[i], w, &p->lent[BEGET__LENT_STREAM + i], &p->ends[i]);
	if (!error && (o->flags & BEGET_TIED))
		error = open_tie(p);
	beget__forks_unguard();
	return error;
}

void beget__wishes_grant(struct beget__plan *plan, struct beget_process *p)
{
	const struct beget_stream *streams[3] = {&plan->options.in, &plan->options.out, &plan->options.err};

	beget__forks_guard();
	for (int i = 0; i < 3; i++)
		if (p->ends[i] >= 0) {
			*streams[i]->end = p->ends[i];
			p->ends[i] = -1;
		}
	beget__forks_unguard();
	beget__process_close_lent(p);
}
