/* Files that are opened for another process without ever being in this one's table of descriptors. */
#ifndef BEGET__BOX_H
#define BEGET__BOX_H

/* Opens a file into a box: *ret is a socket that can be handed on. 0 or a negative errno. */
int beget__box_open(const char *path, int flags, int *ret);

/* The file in a box: a new descriptor or a negative errno. The box keeps the file. */
int beget__box_look(int box);

#endif
