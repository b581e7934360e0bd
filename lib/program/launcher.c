/* Launchers: finds them before they are needed. Runs in the caller. */
#include "program/launcher.h"

#include "os/fail.h"
#include "os/file.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
