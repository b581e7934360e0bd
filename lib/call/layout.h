/* The layout of a struct that is passed by value. */
#ifndef BEGET__LAYOUT_H
#define BEGET__LAYOUT_H

#include "os/arena.h"
#include "wire/bytes.h"

#include <beget.h>

/* Why no compiler gives a struct of this size this layout, as the end of a sentence. NULL: the layout is right. */
const char *beget__layout_wrong(const struct beget_layout *, size_t size);

/* True if it contains pointers. */
bool beget__layout_points(const struct beget_layout *);

void beget__layout_put(struct beget__writer *, const struct beget_layout *);
/* NULL, with the reader bad: hostile bytes, or no memory. The layout has not been checked with beget__layout_wrong. */
const struct beget_layout *beget__layout_get(struct beget__reader *, struct beget__arena *);

#endif
