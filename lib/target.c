/* From a function's address to (module, build-id, offset) and back, by dl_iterate_phdr alone: dladdr and symbol tables
 * would be fooled by PLT entries, IFUNCs and closures. Runs in caller and child; knows no process and no message. */
#include "target.h"

#include "error.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <string.h>

/* The executable segment that holds the offset. */
static const ElfW(Phdr) * code_at(const struct dl_phdr_info *m, uint64_t offset)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && offset >= p->p_vaddr &&
		    offset - p->p_vaddr < p->p_filesz)
			return p;
	}
	return NULL;
}

static bool build_id(const struct dl_phdr_info *m, struct beget__target *ret)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type != PT_NOTE)
			continue;
		const char *at = (const char *)(m->dlpi_addr + p->p_vaddr);
		const char *end = at + p->p_memsz;
		while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
			const ElfW(Nhdr) *n = (const void *)at;
			const char *name = at + sizeof(*n);
			const char *id = name + ((n->n_namesz + 3u) & ~3u);
			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 && memcmp(name, "GNU", 4) == 0 &&
			    n->n_descsz > 0 && n->n_descsz <= sizeof(ret->id)) {
				ret->id_size = n->n_descsz;
				memcpy(ret->id, id, n->n_descsz);
				return true;
			}
			at = id + ((n->n_descsz + 3u) & ~3u);
		}
	}
	return false;
}

static uint64_t hash(uint64_t h, const void *data, size_t n) /* FNV-1a */
{
	for (const unsigned char *p = data; n-- > 0; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

/* Without a build-id, the module's program headers and the function's first bytes have to do. */
static void identify(const struct dl_phdr_info *m, struct beget__target *ret)
{
	if (build_id(m, ret))
		return;
	const ElfW(Phdr) *p = code_at(m, ret->offset);
	uint64_t left = p->p_vaddr + p->p_filesz - ret->offset;
	uint64_t h = hash(UINT64_C(0xcbf29ce484222325), m->dlpi_phdr, m->dlpi_phnum * sizeof(*m->dlpi_phdr));
	h = hash(h, (const void *)(m->dlpi_addr + ret->offset), left < 64 ? left : 64);
	ret->id_size = sizeof(h);
	memcpy(ret->id, &h, sizeof(h));
}

struct search {
	uintptr_t address;
	struct beget__target *ret;
};

static int holds_address(struct dl_phdr_info *m, size_t size, void *data)
{
	const struct search *search = data;
	uint64_t offset = search->address - m->dlpi_addr;

	(void)size;
	if (!code_at(m, offset))
		return 0;
	search->ret->module = m->dlpi_name ? m->dlpi_name : "";
	search->ret->offset = offset;
	identify(m, search->ret);
	return 1;
}

int beget__target_find(void (*function)(void), struct beget__target *ret)
{
	struct search search = {(uintptr_t)function, ret};

	return dl_iterate_phdr(holds_address, &search) ? 0 : -EOPNOTSUPP;
}

struct resolution {
	const struct beget__target *target;
	bool named; /* a module of that path is there, but it is another */
	uintptr_t address;
};

static int is_module(struct dl_phdr_info *m, size_t size, void *data)
{
	struct resolution *r = data;
	struct beget__target here = {.offset = r->target->offset};
	const char *name = m->dlpi_name ? m->dlpi_name : "";
	bool same_name = strcmp(name, r->target->module) == 0;

	(void)size;
	/* The program itself has no name, and is always listed first. */
	if (r->target->module[0] == '\0' && !same_name)
		return 1;
	r->named |= same_name;
	if (!code_at(m, here.offset))
		return 0;
	identify(m, &here);
	if (here.id_size != r->target->id_size || memcmp(here.id, r->target->id, here.id_size) != 0)
		return 0;
	r->address = m->dlpi_addr + here.offset;
	return 1;
}

int beget__target_resolve(const struct beget__target *target, void (**ret)(void))
{
	struct resolution r = {.target = target};
	const char *name = target->module[0] ? target->module : "the program";

	dl_iterate_phdr(is_module, &r);
	if (!r.address && r.named)
		return beget__fail_plain(ESTALE, "cannot find the target: %s is not the same here as in the caller",
		                         name);
	if (!r.address)
		return beget__fail_plain(ENOENT, "cannot find the target: %s is not loaded here", name);
	*ret = (void (*)(void))r.address;
	return 0;
}

void beget__target_put(struct beget__writer *w, const struct beget__target *t)
{
	beget__put_string(w, t->module);
	beget__put_u64(w, t->offset);
	beget__put_u32(w, t->id_size);
	beget__put(w, t->id, t->id_size);
}

void beget__target_get(struct beget__reader *r, struct beget__target *t)
{
	t->module = beget__get_string(r);
	t->offset = beget__get_u64(r);
	t->id_size = beget__get_u32(r);
	if (t->id_size > sizeof(t->id) || !t->module)
		r->bad = true;
	if (!r->bad)
		beget__get(r, t->id, t->id_size);
}
