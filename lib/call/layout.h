/* The layout of a struct that travels by value. */
#ifndef BEGET__LAYOUT_H
#define BEGET__LAYOUT_H

#include "os/arena.h"
#include "wire/bytes.h"

#include <beget.h>

/* Why no compiler lays out a struct of this size so, as the end of a sentence; NULL: it does. */
const char *beget__layout_wrong(const struct beget_layout *, size_t size);

/* Whether it has pointers. */
bool beget__layout_points(const struct beget_layout *);

void beget__layout_put(struct beget__writer *, const struct beget_layout *);
/* NULL, and the reader is bad: hostile bytes, or no memory. It may still be wrong. */
const struct beget_layout *beget__layout_get(struct beget__reader *, struct beget__arena *);

#endif
