/* Threads of this process. */
#ifndef BEGET__THREAD_H
#define BEGET__THREAD_H

#include <stddef.h>

int beget__thread_count(void); /* running threads: at least 1, or a negative errno */

/* The names of the threads except the first, as far as they fit. */
struct beget__thread_names {
	size_t used;
	char text[100];
};
void beget__thread_names(struct beget__thread_names *);

/* Disables cancellation of the calling thread and returns the earlier setting; the other function restores it. */
int beget__thread_no_cancel(void);
void beget__thread_cancel(int before);

#endif
