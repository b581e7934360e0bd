/* Resource limits from the options of a start, checked by the rules of setrlimit before any process exists.
 * Runs in the caller. */
#include "caller/rlimits.h"

#include "os/fail.h"
#include "os/self.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>

static const char *const names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = "RLIMIT_CPU",           [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
	[RLIMIT_DATA] = "RLIMIT_DATA",         [RLIMIT_STACK] = "RLIMIT_STACK",
	[RLIMIT_CORE] = "RLIMIT_CORE",         [RLIMIT_RSS] = "RLIMIT_RSS",
	[RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
	[RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
	[RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
	[RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
	[RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};

static bool may_raise(void)
{
	uint32_t capabilities[6];

	return beget__self_capabilities(capabilities) == 0 && (capabilities[0] & 1u << CAP_SYS_RESOURCE);
}

static int check(const struct beget_rlimit *l)
{
	struct rlimit mine;

	if (l->resource < 0 || l->resource >= RLIM_NLIMITS)
		return beget__fail(EINVAL, "unknown resource %d", l->resource);
	const char *name = names[l->resource];
	if (l->soft > l->hard)
		return beget__fail(EINVAL, "%s: the soft limit %llu is above the hard limit %llu", name,
		                   (unsigned long long)l->soft, (unsigned long long)l->hard);
	int error = beget__self_limit(0, l->resource, &mine);
	if (error)
		return beget__fail_errno(-error, "cannot read %s", name);
	if (l->hard > mine.rlim_max && !may_raise())
		return beget__fail(EPERM, "%s: the hard limit %llu is above that of this process, %llu", name,
		                   (unsigned long long)l->hard, (unsigned long long)mine.rlim_max);
	return 0;
}

int beget__rlimits_check(const struct beget_rlimit *limits, size_t n)
{
	if (n > 0 && !limits)
		return beget__fail(EINVAL, "rlimits is NULL, but rlimits_n is %zu", n);
	for (size_t i = 0; i < n; i++)
		if (check(&limits[i]))
			return beget__fail_prefix("resource limit %zu", i + 1);
	return 0;
}
