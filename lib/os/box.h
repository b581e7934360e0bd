/* Files that are opened for another process without a descriptor in this one. */
#ifndef BEGET__BOX_H
#define BEGET__BOX_H

/* Opens a file into a box: *ret is a socket that can be passed on. 0 or a negative errno. */
int beget__box_open(const char *path, int flags, int *ret);

/* Returns a new descriptor of the file in a box, or a negative errno. The file stays in the box. */
int beget__box_look(int box);

#endif
