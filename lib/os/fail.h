/* The failure record: a negative errno and a sentence, the same in caller, helper and child. */
#ifndef BEGET__FAIL_H
#define BEGET__FAIL_H

#include <stdint.h>

/* One write carries it from helper or child to the caller. */
struct beget__failure {
	int32_t code; /* negative errno */
	char text[252];
};

/* Records a failure of this thread: the sentence, then the meaning of the errno; returns -error. */
__attribute__((format(printf, 2, 3))) int beget__fail_errno(int error, const char *format, ...);

/* The same for a sentence that came from another process or names its cause itself. */
int beget__fail_again(const struct beget__failure *);
__attribute__((format(printf, 2, 3))) int beget__fail(int error, const char *format, ...);

/* The last failure of this thread again, its sentence begun with where. */
__attribute__((format(printf, 1, 2))) int beget__fail_prefix(const char *where, ...);

/* This thread's record. */
const struct beget__failure *beget__fail_last(void);

#endif
