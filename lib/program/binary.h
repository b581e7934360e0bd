/* What an ELF module says of itself, in memory and in its file. */
#ifndef BEGET__BINARY_H
#define BEGET__BINARY_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEGET__BUILD_MAX 64

/* Which build of a module it is: the build-id that the linker wrote, or a hash where it wrote none. */
struct beget__build {
	uint32_t size; /* 0: not known */
	bool hashed;
	unsigned char id[BEGET__BUILD_MAX];
};

/* The loader's path, "" for the program; and as a number. */
const char *beget__binary_name(const struct dl_phdr_info *);
uint64_t beget__binary_name_hash(const struct dl_phdr_info *);

/* The segment that holds the offset, of code or of anything; its first segment of code. NULL. */
const ElfW(Phdr) * beget__binary_code(const struct dl_phdr_info *, uint64_t offset);
const ElfW(Phdr) * beget__binary_segment(const struct dl_phdr_info *, uint64_t offset);
const ElfW(Phdr) * beget__binary_first_code(const struct dl_phdr_info *);

/* The next string of its dynamic section that has the tag: DT_SONAME, DT_NEEDED. NULL: no more; *at begins as NULL. */
const char *beget__binary_string(const struct dl_phdr_info *, long tag, const ElfW(Dyn) * *at);

/* Of a loaded module; where it has no build-id, a hash of its program headers and the beginning of its code. The other
 * takes the function at the offset in place of the beginning. */
void beget__binary_build(const struct dl_phdr_info *, struct beget__build *ret);
void beget__binary_build_at(const struct dl_phdr_info *, uint64_t offset, struct beget__build *ret);

/* The same of the first kind from a file, which may be anything by now; false: it is no module. */
bool beget__binary_file_build(int fd, struct beget__build *ret);
bool beget__binary_same(const struct beget__build *, const struct beget__build *);

/* True if the file has the program headers of this loaded module. */
bool beget__binary_is_file_of(const struct dl_phdr_info *, int fd);

#endif
