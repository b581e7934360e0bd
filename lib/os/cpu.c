/* The number of processors that this process may use. Control groups limit it by a quota of time per period: cpu.max
 * (version 2) or cpu.cfs_quota_us (version 1) in each group from the process's own up to the root.
 * Runs in the caller. */
#include "os/cpu.h"

#include "os/fd.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = beget__fd_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	beget__fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static unsigned affinity(void)
{
	size_t size = CPU_ALLOC_SIZE(4096);
	cpu_set_t *set = CPU_ALLOC(4096);
	unsigned n = 0;

	if (set && sched_getaffinity(0, size, set) == 0)
		n = (unsigned)CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return n > 0 ? n : 1;
}

/* A fraction of a processor counts as one. */
static unsigned whole(double quota, double period)
{
	unsigned n = quota > 0 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;

	return n;
}

/* 0: the group has no quota. */
static unsigned quota_of(const char *group)
{
	char path[4200], text[80];
	double quota = 0, period = 0;

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
	if (read_text(path, text, sizeof(text)))
		return sscanf(text, "%lf %lf", &quota, &period) == 2 ? whole(quota, period) : 0;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
	if (read_text(path, text, sizeof(text)))
		quota = atof(text);
	snprintf(path, sizeof(path), "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
	if (read_text(path, text, sizeof(text)))
		period = atof(text);
	return whole(quota, period);
}

/* Finds the process's group in a line such as "0::/a/b" or, in version 1, "4:cpu,cpuacct:/a/b". */
static bool find_group(char *text, char **ret)
{
	char *line = strstr(text, "cpu,");

	if (!line)
		line = strstr(text, ":cpu:");
	if (!line)
		line = strstr(text, "0::/");
	char *path = line ? strchr(line, '/') : NULL;
	if (!path)
		return false;
	path[strcspn(path, "\n")] = '\0';
	*ret = path;
	return true;
}

unsigned beget__cpu_count(void)
{
	char text[4096], *group;
	unsigned n = affinity();

	if (!read_text("/proc/self/cgroup", text, sizeof(text)) || !find_group(text, &group))
		return n;
	for (char *end = group + strlen(group);; *end = '\0') {
		unsigned quota = quota_of(strcmp(group, "/") == 0 ? "" : group);
		if (quota > 0 && quota < n)
			n = quota;
		if (!*group || (end = strrchr(group, '/')) == NULL)
			return n;
	}
}
