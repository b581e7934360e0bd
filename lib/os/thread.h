/* Threads of this process. */
#ifndef BEGET__THREAD_H
#define BEGET__THREAD_H

int beget__thread_count(void); /* that run: at least 1, or a negative errno */

/* Cancellation of the calling thread: off, and the setting from before; back to that setting. */
int beget__thread_no_cancel(void);
void beget__thread_cancel(int before);

#endif
