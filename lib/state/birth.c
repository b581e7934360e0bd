/* State that a running process cannot change to match another process: session, scheduling, credentials, namespaces and
 * root directory. It is read only to be compared: a start that needs other values uses a new helper. A value that
 * cannot be read completely is an error, never an empty value. Runs in the caller. */
#include "state/birth.h"

#include "os/procfs.h"
#include "wire/digest.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int beget__birth_read_session(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_session(s->of, &s->session);
}

/* Scheduling of the calling thread. With SCHED_RESET_ON_FORK, the values that its children get. */

static bool real_time(int policy)
{
	policy &= ~SCHED_RESET_ON_FORK;
	return policy == SCHED_FIFO || policy == SCHED_RR || policy == 6 /* SCHED_DEADLINE */;
}

int beget__birth_read_scheduling(struct beget__state *s, const char *status)
{
	(void)status;
	int error = beget__self_scheduling(s->of, &s->scheduling);
	if (error)
		return error;
	if (s->scheduling.policy & SCHED_RESET_ON_FORK && real_time(s->scheduling.policy)) {
		s->scheduling.policy = SCHED_OTHER;
		s->scheduling.priority = 0;
	}
	s->scheduling.policy &= ~SCHED_RESET_ON_FORK;
	return 0;
}

int beget__birth_read_nice(struct beget__state *s, const char *status)
{
	struct beget__scheduling scheduling;

	(void)status;
	int error = beget__self_nice(s->of, &s->nice);
	if (error || s->nice == 0)
		return error;
	error = beget__self_scheduling(s->of, &scheduling);
	if (error)
		return error;
	if (scheduling.policy & SCHED_RESET_ON_FORK && (s->nice < 0 || real_time(scheduling.policy)))
		s->nice = 0;
	return 0;
}

/* Credentials: all user and group ids, capabilities, no_new_privs, seccomp filters, securebits. */

/* Older kernels have filters but no line "Seccomp_filters". Then only the absence of filters is certain. */
static int add_filters(uint64_t *h, const char *status)
{
	size_t size, counted_size;
	const char *mode = beget__procfs_field(status, "Seccomp", &size);
	const char *counted = beget__procfs_field(status, "Seccomp_filters", &counted_size);

	if (!mode || !size || (!counted && strncmp(mode, "0\n", 2) != 0))
		return -ENODATA;
	*h = beget__digest_add(*h, mode, size);
	if (counted)
		*h = beget__digest_add(*h, counted, counted_size);
	return 0;
}

static int credentials_by_status(uint64_t *ret, const char *status)
{
	static const char *const names[] = {"Uid",    "Gid",    "Groups", "CapInh",    "CapPrm",
	                                    "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"};
	uint64_t h = BEGET__DIGEST;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t size;
		const char *value = beget__procfs_field(status, names[i], &size);
		if (!value)
			return -ENODATA;
		h = beget__digest_add(h, value, size + 1); /* including the end of the line */
	}
	int error = add_filters(&h, status);
	if (!error)
		*ret = h;
	return error;
}

static int credentials_by_calls(uint64_t *ret)
{
	struct beget__rights rights;
	gid_t *groups;
	size_t n;

	int error = beget__self_rights(&rights);
	if (!error)
		error = beget__self_groups(&groups, &n);
	if (error)
		return error;
	*ret = beget__digest_add(BEGET__DIGEST, &rights, sizeof(rights));
	*ret = beget__digest_add(*ret, groups, n * sizeof(*groups));
	free(groups);
	return 0;
}

/* The securebits of another process cannot be read. They are taken as 0, which is wrong only for a process that was
 * born with some and cleared them. */
int beget__birth_read_credentials(struct beget__state *s, const char *status)
{
	int32_t securebits = 0;

	int error = credentials_by_status(&s->credentials, status);
	if (error && s->of == 0)
		error = credentials_by_calls(&s->credentials);
	if (!error && s->of == 0)
		error = beget__self_securebits(&securebits);
	if (!error)
		s->credentials = beget__digest_add(s->credentials, &securebits, sizeof(securebits));
	return error;
}

/* Namespaces and root directory. Entering a namespace needs CAP_SYS_ADMIN, which an unprivileged process can have only
 * in its own user namespace. Without this capability it is therefore enough to read the user namespace. A mount
 * namespace has its own mounts, and the place of the root directory includes its mount. */

static bool is_admin(const char *status)
{
	size_t size;
	const char *effective = beget__procfs_field(status, "CapEff", &size);

	return !effective || (strtoull(effective, NULL, 16) & 1u << CAP_SYS_ADMIN);
}

static int add_namespace(uint64_t *h, pid_t of, const char *name)
{
	char text[64];

	int n = of ? beget__procfs_link(text, sizeof(text), "/proc/%d/ns/%s", (int)of, name)
	           : beget__procfs_link(text, sizeof(text), "/proc/thread-self/ns/%s", name);
	if (n < 0)
		return n;
	*h = beget__digest_add(*h, text, (size_t)n);
	return 0;
}

int beget__birth_read_namespaces(struct beget__state *s, const char *status)
{
	static const char *const names[] = {"net", "uts", "ipc", "cgroup", "pid_for_children", "time_for_children"};
	bool admin = is_admin(status);
	char root[40] = "/";
	struct beget__place place;
	uint64_t h;

	if (s->of)
		snprintf(root, sizeof(root), "/proc/%d/root", (int)s->of);
	int error = beget__place_read(root, &place);
	if (error)
		return error;
	h = beget__digest_add(BEGET__DIGEST, &place, sizeof(place));
	error = add_namespace(&h, s->of, "user");
	for (size_t i = 0; admin && !error && i < sizeof(names) / sizeof(*names); i++) {
		error = add_namespace(&h, s->of, names[i]);
		/* The kernel lacks this kind, because the link of the user namespace was readable. */
		if (error == -ENOENT)
			error = 0;
	}
	if (!error)
		s->namespaces = h;
	return error;
}
