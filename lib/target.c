/* From a function's address to (module, build-id, offset) and back, by dl_iterate_phdr alone: dladdr and symbol tables
 * would be fooled by PLT entries, IFUNCs and closures. Runs in caller and child; knows no process and no message. */
#include "target.h"

#include "error.h"

#include <errno.h>
#include <string.h>

/* Without a build-id, the module's program headers and the function's first bytes have to do. */
static void identify(const struct dl_phdr_info *m, struct beget__target *ret)
{
	ret->id_size = beget__module_build_id(m, ret->id);
	if (ret->id_size)
		return;
	const ElfW(Phdr) *p = beget__module_code(m, ret->offset);
	uint64_t left = p->p_vaddr + p->p_filesz - ret->offset;
	uint64_t h = beget__module_hash(BEGET__HASH, m->dlpi_phdr, m->dlpi_phnum * sizeof(*m->dlpi_phdr));
	h = beget__module_hash(h, (const void *)(m->dlpi_addr + ret->offset), left < 64 ? left : 64);
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
	if (!beget__module_code(m, offset))
		return 0;
	search->ret->module = m->dlpi_name ? m->dlpi_name : "";
	search->ret->offset = offset;
	search->ret->lacking = beget__module_lacking(m) ? search->address : 0;
	search->ret->modules = (struct beget__modules){0};
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
	if (!beget__module_code(m, here.offset))
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
	if (!r.address && target->modules.size > 0) {
		int error = beget__module_load(&target->modules);
		if (error)
			return error;
		dl_iterate_phdr(is_module, &r);
	}
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
	beget__module_put(w, t->lacking, false);
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
	t->lacking = 0;
	beget__module_get(r, &t->modules);
}
