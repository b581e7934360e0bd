/* Signals: masks, dispositions, and ways to receive them. Failures are negative errnos. */
#ifndef BEGET__SIGNALS_H
#define BEGET__SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The calling thread's mask. */
int beget__signals_mask(sigset_t *ret);
int beget__signals_set_mask(const sigset_t *);
int beget__signals_block_all(sigset_t *before); /* before may be NULL */

/* Ignored signals: bit n-1 is signal n. Setting them gives all other signals their default, except those that libc
 * keeps for itself. */
uint64_t beget__signals_ignored(void);
void beget__signals_set_ignored(uint64_t);
void beget__signals_set_default(int signal);
void beget__signals_take_default(int signal, struct sigaction *before);
void beget__signals_put_back(int signal, const struct sigaction *before);

/* A descriptor from which that signal, which must be blocked, can be read. */
int beget__signals_open(int signal);
void beget__signals_discard(int descriptor); /* reads one pending signal */

/* The handler runs once, on the stack set with beget__signals_set_stack, and only if the signal has its default
 * action. */
void beget__signals_catch_once(int signal, void (*handler)(int, siginfo_t *, void *));
/* The handler runs each time and replaces any other disposition. */
void beget__signals_catch(int signal, void (*handler)(int));
void beget__signals_set_stack(void *base, size_t size);
void beget__signals_raise(int signal); /* async-signal-safe */

#endif
