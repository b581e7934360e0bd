/* The name of a function, from its offset and the module's symbol table. Static functions are found too, unless the
 * module was stripped. This reads a file, so it is used for error sentences, not for starts.
 * Runs in the caller. */
#include "program/symbol.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/libc.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

/* The mapped file. Every access is checked, because the file may have any contents by now. */
struct image {
	const char *base;
	size_t size;
};

static const void *at(const struct image *image, uint64_t offset, uint64_t size)
{
	return offset <= image->size && size <= image->size - offset ? image->base + offset : NULL;
}

static const char *string_at(const struct image *image, const ElfW(Shdr) * strings, uint32_t index)
{
	const char *s = index < strings->sh_size ? at(image, strings->sh_offset + index, 1) : NULL;

	return s && memchr(s, '\0', image->size - (size_t)(s - image->base)) ? s : NULL;
}

/* The function that contains the offset, from one symbol table. */
static const char *search(const struct image *image, const ElfW(Shdr) * table, const ElfW(Shdr) * strings,
                          uint64_t offset, uint64_t *within)
{
	for (uint64_t i = 0; i < table->sh_size / sizeof(ElfW(Sym)); i++) {
		const ElfW(Sym) *s = at(image, table->sh_offset + i * sizeof(*s), sizeof(*s));
		if (!s)
			return NULL;
		if ((s->st_info & 0xf) != STT_FUNC || s->st_shndx == SHN_UNDEF || offset < s->st_value ||
		    offset - s->st_value >= (s->st_size ? s->st_size : 1))
			continue;
		*within = offset - s->st_value;
		return string_at(image, strings, s->st_name);
	}
	return NULL;
}

static const char *find(const struct image *image, uint64_t offset, uint64_t *within)
{
	const ElfW(Ehdr) *header = at(image, 0, sizeof(*header));
	const char *name = NULL;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof(ElfW(Shdr)))
		return NULL;
	const ElfW(Shdr) *sections = at(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	for (unsigned i = 0; sections && !name && i < header->e_shnum; i++) {
		const ElfW(Shdr) *s = &sections[i];
		if ((s->sh_type == SHT_SYMTAB || s->sh_type == SHT_DYNSYM) && s->sh_link < header->e_shnum)
			name = search(image, s, &sections[s->sh_link], offset, within);
	}
	return name;
}

void beget__symbol_name(const char *module, uint64_t offset, char *text, size_t size)
{
	const char *slash = strrchr(module, '/');
	uint64_t within = 0;
	size_t length;
	void *base = NULL;

	snprintf(text, size, "%s+0x%llx", module[0] ? (slash ? slash + 1 : module) : beget__libc_program(),
	         (unsigned long long)offset);
	/* The child may send any path. Opening a FIFO must not block, and a terminal must not become our controlling
	 * one. */
	int fd = beget__fd_open(module[0] ? module : "/proc/self/exe", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (beget__fd_regular(fd, &length) && beget__file_map(fd, length, &base) == 0) {
		struct image image = {base, length};
		const char *name = find(&image, offset, &within);
		if (name && within)
			snprintf(text, size, "%.120s+0x%llx", name, (unsigned long long)within);
		else if (name)
			snprintf(text, size, "%.120s", name);
		beget__file_unmap(base, image.size);
	}
	beget__fd_close(&fd);
}
