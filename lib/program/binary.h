/* What an ELF module contains, in memory and in its file. */
#ifndef BEGET__BINARY_H
#define BEGET__BINARY_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEGET__BUILD_MAX 64

/* Identifies the build of a module: the build-id that the linker wrote or, without one, a hash. */
struct beget__build {
	uint32_t size; /* 0: unknown */
	bool hashed;
	unsigned char id[BEGET__BUILD_MAX];
};

/* The loader's path ("" for the program), and a digest of it. */
const char *beget__binary_name(const struct dl_phdr_info *);
uint64_t beget__binary_name_hash(const struct dl_phdr_info *);

/* The segment that contains the offset: of code, or of any kind; or the module's first code segment. NULL: none. */
const ElfW(Phdr) * beget__binary_code(const struct dl_phdr_info *, uint64_t offset);
const ElfW(Phdr) * beget__binary_segment(const struct dl_phdr_info *, uint64_t offset);
const ElfW(Phdr) * beget__binary_first_code(const struct dl_phdr_info *);

/* The next string of the dynamic section with this tag (DT_SONAME, DT_NEEDED). *at must be NULL at first. NULL: no
 * more. */
const char *beget__binary_string(const struct dl_phdr_info *, long tag, const ElfW(Dyn) * *at);

/* The build of a loaded module; without a build-id, a hash of its program headers and the beginning of its code. The
 * second function hashes the function at the offset instead of the beginning. */
void beget__binary_build(const struct dl_phdr_info *, struct beget__build *ret);
void beget__binary_build_at(const struct dl_phdr_info *, uint64_t offset, struct beget__build *ret);

/* The build of a file, as by beget__binary_build; the file may have any contents. False: it is not a module. */
bool beget__binary_file_build(int fd, struct beget__build *ret);
bool beget__binary_same(const struct beget__build *, const struct beget__build *);

/* True if the file has the same program headers as this loaded module. */
bool beget__binary_is_file_of(const struct dl_phdr_info *, int fd);

#endif
