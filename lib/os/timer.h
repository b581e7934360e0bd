/* Timers that send this process a signal. */
#ifndef BEGET__TIMER_H
#define BEGET__TIMER_H

/* A timer that is not set yet: its number, or a negative errno. It does not survive exec and is not inherited. */
int beget__timer_create(int signal);

/* Lets it expire once, in ms milliseconds; 0: not at all. Async-signal-safe. */
int beget__timer_set(int timer, int ms);

#endif
