/* Which directory that is. */
#ifndef BEGET__PLACE_H
#define BEGET__PLACE_H

#include <stdint.h>

/* A directory in its mount. */
struct beget__place {
	uint64_t mount, device, inode;
};

/* "": the working directory, whether it may be searched or not. 0 or a negative errno. */
int beget__place_read(const char *path, struct beget__place *ret);

int beget__place_enter(int directory);
int beget__place_enter_check(int directory); /* 0 if it could be; AT_FDCWD: the working directory */

#endif
