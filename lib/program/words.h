/* The first words of a process that we executed: what it writes to standard error before it reaches beget_init, such as
 * why the loader cannot load it. */
#ifndef BEGET__WORDS_H
#define BEGET__WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct beget__words;

/* Creates the memory for them. *fd must become the standard error of the process, and the caller closes it after the
 * launch. NULL and -1 if the process must keep its standard error. */
struct beget__words *beget__words_new(int *fd);
struct beget__words *beget__words_share(struct beget__words *); /* NULL is allowed, as in the others */
void beget__words_free(struct beget__words **);

/* True if the process has reached beget_init; false if that is not known. */
bool beget__words_arrived(const struct beget__words *);

/* The last lines of the words that fit, as one line; "" if there are none. */
const char *beget__words_quote(const struct beget__words *, char *text, size_t size);
bool beget__words_contain(const struct beget__words *, const char *);

/* In the process, in beget_init: moves them away from standard error, which becomes /dev/null, and returns their
 * descriptor, or -1. */
int beget__words_arrive(void);

/* Forgets them and closes the descriptor; if print is set, writes them to standard error first. */
void beget__words_end(int fd, bool print);

#endif
