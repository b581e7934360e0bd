/* The start methods: one interface, three backends that see only the plan. */
#ifndef BEGET__START_H
#define BEGET__START_H

#include "image.h"
#include "process.h"

/* A checked start. */
struct beget__plan {
	struct beget_options options;
	const struct beget_call *call;
	struct beget_server *server;
	const struct beget__program *program; /* that is executed, NULL: this one */
	struct beget__target target;          /* not for fork */
	struct beget__wishes wishes;
	char what[64]; /* for sentences */
};

/* From what the user wrote; a negative errno and a sentence if anything is wrong with it. The method is known then too.
 */
int beget__plan_make(struct beget__plan *ret, const struct beget_options *, const struct beget_call *);

/* Any options, which say their own size: the struct of an older caller ends earlier, that of a newer one must ask for
 * nothing that this version does not know. The macro is what fills them. */
int beget__options_copy(void *ret, size_t size, const void *options, size_t least, const char *macro);

/* Only of a call, which a helper shall make itself. */
int beget__plan_check_prepare(const struct beget_call *, const struct beget__program *);

extern const char *const beget__stream_names[3];

/* Opens what the options ask for; it belongs to the process until it is granted: then the child has its part, and the
 * user gets his. */
int beget__wishes_open(struct beget__plan *, struct beget_process *);
void beget__wishes_grant(struct beget__plan *, struct beget_process *);

int beget__start_fork(const struct beget__plan *, struct beget_process *);
int beget__start_forkserver(const struct beget__plan *, struct beget_process *);
int beget__start_spawn(const struct beget__plan *, struct beget_process *);

/* Writes down all that the child must know before its call: the head, and where now differs from born. */
int beget__start_write(const struct beget__plan *, struct beget_process *, const struct beget__state *now,
                       const struct beget__state *born, struct beget__writer *, struct beget__fds *, int *opened);

/* Sends all of that and the call, by which it shares the common helper, to a child that has been born already. What the
 * user wished for comes into now. */
int beget__start_send(const struct beget__plan *, struct beget_process *, struct beget__state *now,
                      const struct beget__state *born);

#endif
