/* Converts a function's address to (module, build-id, offset) and back. Uses only dl_iterate_phdr: PLT entries, IFUNCs
 * and closures would mislead dladdr and symbol tables. Runs in caller and child; knows no process and no message. */
#include "program/target.h"

#include "os/fail.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The program itself. It contains most targets, so the loader's list is seldom searched. */
static struct {
	uintptr_t code;      /* its first code segment */
	uint64_t begin, end; /* of that segment; equal: unknown */
	struct beget__build build;
} program;

static int learn(struct dl_phdr_info *m, size_t size, void *unused)
{
	const ElfW(Phdr) *code = beget__binary_first_code(m);

	(void)size, (void)unused;
	if (!code || beget__binary_name(m)[0] != '\0')
		return 1;
	beget__binary_build(m, &program.build);
	if (program.build.hashed) /* for a target, the hash must be that of the function */
		return 1;
	program.code = m->dlpi_addr + code->p_vaddr;
	program.begin = code->p_vaddr;
	program.end = code->p_vaddr + code->p_filesz;
	return 1;
}

void beget__target_remember(void)
{
	dl_iterate_phdr(learn, NULL); /* the program is the first module */
}

static bool find_in_program(uintptr_t address, bool foreign, struct beget__target *ret)
{
	if (address - program.code >= program.end - program.begin)
		return false;
	ret->module = "";
	ret->offset = address - program.code + program.begin;
	ret->lacking = foreign ? address : 0;
	ret->foreign = foreign;
	ret->modules = (struct beget__modules){0};
	ret->build = program.build;
	return true;
}

static uintptr_t resolve_in_program(const struct beget__target *target)
{
	return target->module[0] == '\0' && target->offset >= program.begin && target->offset < program.end &&
	                       beget__binary_same(&target->build, &program.build)
	               ? program.code + (target->offset - program.begin)
	               : 0;
}

struct search {
	uintptr_t address;
	bool foreign;
	struct beget__target *ret;
};

static int holds_address(struct dl_phdr_info *m, size_t size, void *data)
{
	const struct search *search = data;
	uint64_t offset = search->address - m->dlpi_addr;

	(void)size;
	if (!beget__binary_code(m, offset))
		return 0;
	search->ret->module = beget__binary_name(m);
	search->ret->offset = offset;
	search->ret->lacking = beget__module_lacking(m, search->foreign) ? search->address : 0;
	search->ret->foreign = search->foreign;
	search->ret->modules = (struct beget__modules){0};
	beget__binary_build_at(m, offset, &search->ret->build);
	return 1;
}

int beget__target_find(void (*function)(void), bool foreign, struct beget__target *ret)
{
	struct search search = {(uintptr_t)function, foreign, ret};

	if (find_in_program(search.address, foreign, ret))
		return 0;
	return dl_iterate_phdr(holds_address, &search) ? 0 : -EOPNOTSUPP;
}

int beget__target_keep(const struct beget__target *t, struct beget__target *ret)
{
	char *name = NULL;

	if (t->module && t->module[0] && !(name = beget__mem_alloc(strlen(t->module) + 1)))
		return -ENOMEM;
	*ret = *t;
	if (name)
		ret->module = strcpy(name, t->module);
	return 0;
}

void beget__target_free(struct beget__target *t)
{
	if (t->module && t->module[0])
		free((char *)t->module);
	t->module = NULL;
}

struct resolution {
	const struct beget__target *target;
	bool named; /* a module with that path is loaded, but it is another build */
	uintptr_t address;
};

static int is_module(struct dl_phdr_info *m, size_t size, void *data)
{
	struct resolution *r = data;
	struct beget__build build;
	bool same_name = strcmp(beget__binary_name(m), r->target->module) == 0;

	(void)size;
	/* The program itself has no name and is always listed first. */
	if (r->target->module[0] == '\0' && !same_name)
		return 1;
	r->named |= same_name;
	if (!beget__binary_code(m, r->target->offset))
		return 0;
	beget__binary_build_at(m, r->target->offset, &build);
	if (!beget__binary_same(&build, &r->target->build))
		return 0;
	r->address = m->dlpi_addr + r->target->offset;
	return 1;
}

int beget__target_resolve(const struct beget__target *target, void (**ret)(void))
{
	struct resolution r = {.target = target, .address = resolve_in_program(target)};
	const char *name = target->module[0] ? target->module : "the program";

	if (!r.address)
		dl_iterate_phdr(is_module, &r);
	if (!r.address && target->modules.size > 0) {
		int error = beget__module_load(&target->modules);
		if (error)
			return error;
		dl_iterate_phdr(is_module, &r);
	}
	if (!r.address && r.named)
		return beget__fail(ESTALE, "cannot find the target: %s has a different build-id than in the caller",
		                   name);
	if (!r.address)
		return beget__fail(ENOENT, "cannot find the target: %s is not loaded in the child", name);
	*ret = (void (*)(void))r.address;
	return 0;
}

void beget__target_put(struct beget__writer *w, const struct beget__target *t)
{
	beget__bytes_put_string(w, t->module);
	beget__bytes_put_u64(w, t->offset);
	beget__module_put_build(w, &t->build);
	beget__module_put(w, t->lacking, t->foreign, false);
}

void beget__target_get(struct beget__reader *r, struct beget__target *t)
{
	t->module = beget__bytes_get_string(r);
	t->offset = beget__bytes_get_u64(r);
	beget__module_get_build(r, &t->build);
	if (!t->module)
		r->bad = true;
	t->lacking = 0;
	t->foreign = false;
	beget__module_get(r, &t->modules);
}
