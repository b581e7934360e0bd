/* Making the helper what its children shall be born as: libraries loaded, a call made, what that left open and running
 * found. Runs in the helper only; knows no child. */
#include "prepare.h"

#include "argument.h"
#include "call.h"
#include "message.h"
#include "stream.h"
#include "sys.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The helper's own streams are /dev/null: what is printed here is the caller's, once. */
static void lend_streams(const int streams[3], int before[3])
{
	for (int i = 0; i <= STDERR_FILENO; i++) {
		before[i] = beget__sys_dup(i);
		if (streams[i] >= 0)
			dup2(streams[i], i);
	}
}

static void take_streams_back(int before[3])
{
	beget__stream_flush();
	for (int i = 0; i <= STDERR_FILENO; i++) {
		if (before[i] >= 0)
			dup2(before[i], i);
		beget__sys_close(&before[i]);
	}
}

int beget__prepare_load(const char *path, const int streams[3])
{
	int before[3], error = 0;

	if (!path)
		return beget__fail_plain(EBADMSG, "there is no library to load");
	lend_streams(streams, before);
	if (!dlopen(path, RTLD_NOW))
		error = beget__fail_plain(ELIBACC, "cannot preload: %.200s", dlerror());
	take_streams_back(before);
	return error;
}

/* A negative number says that it did not succeed, as an errno if it is one. */
static int outcome(unsigned type, const union beget__value *result)
{
	long long value = type == BEGET_TYPE_INT     ? result->i
	                  : type == BEGET_TYPE_LONG  ? result->l
	                  : type == BEGET_TYPE_LLONG ? result->ll
	                                             : 0;

	if (value >= 0)
		return 0;
	return value > -4096 ? beget__fail((int)-value, "the prepare call returned %lld", value)
	                     : beget__fail_plain(EINVAL, "the prepare call returned %lld", value);
}

static int call(struct beget__order *order, const int streams[3])
{
	union beget__value result;
	int before[3];

	lend_streams(streams, before);
	int error = beget__call_run(&order->call, &result);
	take_streams_back(before);
	return error ? beget__fail(-error, "cannot make the prepare call") : outcome(order->call.result, &result);
}

int beget__prepare_call(int channel, const int streams[3])
{
	static char buffer[BEGET__WIRE_PACKET]; /* like all that the call points to, it stays */
	static struct beget__frame frame;
	struct beget__order order;

	beget__frame_init(&frame, buffer, NULL);
	int got = beget__wire_receive(channel, &frame, 0);
	if (got != 1 || frame.kind != BEGET__CALL)
		return beget__fail(got < 0 ? -got : EBADMSG, "cannot receive the prepare call");
	struct beget__reader reader = {frame.body, 0, frame.size, false};
	struct beget__fds fds = {frame.fds, frame.nfds, frame.nfds};
	int error = beget__message_get_call(&reader, &fds, &order);
	if (!error)
		error = beget__target_resolve(&order.target, &order.call.function);
	if (!error)
		error = beget__arguments_settle(&order);
	return error ? error : call(&order, streams);
}

static void name_threads(char *names, size_t size)
{
	DIR *tasks = opendir("/proc/self/task");
	size_t used = 0;
	char path[64];

	names[0] = '\0';
	for (struct dirent *d; tasks && (d = readdir(tasks)) != NULL;) {
		char name[32];
		if (d->d_name[0] == '.' || atoi(d->d_name) == (int)getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", d->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);
		beget__sys_close(&fd);
		if (n <= 1 || used + (size_t)n + 2 >= size)
			continue;
		name[n - 1] = '\0';
		used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
	}
	if (tasks)
		closedir(tasks);
}

int beget__prepare_threads(unsigned flags)
{
	char names[100];
	int threads = beget__sys_threads();

	if (threads <= 1 || (flags & BEGET_SERVER_THREADS))
		return 0;
	name_threads(names, sizeof(names));
	return beget__fail_plain(EDEADLK,
	                         "%d threads run in the server besides its first (%s), and no child would have them "
	                         "(BEGET_SERVER_THREADS serves all the same)",
	                         threads - 1, names);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int is_own(int fd, const int *own, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (own[i] == fd)
			return 1;
	return fd <= STDERR_FILENO;
}

int beget__prepare_open(const int *own, size_t n, int **ret, size_t *ret_n)
{
	DIR *open_ones = opendir("/proc/self/fd");
	size_t room = 0, found = 0;
	int *all = NULL;

	if (!open_ones)
		return beget__fail(errno, "cannot list what the prepare call left open");
	for (struct dirent *d; (d = readdir(open_ones)) != NULL;) {
		int fd = atoi(d->d_name);
		if (d->d_name[0] == '.' || fd == dirfd(open_ones) || is_own(fd, own, n))
			continue;
		if (found == room) {
			room = room ? 2 * room : 16;
			int *more = realloc(all, room * sizeof(*more));
			if (!more) {
				free(all);
				closedir(open_ones);
				return beget__fail(ENOMEM, "cannot list what the prepare call left open");
			}
			all = more;
		}
		all[found++] = fd;
	}
	closedir(open_ones);
	if (found)
		qsort(all, found, sizeof(*all), by_number);
	*ret = all;
	*ret_n = found;
	return 0;
}
