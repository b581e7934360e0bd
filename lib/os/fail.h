/* The failure record: a negative errno and a sentence, in the same form in caller, helper and child. */
#ifndef BEGET__FAIL_H
#define BEGET__FAIL_H

#include <stdint.h>

/* Helper and child send it to the caller with one write. */
struct beget__failure {
	int32_t code; /* negative errno */
	char text[252];
};

/* Records a failure of this thread: the sentence, followed by the meaning of the errno. Returns -error. */
__attribute__((format(printf, 2, 3))) int beget__fail_errno(int error, const char *format, ...);

/* The same for a sentence that came from another process or that names its cause already. */
int beget__fail_again(const struct beget__failure *);
__attribute__((format(printf, 2, 3))) int beget__fail(int error, const char *format, ...);

/* Records this thread's last failure again, with its sentence prefixed by where. */
__attribute__((format(printf, 1, 2))) int beget__fail_prefix(const char *where, ...);

/* This thread's record. */
const struct beget__failure *beget__fail_last(void);

#endif
