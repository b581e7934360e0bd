/* The failure record: a negative errno and a sentence, the same in caller, helper and child; and tracing.
 * Includes nothing of the library. */
#ifndef BEGET__ERROR_H
#define BEGET__ERROR_H

#include <stdint.h>

/* One write carries it from helper or child to the caller. */
struct beget__failure {
	int32_t code; /* negative errno */
	char text[252];
};

/* Records a failure of this thread: the sentence, then the meaning of the errno; returns -error. */
__attribute__((format(printf, 2, 3))) int beget__fail(int error, const char *format, ...);

/* The same for a sentence that came from another process or tells its cause itself. */
int beget__fail_with(const struct beget__failure *);
__attribute__((format(printf, 2, 3))) int beget__fail_plain(int error, const char *format, ...);

/* The last failure of this thread again, its sentence begun with where. */
__attribute__((format(printf, 1, 2))) int beget__fail_within(const char *where, ...);

/* This thread's record. */
const struct beget__failure *beget__failure(void);

/* What the sentences call this process: "caller", "helper" or "child". */
extern const char *beget__role;

/* One line on standard error, if BEGET_TRACE is set: no stdio, errno kept. */
void beget__trace_init(void);
extern int beget__trace_fd; /* -1: off */
__attribute__((format(printf, 1, 2))) void beget__trace_line(const char *format, ...);
#define beget__trace(...) ((void)(beget__trace_fd < 0 || (beget__trace_line(__VA_ARGS__), 0)))

#endif
