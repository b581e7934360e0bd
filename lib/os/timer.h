/* Timers that send this process a signal. */
#ifndef BEGET__TIMER_H
#define BEGET__TIMER_H

/* Creates a timer without setting it. Returns its number or a negative errno. Exec and fork do not preserve it. */
int beget__timer_create(int signal);

/* The timer expires once after ms milliseconds; 0 disarms it. Async-signal-safe. */
int beget__timer_set(int timer, int ms);

#endif
