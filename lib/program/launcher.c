/* Launchers: finds them before they are needed, and quotes their output if they fail. Runs in the caller. */
#include "program/launcher.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUT = 8192 };

/* In the directory that ends at end; "" means the current one. */
static char *path_in(const char *directory, const char *end, const char *name)
{
	size_t n = (size_t)(end - directory);
	char *path = beget__mem_alloc(n + strlen(name) + 2);

	if (path && n > 0) {
		memcpy(path, directory, n);
		path[n++] = '/';
	}
	return path ? strcpy(path + n, name) - n : NULL;
}

/* If a file of that name exists but cannot be executed, that is the error. */
static int find(const char *name, char **ret)
{
	const char *path = getenv("PATH"), *end;
	int error = -ENOENT;

	if (strchr(name, '/'))
		path = "";
	for (path = path ? path : "/usr/bin:/bin"; path; path = *end ? end + 1 : NULL) {
		end = path + strcspn(path, ":");
		char *file = path_in(path, end, name);
		if (!file)
			return -ENOMEM;
		int found = beget__file_executable(file);
		if (found == 0) {
			*ret = file;
			return 0;
		}
		free(file);
		error = found == -ENOENT || found == -ENOTDIR ? error : found;
	}
	return error;
}

int beget__launcher_find(struct beget__launcher *ret, const char *const *argv)
{
	struct beget__launcher l = {0};

	if (!argv[0] || !argv[0][0])
		return beget__fail(EINVAL, "the launcher has no name");
	l.argv = beget__mem_copy_strings(argv);
	int error = l.argv ? find(argv[0], &l.path) : -ENOMEM;
	if (error) {
		beget__launcher_free(&l);
		return beget__fail_errno(-error, "cannot find the launcher %.120s", argv[0]);
	}
	*ret = l;
	return 0;
}

void beget__launcher_free(struct beget__launcher *l)
{
	free(l->argv);
	free(l->path);
	*l = (struct beget__launcher){0};
}

/* A file of fixed size needs no reader: output that does not fit cannot be written. */
int beget__launcher_open_output(void)
{
	int fd = beget__file_create(OUTPUT);

	if (fd < 0)
		return -1;
	if (beget__file_size(fd, OUTPUT))
		beget__fd_close(&fd);
	return fd;
}

/* The beginning of the last whole lines that fit into room bytes, if the end of a line takes two. */
static const char *last_lines(const char *text, const char *end, size_t room)
{
	const char *from = end;

	for (; from > text && room >= 2; from--)
		room -= from[-1] == '\n' ? 2 : 1;
	const char *line = from > text ? strchr(from, '\n') : NULL;
	return line && line[1] ? line + 1 : from;
}

const char *beget__launcher_quote(int fd, char *text, size_t size)
{
	char all[OUTPUT + 1] = "", *at = text;
	ssize_t n = fd < 0 ? 0 : beget__fd_read_at(fd, all, OUTPUT, 0);
	size_t length = strnlen(all, n > 0 ? (size_t)n : 0);

	while (length > 0 && all[length - 1] == '\n')
		length--;
	all[length] = '\0';
	for (const char *from = last_lines(all, all + length, size - 1); *from; from++)
		if (*from == '\n')
			at = stpcpy(at, "; ");
		else
			*at++ = *from;
	*at = '\0';
	return text;
}
