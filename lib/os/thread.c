/* Threads: how many run, and cancellation.
 * Runs in every process. */
#include "os/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <unistd.h>

/* Joined threads stay listed for a while: PF_EXITING in the flags tells them. */
static int thread_runs(int tasks, const char *name)
{
	char path[300], text[512];
	unsigned flags;

	snprintf(path, sizeof(path), "%s/stat", name);
	int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	const char *p = strrchr(text, ')');
	return p && sscanf(p, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && !(flags & 0x4u);
}

int beget__thread_count(void)
{
	int n = 0;

	if (__libc_single_threaded)
		return 1;
	DIR *tasks = opendir("/proc/self/task");
	if (!tasks && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	if (!tasks)
		return 2; /* libc saw threads, and nobody says that they are gone */
	for (const struct dirent *e; n >= 0 && (e = readdir(tasks));) {
		int runs = e->d_name[0] != '.' ? thread_runs(dirfd(tasks), e->d_name) : 0;
		n = runs < 0 ? runs : n + runs;
	}
	closedir(tasks);
	return n ? n : 1;
}

int beget__thread_no_cancel(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

void beget__thread_cancel(int before)
{
	pthread_setcancelstate(before, NULL);
}
