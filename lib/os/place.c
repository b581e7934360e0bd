/* Identifies directories, including their mount, and checks whether one can be entered.
 * Runs in every process. */
#include "os/place.h"

#include "os/fault.h"
#include "os/fd.h"
#include "os/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since Linux 5.8; older headers lack it. */
#define MOUNT_ID   0x1000u
#define STX_MNT_ID 0x90 /* the offset of stx_mnt_id */

/* For Linux before 5.8. */
static int mount_by_descriptor(int directory, const char *path, uint64_t *ret)
{
	struct beget__text info;
	size_t size;

	int fd = directory >= 0 ? beget__fd_dup(directory) : beget__fd_open(*path ? path : ".", O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	int error = beget__procfs_read(&info, "/proc/thread-self/fdinfo/%d", fd);
	const char *id = error ? NULL : beget__procfs_field(info.text, "mnt_id", &size);
	if (id)
		*ret = strtoull(id, NULL, 10);
	else if (!error)
		error = -ENODATA;
	beget__procfs_free(&info);
	beget__fd_close(&fd);
	return error;
}

static bool mount_reported(const struct statx *st)
{
	FAULT("mount_id", false);
	return st->stx_mask & MOUNT_ID;
}

static int find(int directory, const char *path, struct beget__place *ret)
{
	struct statx st;
	int error = 0;

	FAULT("statx", -fault);
	memset(&st, 0, sizeof(st));
	if (syscall(SYS_statx, directory, path, AT_NO_AUTOMOUNT | AT_EMPTY_PATH, STATX_INO | MOUNT_ID, &st) < 0)
		return -errno;
	uint64_t mount;
	memcpy(&mount, (const char *)&st + STX_MNT_ID, sizeof(mount));
	if (!mount_reported(&st))
		error = mount_by_descriptor(directory, path, &mount);
	if (!error)
		*ret = (struct beget__place){mount, (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor, st.stx_ino};
	return error;
}

int beget__place_read(const char *path, struct beget__place *ret)
{
	return find(AT_FDCWD, path, ret);
}

int beget__place_of(int directory, struct beget__place *ret)
{
	return find(directory, "", ret);
}

int beget__place_enter(int directory)
{
	FAULT("fchdir", -fault);
	return fchdir(directory) < 0 ? -errno : 0;
}

int beget__place_enter_root(void)
{
	FAULT("chdir", -fault);
	return chdir("/") < 0 ? -errno : 0;
}

char *beget__place_path(void)
{
	FAULT("getcwd", NULL);
	return getcwd(NULL, 0);
}

int beget__place_enter_check(int directory)
{
	FAULT("faccessat", -fault);
	return faccessat(directory, ".", X_OK, AT_EACCESS) < 0 ? -errno : 0;
}
