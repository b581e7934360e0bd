/* Threads of this process. */
#ifndef BEGET__THREAD_H
#define BEGET__THREAD_H

#include <stddef.h>

int beget__thread_count(void); /* that run: at least 1, or a negative errno */

/* The names of all but the first, as many as fit. */
struct beget__thread_names {
	size_t used;
	char text[100];
};
void beget__thread_names(struct beget__thread_names *);

/* Cancellation of the calling thread: off, and the setting from before; back to that setting. */
int beget__thread_no_cancel(void);
void beget__thread_cancel(int before);

#endif
