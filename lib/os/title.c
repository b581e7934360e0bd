/* The name and the command line that the kernel shows of a process. It reads the command line from the addresses that
 * this file changes. The memory of main's arguments is not overwritten, because a target may use it.
 * Runs in the child. */
#include "os/title.h"

#include "os/fault.h"
#include "os/mem.h"
#include "os/procfs.h"
#include "os/self.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PR_SET_MM_MAP needs no privilege, but all addresses at once. */
static bool read_map(struct prctl_mm_map *ret)
{
	struct beget__text stat;
	bool known = beget__procfs_read(&stat, "/proc/self/stat") == 0;

	*ret = (struct prctl_mm_map){
		.start_code = beget__procfs_stat(stat.text, 26),
		.end_code = beget__procfs_stat(stat.text, 27),
		.start_stack = beget__procfs_stat(stat.text, 28),
		.start_data = beget__procfs_stat(stat.text, 45),
		.end_data = beget__procfs_stat(stat.text, 46),
		.start_brk = beget__procfs_stat(stat.text, 47),
		.brk = (uint64_t)syscall(SYS_brk, 0),
		.env_start = beget__procfs_stat(stat.text, 50),
		.env_end = beget__procfs_stat(stat.text, 51),
		.exe_fd = UINT32_MAX, /* unchanged */
	};
	beget__procfs_free(&stat);
	return known;
}

static int set_line(const char *text, size_t size)
{
	struct prctl_mm_map map;

	FAULT("prctl", -fault);
	if (!read_map(&map))
		return -ENODATA;
	map.arg_start = (uintptr_t)text;
	map.arg_end = map.arg_start + size;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0 ? -errno : 0;
}

void beget__title_set(const char *title)
{
	static char *shown; /* for the rest of the process */
	size_t size = strlen(title) + 1;
	char *copy = beget__mem_alloc(size);

	beget__self_set_name(title);
	if (!copy || set_line(strcpy(copy, title), size)) {
		free(copy);
		return;
	}
	free(shown);
	shown = copy;
}
