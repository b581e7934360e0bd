/* beget/service.h: services.
 *
 * A service is a number of children that run the same call and are kept running. There is no thread and no signal
 * handler: the program polls one descriptor, and one function does what is due and returns what has happened. Functions
 * fail as those of beget.h do, and may be called from any thread. beget_service(3), beget_ready(3) */
#ifndef BEGET_SERVICE_H
#define BEGET_SERVICE_H

#include <beget.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

struct beget_service; /* children that are kept running */

/* Which children that have ended are replaced. */
enum beget_restart { BEGET_RESTART_ALWAYS, BEGET_RESTART_FAILED, BEGET_RESTART_NEVER };

/* Flags of struct beget_service_options. */
#define BEGET_SERVICE_UNTIED     0x1u /* the children are not killed when the caller is gone */
#define BEGET_SERVICE_ONE_BY_ONE 0x2u /* a reload replaces one child after another */

/* Settings of a service; fill it with BEGET_SERVICE_OPTIONS. Zero is always the default. beget_service(3) */
struct beget_service_options {
	size_t size; /* sizeof(struct beget_service_options) */
	unsigned flags;
	enum beget_restart restart;
	unsigned children;  /* 0: the processors that this process may use */
	unsigned boots;     /* failed starts in a row after which a service that never was healthy gives up; 0: 5 */
	unsigned recycled;  /* children that are replaced for their age at once; 0: 1 */
	int ready_ms;       /* a child must call beget_ready within this time; 0: it does not call it */
	int healthy_ms;     /* a child that has been ready for so long is healthy; 0: 1000 */
	int backoff_ms;     /* the delay after the first failed start, doubled after each; 0: 100 */
	int backoff_max_ms; /* but never longer than this; 0: 10000 */
	int grace_ms;       /* a child that is asked to finish is killed after this time; 0: 10000 */
	int lifetime_ms;    /* a child is replaced after about so long; 0: never */
	int heartbeat_ms;   /* a child must call beget_beat so often; 0: no heartbeat */
	const struct beget_options *start; /* how each child is started; NULL: all defaults */
};

/* What has happened. */
enum beget_service_kind {
	BEGET_SERVICE_STARTED = 1,   /* a child */
	BEGET_SERVICE_READY,         /* a child */
	BEGET_SERVICE_SILENT,        /* a child has given no sign for ms */
	BEGET_SERVICE_RECYCLING,     /* a child is about to be replaced: for its age, or because it asked for it */
	BEGET_SERVICE_ENDED,         /* a child, as status and text say */
	BEGET_SERVICE_RESTARTING,    /* after a failure, the next start is ms away */
	BEGET_SERVICE_RELOADED,      /* the new children have taken over */
	BEGET_SERVICE_RELOAD_FAILED, /* the old children go on; text says why */
	BEGET_SERVICE_GAVE_UP,       /* no child has ever been healthy; text says why */
	BEGET_SERVICE_STOPPED,       /* the last child has ended: no event comes after this */
};

/* One event. beget_service(3) */
struct beget_service_event {
	enum beget_service_kind kind;
	pid_t pid;        /* of the child; 0: none was born, or the event is of the whole service */
	unsigned version; /* of the child: 1, and one more after each reload */
	unsigned reserved32;
	int64_t ms;
	struct beget_status status; /* of ENDED */
	char text[400];             /* a sentence */
	int64_t reserved[6];
};

/* The state of a service, with counters since it was opened. beget_service(3) */
struct beget_service_status {
	uint32_t wanted;   /* children */
	uint32_t starting; /* children that are not ready yet */
	uint32_t ready;
	uint32_t finishing; /* children that were asked to finish */
	uint32_t version;   /* what a new child would be */
	uint32_t reloading; /* 1 while a reload is under way */
	uint64_t started, failed, recycled, reloads;
	int64_t reserved[6];
};

/* Opens a service that runs the call; starting its children is left to beget_service_next. beget_service(3) */
int beget_service_open(struct beget_service **ret, const struct beget_service_options *options,
                       const struct beget_call *call);

/* A descriptor that polls readable when beget_service_next is worth a call; it belongs to the service.
 * beget_service(3) */
int beget_service_sentinel(struct beget_service *service);

/* Does what is due and waits for the next event, at most timeout_ms. -ENOENT after the last. beget_service(3) */
int beget_service_next(struct beget_service *service, int timeout_ms, struct beget_service_event *ret);

/* Changes the number of children. beget_service(3) */
int beget_service_scale(struct beget_service *service, unsigned children);

/* Replaces all children by new ones, which run the call, or if that is NULL the same one as before.
 * beget_service(3) */
int beget_service_reload(struct beget_service *service, const struct beget_call *call);

/* Sends a signal to the child with this pid; 0: to all of them. -ESRCH if there is none. beget_service(3) */
int beget_service_kill(struct beget_service *service, pid_t pid, int signal);

/* Asks all children to finish, and kills those that have not after grace_ms. Does not wait. beget_service(3) */
int beget_service_stop(struct beget_service *service, int grace_ms);

/* Reads the state and the counters. beget_service(3) */
int beget_service_status(struct beget_service *service, struct beget_service_status *ret);

/* Kills what is left of the children and frees the service. NULL is allowed. beget_service(3) */
void beget_service_close(struct beget_service *service);

/* In a child: it does its work from now on. beget_ready(3) */
int beget_ready(void);

/* In a child: returns a descriptor that polls readable once it is asked to finish; the library owns it.
 * beget_ready(3) */
int beget_stopping(void);

/* In a child: a sign that it is well. beget_ready(3) */
int beget_beat(void);

/* In a child: asks for a replacement; once that is ready, this child is asked to finish. beget_ready(3) */
int beget_recycle(void);

/* Settings, as .field = value, ... */
/* clang-format off */
#define BEGET_SERVICE_OPTIONS(...) \
	(&(const struct beget_service_options){ .size = sizeof(struct beget_service_options), __VA_ARGS__ })
/* clang-format on */

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
