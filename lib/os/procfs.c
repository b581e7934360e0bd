/* Reads files of /proc completely, whatever their size: a line that is not in the text is not in the file.
 * Runs in every process. */
#include "os/procfs.h"

#include "os/fault.h"
#include "os/fd.h"
#include "os/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 64, LARGEST = 16 << 20 };

static int grow(struct beget__text *t, size_t *room)
{
	char *more = *room < LARGEST ? beget__mem_alloc_unset(2 * *room) : NULL;

	if (!more)
		return -ENOMEM;
	memcpy(more, t->text, t->size);
	beget__procfs_free(t);
	t->text = more;
	*room *= 2;
	return 0;
}

static int read_all(int fd, struct beget__text *t)
{
	size_t room = sizeof(t->room);

	for (;;) {
		if (t->size + 1 == room && grow(t, &room))
			return -ENOMEM;
		FAULT("proc_read", -fault);
		ssize_t n = read(fd, t->text + t->size, room - 1 - t->size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		t->size += n > 0 ? (size_t)n : 0;
	}
}

int beget__procfs_read(struct beget__text *t, const char *path, ...)
{
	char name[PATH];
	va_list ap;

	t->text = t->room;
	t->size = 0;
	t->text[0] = '\0';
	va_start(ap, path);
	vsnprintf(name, sizeof(name), path, ap);
	va_end(ap);
	int fd = beget__fd_open(name, O_RDONLY);
	if (fd < 0)
		return fd;
	int error = read_all(fd, t);
	beget__fd_close(&fd);
	if (error)
		t->size = 0;
	t->text[t->size] = '\0';
	return error;
}

void beget__procfs_free(struct beget__text *t)
{
	if (t->text != t->room)
		free(t->text);
	t->text = t->room;
}

const char *beget__procfs_field(const char *text, const char *name, size_t *size)
{
	size_t length = strlen(name);
	const char *at = text;

	while ((at = strstr(at, name)) && ((at != text && at[-1] != '\n') || at[length] != ':'))
		at++;
	if (!at)
		return NULL;
	at += length + 1;
	at += strspn(at, " \t");
	const char *end = strchr(at, '\n');
	if (!end)
		return NULL;
	*size = (size_t)(end - at);
	return at;
}

int beget__procfs_link(char *text, size_t size, const char *path, ...)
{
	char name[PATH];
	va_list ap;

	va_start(ap, path);
	vsnprintf(name, sizeof(name), path, ap);
	va_end(ap);
	FAULT("readlink", -fault);
	ssize_t n = readlink(name, text, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	text[n] = '\0';
	return (int)n;
}

/* The second may contain any character, so count from its last bracket. */
uint64_t beget__procfs_stat(const char *stat, int n)
{
	const char *p = strrchr(stat, ')');

	for (int field = 2; p && field < n; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

int beget__procfs_mapped(uintptr_t address, char *path, size_t size)
{
	struct beget__text maps;
	unsigned long from, to;
	char *rest;
	int error = beget__procfs_read(&maps, "/proc/self/maps");
	const char *line = error ? NULL : strtok_r(maps.text, "\n", &rest), *file = NULL;

	for (; line && !file; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from <= address && address < to)
			file = strchr(line, '/');
	if (!error && !file)
		error = -ENOENT;
	else if (!error && strlen(file) >= size)
		error = -ENAMETOOLONG;
	else if (!error)
		strcpy(path, file);
	beget__procfs_free(&maps);
	return error;
}

bool beget__procfs_numbers_ours(void)
{
	char text[16];

	return beget__procfs_link(text, sizeof(text), "/proc/self") > 0 && atoi(text) == (int)getpid();
}

int beget__procfs_list(const char *path, int (*visit)(int number, void *data), void *data)
{
	FAULT("opendir", -fault);
	DIR *directory = opendir(path);
	int error = 0;

	if (!directory)
		return -errno;
	errno = 0; /* readdir returns NULL both at the end and on failure */
	for (const struct dirent *e; !error && (e = readdir(directory)); errno = 0) {
		int number = e->d_name[0] == '.' ? -1 : atoi(e->d_name);
		if (number >= 0 && number != dirfd(directory))
			error = visit(number, data);
	}
	if (!error)
		error = -errno;
	closedir(directory);
	return error;
}

struct list {
	int *fds;
	size_t n, room;
};

static int add(int fd, void *data)
{
	struct list *l = data;

	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		int *more = realloc(l->fds, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->fds = more;
		l->room = room;
	}
	l->fds[l->n++] = fd;
	return 0;
}

int beget__procfs_descriptors(int **ret, size_t *n)
{
	struct list l = {NULL, 0, 0};
	int error = beget__procfs_list("/proc/self/fd", add, &l);

	if (error) {
		free(l.fds);
		return error;
	}
	*ret = l.fds;
	*n = l.n;
	return 0;
}
