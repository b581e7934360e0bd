/* The name of a function, from its offset and the module's symbol table. Static functions are found too, unless the
 * module was stripped. This reads a file, so it is used for sentences, not for starts. The file may have any contents
 * and may change at any time, so it is not mapped.
 * Runs in the caller, and in a child that writes coverage. */
#include "program/symbol.h"

#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME = 120,
	AT_ONCE = 128,  /* symbols that are read together */
	MOST = 4 << 20, /* in one file: its size is what it claims */
	MOST_TEXT = 64 << 20,
};

/* A program may poll, so the last results are kept. */
struct answer {
	struct beget__identity file;
	uint64_t offset, within;
	size_t size;
	char name[NAME]; /* "": none */
};
static struct {
	pthread_mutex_t lock;
	unsigned next;
	struct answer answers[8];
} recent = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool read_at(int fd, uint64_t offset, void *to, size_t size)
{
	return beget__fd_read_at(fd, to, size, offset) == (ssize_t)size;
}

static void read_name(int fd, const ElfW(Shdr) * strings, uint32_t index, char name[NAME])
{
	ssize_t n = index < strings->sh_size ? beget__fd_read_at(fd, name, NAME - 1, strings->sh_offset + index) : -1;

	name[n > 0 ? n : 0] = '\0';
}

/* What is looked for in symbol tables. */
struct search {
	int fd;
	uint64_t budget;                                   /* symbols that may still be read */
	ElfW(Shdr) strings;                                /* of the table that is being read */
	bool (*visit)(struct search *, const ElfW(Sym) *); /* true: enough */
	struct answer *answer;
	/* By name. */
	char *text; /* of the strings */
	const char *const *names;
	uint64_t *offsets;
};

static bool is_function(const ElfW(Sym) * s)
{
	return (s->st_info & 0xf) == STT_FUNC && s->st_shndx != SHN_UNDEF;
}

static bool holds(struct search *s, const ElfW(Sym) * symbol)
{
	struct answer *a = s->answer;

	if (!is_function(symbol) || a->offset < symbol->st_value ||
	    a->offset - symbol->st_value >= (symbol->st_size ? symbol->st_size : 1))
		return false;
	a->within = a->offset - symbol->st_value;
	read_name(s->fd, &s->strings, symbol->st_name, a->name);
	return true;
}

static bool is_named(struct search *s, const ElfW(Sym) * symbol)
{
	const char *name = symbol->st_name < s->strings.sh_size ? s->text + symbol->st_name : "";

	for (int i = 0; is_function(symbol) && s->names[i]; i++)
		if (strcmp(name, s->names[i]) == 0)
			s->offsets[i] = symbol->st_value;
	return false;
}

static bool read_table(struct search *s, const ElfW(Shdr) * table)
{
	ElfW(Sym) some[AT_ONCE];
	uint64_t left = table->sh_size / sizeof(*some), at = table->sh_offset;

	for (uint64_t n; left > 0 && s->budget > 0; left -= n, s->budget -= n, at += n * sizeof(*some)) {
		n = left < AT_ONCE ? left : AT_ONCE;
		n = n < s->budget ? n : s->budget;
		if (!read_at(s->fd, at, some, n * sizeof(*some)))
			return false;
		for (uint64_t i = 0; i < n; i++)
			if (s->visit(s, &some[i]))
				return true;
	}
	return false;
}

static bool read_strings(struct search *s)
{
	if (!s->names)
		return true;
	size_t size = s->strings.sh_size;
	s->text = size < MOST_TEXT ? beget__mem_alloc(size + 1) : NULL;
	return s->text && read_at(s->fd, s->strings.sh_offset, s->text, size);
}

/* Visits the symbols of one or both kinds of tables. */
static void read_tables(struct search *s, bool dynamic)
{
	ElfW(Shdr) table;
	ElfW(Ehdr) header;
	bool enough = false;

	if (!read_at(s->fd, 0, &header, sizeof(header)) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_shentsize != sizeof(table))
		return;
	for (unsigned i = 0; i < header.e_shnum && !enough; i++) {
		if (!read_at(s->fd, header.e_shoff + i * sizeof(table), &table, sizeof(table)))
			return;
		bool wanted = table.sh_type == SHT_SYMTAB || (dynamic && table.sh_type == SHT_DYNSYM);
		if (wanted && table.sh_link < header.e_shnum &&
		    read_at(s->fd, header.e_shoff + table.sh_link * sizeof(table), &s->strings, sizeof(table)))
			enough = read_strings(s) && read_table(s, &table);
		free(s->text);
		s->text = NULL;
	}
}

void beget__symbol_find(int fd, const char *const *names, uint64_t *offsets)
{
	read_tables(&(struct search){.fd = fd, .budget = MOST, .visit = is_named, .names = names, .offsets = offsets},
	            false);
}

static void find(int fd, struct answer *a)
{
	read_tables(&(struct search){.fd = fd, .budget = MOST, .visit = holds, .answer = a}, true);
}

static bool recall(struct answer *a)
{
	bool known = false;

	if (pthread_mutex_trylock(&recent.lock)) /* in a copy of the caller, it may be locked forever */
		return false;
	for (int i = 0; i < 8 && !known; i++) {
		const struct answer *b = &recent.answers[i];
		known = b->size == a->size && b->offset == a->offset &&
		        memcmp(&b->file, &a->file, sizeof(a->file)) == 0;
		if (known)
			*a = *b;
	}
	pthread_mutex_unlock(&recent.lock);
	return known;
}

static void keep(const struct answer *a)
{
	if (pthread_mutex_trylock(&recent.lock))
		return;
	recent.answers[recent.next++ % 8] = *a;
	pthread_mutex_unlock(&recent.lock);
}

bool beget__symbol_name(const char *module, uint64_t offset, char *text, size_t size)
{
	const char *slash = strrchr(module, '/');
	struct answer a = {.offset = offset};

	/* The child may send any path. Opening a FIFO must not block, and a terminal must not become our controlling
	 * one. */
	int fd = beget__fd_open(module[0] ? module : "/proc/self/exe", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && beget__fd_regular(fd, &a.size)) {
		a.file = beget__fd_identity(fd);
		if (!recall(&a)) {
			find(fd, &a);
			keep(&a);
		}
	}
	beget__fd_close(&fd);
	if (!a.name[0])
		snprintf(text, size, "code at %#llx in %s", (unsigned long long)offset,
		         module[0] ? (slash ? slash + 1 : module) : beget__libc_program());
	else if (a.within)
		snprintf(text, size, "%s+%#llx", a.name, (unsigned long long)a.within);
	else
		snprintf(text, size, "%s", a.name);
	return a.name[0];
}
