/* Programs that are executed in place of this one: the host program, or the program that a server names.
 * Runs in every process. */
#include "program/executable.h"

#include "os/fail.h"
#include "os/file.h"
#include "os/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#ifndef BEGET_HOST_PATH /* set by the Makefile */
#define BEGET_HOST_PATH "/usr/local/libexec/beget-host"
#endif

const char *beget__executable_host(void)
{
	const char *other = beget__libc_secure_getenv("BEGET_HOST");

	return other && other[0] ? other : BEGET_HOST_PATH;
}

/* A program that gains privileges when it is executed would regain what the caller gave up. */
bool beget__executable_gains_rights(int fd)
{
	return getauxval(AT_SECURE) || beget__file_gains_rights(fd);
}

int beget__executable_check(const struct beget__executable *p)
{
	if (!beget__fd_is(p->fd, &p->identity))
		return beget__fail(ESTALE, "the program closed the descriptor of the executable %.150s", p->path);
	if (beget__executable_gains_rights(p->fd))
		return beget__fail(EPERM,
		                   "cannot execute %.150s: it is set-user-ID, set-group-ID or has file capabilities",
		                   p->path);
	return 0;
}

int beget__executable_open(struct beget__executable *ret, const char *path)
{
	const char *file = strcmp(path, BEGET__HOST) == 0 ? beget__executable_host() : path;
	char *real = beget__file_real(file); /* the working directory may change before the name is needed */
	int fd = real ? beget__fd_open(real, O_RDONLY | O_NONBLOCK) : -errno;

	if (fd == -EACCES)
		fd = beget__fd_open(real, O_PATH); /* execution does not need read permission */
	if (fd < 0) {
		free(real);
		return beget__fail_errno(-fd, "cannot open the executable %.150s", file);
	}
	*ret = (struct beget__executable){real, fd, beget__fd_identity(fd)};
	int error = beget__executable_check(ret);
	if (error)
		beget__executable_free(ret);
	return error;
}

void beget__executable_close(struct beget__executable *p)
{
	if (p->path && beget__fd_is(p->fd, &p->identity))
		beget__fd_close(&p->fd);
	p->fd = -1;
}

void beget__executable_free(struct beget__executable *p)
{
	beget__executable_close(p);
	free(p->path);
	p->path = NULL;
}
