/* Reads from an ELF module where its code is, what it needs and which build it is: in memory, or in a file with any
 * contents. Runs in caller, helper and child; knows no list of modules. */
#include "program/binary.h"

#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"
#include "wire/digest.h"

#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 65536, CODE_MAX = 65536, SEGMENTS_MAX = 64, FUNCTION_MAX = 64 };

const char *beget__binary_name(const struct dl_phdr_info *m)
{
	return beget__libc_module_name(m);
}

uint64_t beget__binary_name_hash(const struct dl_phdr_info *m)
{
	return beget__digest_add(BEGET__DIGEST, beget__binary_name(m), strlen(beget__binary_name(m)));
}

const ElfW(Phdr) * beget__binary_code(const struct dl_phdr_info *m, uint64_t offset)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && offset >= p->p_vaddr &&
		    offset - p->p_vaddr < p->p_filesz)
			return p;
	}
	return NULL;
}

const ElfW(Phdr) * beget__binary_segment(const struct dl_phdr_info *m, uint64_t offset)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && offset - p->p_vaddr < p->p_memsz)
			return p;
	}
	return NULL;
}

static const ElfW(Phdr) * first_code(const ElfW(Phdr) * p, int n)
{
	for (int i = 0; i < n; i++)
		if (p[i].p_type == PT_LOAD && (p[i].p_flags & PF_X))
			return &p[i];
	return NULL;
}

const ElfW(Phdr) * beget__binary_first_code(const struct dl_phdr_info *m)
{
	return first_code(m->dlpi_phdr, m->dlpi_phnum);
}

static const ElfW(Dyn) * dynamic(const struct dl_phdr_info *m)
{
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (m->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const void *)(m->dlpi_addr + m->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* The loader adds the load address to this pointer, except in modules where the dynamic section is not writable. */
static const char *strings(const struct dl_phdr_info *m)
{
	for (const ElfW(Dyn) *d = dynamic(m); d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			return (const char *)(d->d_un.d_ptr < m->dlpi_addr ? m->dlpi_addr + d->d_un.d_ptr
			                                                   : d->d_un.d_ptr);
	return NULL;
}

const char *beget__binary_string(const struct dl_phdr_info *m, long tag, const ElfW(Dyn) * *at)
{
	const ElfW(Dyn) *d = *at ? *at + 1 : dynamic(m);
	const char *base = strings(m);

	while (d && d->d_tag != DT_NULL && d->d_tag != tag)
		d++;
	*at = d;
	return base && d && d->d_tag == tag ? base + d->d_un.d_val : NULL;
}

/* Identifies the build. */

/* Finds the build-id in notes with any contents. */
static bool find_id(const char *notes, size_t size, struct beget__build *ret)
{
	for (size_t at = 0; size - at >= sizeof(ElfW(Nhdr));) {
		ElfW(Nhdr) n;
		memcpy(&n, notes + at, sizeof(n));
		uint64_t name = at + sizeof(n), id = name + (((uint64_t)n.n_namesz + 3) & ~UINT64_C(3));
		if (id > size || n.n_descsz > size - id)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    n.n_descsz > 0 && n.n_descsz <= BEGET__BUILD_MAX) {
			*ret = (struct beget__build){.size = n.n_descsz};
			memcpy(ret->id, notes + id, n.n_descsz);
			return true;
		}
		id += ((uint64_t)n.n_descsz + 3) & ~UINT64_C(3);
		at = id < size ? (size_t)id : size;
	}
	return false;
}

static bool noted_id(const struct dl_phdr_info *m, struct beget__build *ret)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_NOTE && find_id((const char *)(m->dlpi_addr + p->p_vaddr), p->p_memsz, ret))
			return true;
	}
	return false;
}

static void hash_id(const ElfW(Phdr) * segments, int n, const void *code, size_t size, struct beget__build *ret)
{
	uint64_t h = beget__digest_add(beget__digest_add(BEGET__DIGEST, segments, (size_t)n * sizeof(*segments)), code,
	                               size);

	*ret = (struct beget__build){.size = sizeof(h), .hashed = true};
	memcpy(ret->id, &h, sizeof(h));
}

static size_t at_most(uint64_t size, size_t most)
{
	return size < most ? (size_t)size : most;
}

void beget__binary_build(const struct dl_phdr_info *m, struct beget__build *ret)
{
	const ElfW(Phdr) *code = beget__binary_first_code(m);

	if (!noted_id(m, ret))
		hash_id(m->dlpi_phdr, m->dlpi_phnum, code ? (const void *)(m->dlpi_addr + code->p_vaddr) : NULL,
		        code ? at_most(code->p_filesz, CODE_MAX) : 0, ret);
}

void beget__binary_build_at(const struct dl_phdr_info *m, uint64_t offset, struct beget__build *ret)
{
	const ElfW(Phdr) *code = beget__binary_code(m, offset);

	if (!noted_id(m, ret))
		hash_id(m->dlpi_phdr, m->dlpi_phnum, (const void *)(m->dlpi_addr + offset),
		        at_most(code->p_vaddr + code->p_filesz - offset, FUNCTION_MAX), ret);
}

bool beget__binary_same(const struct beget__build *a, const struct beget__build *b)
{
	return a->size == b->size && memcmp(a->id, b->id, a->size) == 0;
}

/* Reads from files. */

static bool read_at(int fd, uint64_t offset, void *to, size_t size)
{
	return beget__fd_read_at(fd, to, size, offset) == (ssize_t)size;
}

/* Reads the program headers and returns their number; 0 if the file is not a module. */
static int read_segments(int fd, ElfW(Phdr) segments[SEGMENTS_MAX])
{
	ElfW(Ehdr) e;

	if (!read_at(fd, 0, &e, sizeof(e)) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_phentsize != sizeof(*segments) || e.e_phnum > SEGMENTS_MAX ||
	    !read_at(fd, e.e_phoff, segments, e.e_phnum * sizeof(*segments)))
		return 0;
	return e.e_phnum;
}

bool beget__binary_is_file_of(const struct dl_phdr_info *m, int fd)
{
	ElfW(Phdr) segments[SEGMENTS_MAX];
	int n = read_segments(fd, segments);

	return n > 0 && n == m->dlpi_phnum && memcmp(segments, m->dlpi_phdr, (size_t)n * sizeof(*segments)) == 0;
}

static bool file_build(int fd, const ElfW(Phdr) * segments, int n, char *bytes, struct beget__build *ret)
{
	const ElfW(Phdr) *code = first_code(segments, n);
	size_t size = code ? at_most(code->p_filesz, CODE_MAX) : 0;

	for (const ElfW(Phdr) *p = segments; p < segments + n; p++)
		if (p->p_type == PT_NOTE && p->p_filesz <= NOTES_MAX && read_at(fd, p->p_offset, bytes, p->p_filesz) &&
		    find_id(bytes, p->p_filesz, ret))
			return true;
	if (code && !read_at(fd, code->p_offset, bytes, size))
		return false;
	hash_id(segments, n, bytes, size, ret);
	return true;
}

bool beget__binary_file_build(int fd, struct beget__build *ret)
{
	ElfW(Phdr) segments[SEGMENTS_MAX];
	int n = read_segments(fd, segments);
	char *bytes = n > 0 ? beget__mem_alloc_unset(NOTES_MAX > CODE_MAX ? NOTES_MAX : CODE_MAX) : NULL;

	bool known = bytes && file_build(fd, segments, n, bytes, ret);
	free(bytes);
	return known;
}
