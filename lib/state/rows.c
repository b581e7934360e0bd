/* The table of state. Each row is a piece of state that a child takes over from the caller at the time of the start:
 * how to read it there, when to send it, how to apply it in the child, and when no running helper can provide it. State
 * that a process can only be born with is read in birth.c; carry.c has the pieces sent as descriptors and strings.
 * Reading and writing run in the caller, applying in the child; a helper that is being prepared does both. */
#include "state/rows.h"

#include "os/procfs.h"
#include "os/signals.h"
#include "state/birth.h"
#include "state/carry.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

/* A process can create a session but cannot join one. */

static int get_own_session(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s)
{
	unsigned char own; /* accept any byte: not every byte is a valid bool */

	(void)fds;
	beget__bytes_get(r, &own, sizeof(own));
	if (own > 1)
		return -EBADMSG;
	s->own_session = own;
	return 0;
}

static int apply_own_session(const struct beget__state *s)
{
	return s->own_session ? beget__self_new_session() : 0;
}

/* Process group: the helper has its own, and its children join the caller's. Group 0 is invisible in this pid namespace
 * and cannot be joined, so the helper of such a caller stays in it. */

static int read_group(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_group(s->of, &s->group);
}

static void no_group(struct beget__state *s)
{
	s->group = -1;
}

static void helper_group(struct beget__state *s)
{
	if (s->group != 0)
		s->group = -1;
}

static bool group_differs(const struct beget__state *now, const struct beget__state *born)
{
	return now->group != born->group && !now->own_session;
}

static bool group_asked(const struct beget__state *now)
{
	return now->group == BEGET__OWN_GROUP;
}

static int apply_group(const struct beget__state *s)
{
	/* The row before made this process a session leader, which cannot change its group. */
	if (beget__self_leads_session())
		return 0;
	if (s->group == BEGET__OWN_GROUP)
		return beget__self_join_group(0);
	if (s->group == 0)
		return -EPERM;
	int error = beget__self_join_group(s->group);
	/* The last process of the group, the caller included, has left it or ended. */
	return error && beget__self_group_gone(s->group) ? beget__self_join_group(0) : error;
}

static bool group_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return now->group == 0 && group_differs(now, born);
}

/* Resource limits. */

static int read_limits(struct beget__state *s, const char *status)
{
	int error = 0;

	(void)status;
	for (int i = 0; i < RLIM_NLIMITS && !error; i++)
		error = beget__self_limit(s->of, i, &s->limits[i]);
	return error;
}

/* The soft limit is above the hard limit, which marks a limit that stays unchanged. */
static void leave_limits(struct beget__state *s)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		s->limits[i] = (struct rlimit){.rlim_cur = 1, .rlim_max = 0};
}

static bool leaves_limit(const struct rlimit *limit)
{
	return limit->rlim_cur > limit->rlim_max;
}

static bool limits_asked(const struct beget__state *now)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (!leaves_limit(&now->limits[i]))
			return true;
	return false;
}

static int apply_limits(const struct beget__state *s)
{
	struct rlimit mine;
	int error = 0;

	for (int i = 0; i < RLIM_NLIMITS && !error; i++) {
		if (leaves_limit(&s->limits[i]))
			continue;
		bool same = beget__self_limit(0, i, &mine) == 0 && memcmp(&mine, &s->limits[i], sizeof(mine)) == 0;
		error = same ? 0 : beget__self_set_limit(i, &s->limits[i]);
	}
	return error;
}

static bool limits_beyond(const struct beget__state *now, const struct beget__state *born)
{
	for (int i = 0; i < RLIM_NLIMITS; i++)
		if (now->limits[i].rlim_max > born->limits[i].rlim_max)
			return true;
	return false;
}

/* Nice value and affinity of the calling thread. */

static int apply_nice(const struct beget__state *s)
{
	return beget__self_set_nice(s->nice);
}

static bool nice_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return now->nice < born->nice;
}

static int read_affinity(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_affinity(s->affinity, sizeof(s->affinity));
}

static int apply_affinity(const struct beget__state *s)
{
	return beget__self_set_affinity(s->affinity, sizeof(s->affinity));
}

/* Process attributes. */

static int read_personality(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_personality(&s->personality);
}

static void exec_personality(struct beget__state *s)
{
	s->personality &= ~(uint32_t)READ_IMPLIES_EXEC;
}

static int apply_personality(const struct beget__state *s)
{
	return beget__self_set_personality(s->personality);
}

static int read_timer_slack(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_timer_slack(&s->timer_slack);
}

static int apply_timer_slack(const struct beget__state *s)
{
	return beget__self_set_timer_slack(s->timer_slack);
}

/* Only the kernel can set 2; a child with 0 is as well protected. */
static int read_dumpable(struct beget__state *s, const char *status)
{
	(void)status;
	int error = beget__self_dumpable(&s->dumpable);
	s->dumpable = s->dumpable == 1;
	return error;
}

static void exec_dumpable(struct beget__state *s)
{
	s->dumpable = 1;
}

/* The value of a helper that another process launched is not read. */
static bool dumpable_differs(const struct beget__state *now, const struct beget__state *born)
{
	return born->only_birth || now->dumpable != born->dumpable;
}

/* A helper of another process cannot read the rights of a non-dumpable caller and refuses its request. */
static bool dumpable_beyond(const struct beget__state *now, const struct beget__state *born)
{
	return born->only_birth && !now->dumpable;
}

static int apply_dumpable(const struct beget__state *s)
{
	return beget__self_set_dumpable(s->dumpable == 1);
}

/* Capabilities: exec as root restores those that were dropped, so the child drops them again. Those that exec takes
 * away cannot be restored. */

static int read_capabilities(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__self_capabilities(s->capabilities);
}

static void exec_capabilities(struct beget__state *s)
{
	if (geteuid() == 0) /* other users never get more than they had */
		memset(s->capabilities, 0xff, sizeof(s->capabilities));
}

static int apply_capabilities(const struct beget__state *s)
{
	uint32_t mine[6] = {0};
	bool more = false;

	int error = beget__self_capabilities(mine);
	for (int i = 0; i < 6; i++) {
		more |= mine[i] & ~s->capabilities[i];
		mine[i] &= s->capabilities[i];
	}
	return error || !more ? error : beget__self_set_capabilities(mine);
}

/* File mode creation mask. */

static int read_umask(struct beget__state *s, const char *status)
{
	size_t size;
	const char *value = beget__procfs_field(status, "Umask", &size);

	s->umask = value ? (uint32_t)strtoul(value, NULL, 8) : beget__self_umask();
	return 0;
}

static int apply_umask(const struct beget__state *s)
{
	beget__self_set_umask(s->umask);
	return 0;
}

/* Ignored signals. Handlers cannot be sent: such signals get their default in the child. */

static int read_ignored(struct beget__state *s, const char *status)
{
	size_t size;
	const char *value = beget__procfs_field(status, "SigIgn", &size);

	s->ignored = value ? strtoull(value, NULL, 16) : beget__signals_ignored();
	s->ignored &= ~(UINT64_C(3) << 31); /* 32 and 33 are reserved for libc */
	return 0;
}

/* The helper needs SIGCHLD to wait for its children. */
static void helper_ignored(struct beget__state *s)
{
	s->ignored &= ~(UINT64_C(1) << (SIGCHLD - 1));
}

static int apply_ignored(const struct beget__state *s)
{
	beget__signals_set_ignored(s->ignored);
	return 0;
}

/* Signal mask of the calling thread. */

static int read_mask(struct beget__state *s, const char *status)
{
	(void)status;
	return beget__signals_mask(&s->mask);
}

/* The images that we execute start with all signals blocked. */
static void exec_mask(struct beget__state *s)
{
	memset(&s->mask, 0, sizeof(s->mask));
	sigfillset(&s->mask);
}

static int apply_mask(const struct beget__state *s)
{
	return beget__signals_set_mask(&s->mask);
}

/* For values that a launcher may set and no option can. */
static bool never(const struct beget__state *now)
{
	(void)now;
	return false;
}

/* True if any byte of the values differs. */

#define BYTES_DIFFER(member)                                                                                           \
	static bool member##_differs(const struct beget__state *now, const struct beget__state *born)                  \
	{                                                                                                              \
		return memcmp(&now->member, &born->member, sizeof(now->member)) != 0;                                  \
	}
BYTES_DIFFER(session)
BYTES_DIFFER(credentials)
BYTES_DIFFER(namespaces)
BYTES_DIFFER(scheduling)

#define VALUE(member)                                                                                                  \
	.offset = offsetof(struct beget__state, member), .size = sizeof(((struct beget__state *)0)->member)

/* Streams come first, because errors of other rows may be traced to them. Rights come after the rows that may need
 * them. The mask is last, so that no signal arrives earlier. */
const struct beget__row beget__rows[BEGET__ROWS] = {
	{
		.name = "the standard streams",
		VALUE(stream),
		.read = beget__carry_read_streams,
		.put = beget__carry_put_streams,
		.get = beget__carry_get_streams,
		.apply = beget__carry_apply_streams,
		.without = beget__carry_leave_streams,
		.in_helper = beget__carry_leave_streams,
	},
	{
		.name = "the session",
		VALUE(session),
		.read = beget__birth_read_session,
		.beyond = session_differs,
		.asked = never,
	},
	{
		.name = "a session of its own",
		VALUE(own_session),
		.get = get_own_session,
		.apply = apply_own_session,
	},
	{
		.name = "the process group",
		VALUE(group),
		.read = read_group,
		.differs = group_differs,
		.apply = apply_group,
		.beyond = group_beyond,
		.without = no_group,
		.in_helper = helper_group,
		.asked = group_asked,
	},
	{
		.name = "the credentials",
		VALUE(credentials),
		.read = beget__birth_read_credentials,
		.beyond = credentials_differs,
		.asked = never,
	},
	{
		.name = "the namespaces and root",
		VALUE(namespaces),
		.read = beget__birth_read_namespaces,
		.beyond = namespaces_differs,
		.asked = never,
	},
	{
		.name = "the scheduling",
		VALUE(scheduling),
		.read = beget__birth_read_scheduling,
		.beyond = scheduling_differs,
		.asked = never,
	},
	{
		.name = "the resource limits",
		VALUE(limits),
		.read = read_limits,
		.apply = apply_limits,
		.beyond = limits_beyond,
		.without = leave_limits,
		.asked = limits_asked,
	},
	{
		.name = "the nice value",
		VALUE(nice),
		.read = beget__birth_read_nice,
		.apply = apply_nice,
		.beyond = nice_beyond,
		.asked = never,
	},
	{
		.name = "the CPU affinity",
		VALUE(affinity),
		.read = read_affinity,
		.apply = apply_affinity,
		.asked = never,
	},
	{
		.name = "the personality",
		VALUE(personality),
		.read = read_personality,
		.apply = apply_personality,
		.after_exec = exec_personality,
		.asked = never,
	},
	{
		.name = "the timer slack",
		VALUE(timer_slack),
		.read = read_timer_slack,
		.apply = apply_timer_slack,
		.asked = never,
	},
	{
		.name = "the umask",
		VALUE(umask),
		.read = read_umask,
		.apply = apply_umask,
	},
	{
		.name = "the ignored signals",
		VALUE(ignored),
		.read = read_ignored,
		.apply = apply_ignored,
		.in_helper = helper_ignored,
	},
	{
		.name = "the environment",
		VALUE(env),
		.read = beget__carry_read_env,
		.differs = beget__carry_env_differs,
		.put = beget__carry_put_env,
		.get = beget__carry_get_env,
		.apply = beget__carry_apply_env,
		.without = beget__carry_own_env,
		.after_exec = beget__carry_exec_env,
	},
	{
		.name = "the working directory",
		VALUE(cwd),
		.read = beget__carry_read_cwd,
		.differs = beget__carry_cwd_differs,
		.put = beget__carry_put_cwd,
		.get = beget__carry_get_cwd,
		.apply = beget__carry_apply_cwd,
		.beyond = beget__carry_cwd_beyond,
		.without = beget__carry_no_cwd,
		.in_helper = beget__carry_leave_cwd,
		.asked = never,
	},
	{
		.name = "the capabilities",
		VALUE(capabilities),
		.read = read_capabilities,
		.apply = apply_capabilities,
		.after_exec = exec_capabilities,
	},
	{
		.name = "the dumpable attribute",
		VALUE(dumpable),
		.read = read_dumpable,
		.differs = dumpable_differs,
		.apply = apply_dumpable,
		.beyond = dumpable_beyond,
		.after_exec = exec_dumpable,
	},
	{
		.name = "the signal mask",
		VALUE(mask),
		.read = read_mask,
		.apply = apply_mask,
		.after_exec = exec_mask,
	},
};
