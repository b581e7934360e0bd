/* Identity of directories. */
#ifndef BEGET__PLACE_H
#define BEGET__PLACE_H

#include <stdint.h>

/* A directory and its mount. */
struct beget__place {
	uint64_t mount, device, inode;
};

/* "" means the working directory, even if it cannot be searched. Returns 0 or a negative errno. */
int beget__place_read(const char *path, struct beget__place *ret);
int beget__place_of(int directory, struct beget__place *ret);

/* The path of the working directory, to be freed. NULL: it is unknown, for example because it was removed. */
char *beget__place_path(void);

int beget__place_enter(int directory);
int beget__place_enter_root(void);
int beget__place_enter_check(int directory); /* 0 if it can be entered; AT_FDCWD: the working directory */

#endif
