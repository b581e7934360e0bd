/* Signals: masks, dispositions, and what reports them. Failures are negative errnos. */
#ifndef BEGET__SIGNALS_H
#define BEGET__SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calling thread's mask. */
int beget__signals_mask(sigset_t *ret);
int beget__signals_set_mask(const sigset_t *);
int beget__signals_block_all(sigset_t *before); /* NULL: not wanted */

/* Ignored ones: bit n-1 is signal n. Setting it makes all others defaults; libc keeps some for itself. */
uint64_t beget__signals_ignored(void);
void beget__signals_set_ignored(uint64_t);
void beget__signals_set_default(int signal);

int beget__signals_open(int signal);         /* a descriptor that reads that signal, which is blocked */
void beget__signals_discard(int descriptor); /* one that is pending there */

/* Once for the signal, on the stack that beget__signals_set_stack names; only where it has its default. */
void beget__signals_catch_once(int signal, void (*handler)(int, siginfo_t *, void *));
/* Every time, whatever its disposition was. */
void beget__signals_catch(int signal, void (*handler)(int));
void beget__signals_set_stack(void *base, size_t size);
void beget__signals_raise(int signal); /* async-signal-safe */

#endif
