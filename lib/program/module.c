/* Modules that a fresh image would not have. The caller lists those that a function's code needs, as the loader
 * resolved them. The child loads them by path, after checking that each file is still the same build. The loader's
 * search (RPATH, LD_LIBRARY_PATH, modules loaded earlier) is thus not repeated: its result is sent.
 * Runs in caller and child; knows no target and no message. */
#include "program/module.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/procfs.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Weak: a statically linked program has no loader and must not get one because of us. */
#pragma weak dlopen
#pragma weak dlerror

enum { LACKING = 1, HASHED = 2 };

static atomic_bool loading; /* a module is being loaded, and its constructors run */

/* The modules of a fresh image, by name. */
static struct {
	bool known;
	unsigned long long adds; /* modules ever loaded: while this is unchanged, none is lacking */
	uint64_t *names;         /* digests */
	size_t n, room;
} fresh;

static int count(struct dl_phdr_info *m, size_t size, void *unused)
{
	(void)size, (void)unused;
	fresh.adds = m->dlpi_adds;
	fresh.room++;
	return 0;
}

static int note_name(struct dl_phdr_info *m, size_t size, void *unused)
{
	(void)size, (void)unused;
	if (fresh.n < fresh.room)
		fresh.names[fresh.n++] = beget__binary_name_hash(m);
	return 0;
}

void beget__module_remember(void)
{
	fresh.n = fresh.room = 0;
	free(fresh.names);
	dl_iterate_phdr(count, NULL);
	fresh.names = beget__mem_alloc(fresh.room * sizeof(*fresh.names));
	if (fresh.names) /* otherwise all seem to be lacking: more is sent, and the child finds it loaded */
		dl_iterate_phdr(note_name, NULL);
	fresh.known = true;
}

/* All modules that are loaded here, and which of them the code needs. */

struct loaded {
	struct dl_phdr_info info;
	const char *soname;
	bool listed;
};

struct walk {
	struct beget__writer *w;
	uintptr_t address;
	bool foreign, all;
	struct loaded *modules;
	size_t n, room;
	size_t *order; /* indices of the listed modules */
	size_t listed;
};

static const char *soname(const struct dl_phdr_info *m)
{
	const ElfW(Dyn) *at = NULL;

	return beget__binary_string(m, DT_SONAME, &at);
}

static bool holds(const struct dl_phdr_info *m, uintptr_t address)
{
	return beget__binary_segment(m, address - m->dlpi_addr) != NULL;
}

/* Every process has the kernel's module (vDSO), the loader and the C library. */
static bool everywhere(const struct dl_phdr_info *m)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR), loader = getauxval(AT_BASE);

	if ((vdso && holds(m, vdso)) || (loader && holds(m, loader)))
		return true;
	const char *name = soname(m);
	return name && beget__libc_is(name);
}

bool beget__module_lacking(const struct dl_phdr_info *m, bool foreign)
{
	bool known = fresh.known && !foreign;

	if (known && m->dlpi_adds == fresh.adds)
		return false;
	if (beget__binary_name(m)[0] == '\0') /* the program itself */
		return !known;
	if (everywhere(m))
		return false;
	uint64_t h = beget__binary_name_hash(m);
	for (size_t i = 0; i < fresh.n && known; i++)
		if (fresh.names[i] == h)
			return false;
	return true;
}

static int gather(struct dl_phdr_info *m, size_t size, void *data)
{
	struct walk *walk = data;

	(void)size;
	if (walk->n == walk->room) {
		size_t room = walk->room ? 2 * walk->room : 32;
		struct loaded *more = beget__mem_alloc(room * sizeof(*more));
		if (!more) {
			walk->w->error = -ENOMEM;
			return 1;
		}
		if (walk->n)
			memcpy(more, walk->modules, walk->n * sizeof(*more));
		free(walk->modules);
		walk->modules = more;
		walk->room = room;
	}
	walk->modules[walk->n++] = (struct loaded){*m, soname(m), false};
	return 0;
}

/* As the loader does: the first module in its list that has this name. */
static struct loaded *find_needed(const struct walk *walk, const char *name)
{
	for (size_t i = 0; i < walk->n; i++)
		if (walk->modules[i].soname && strcmp(walk->modules[i].soname, name) == 0)
			return &walk->modules[i];
	for (size_t i = 0; i < walk->n; i++) {
		const char *path = beget__binary_name(&walk->modules[i].info), *slash = strrchr(path, '/');
		if (strcmp(path, name) == 0 || (slash && strcmp(slash + 1, name) == 0))
			return &walk->modules[i];
	}
	return NULL;
}

/* Lists a module after all that it needs. If a fresh image has the module, it also has what the module needs. */
static void list(struct walk *walk, struct loaded *module)
{
	const ElfW(Dyn) *at = NULL;
	const char *name;

	if (module->listed || (!walk->all && !beget__module_lacking(&module->info, walk->foreign)))
		return;
	module->listed = true;
	while ((name = beget__binary_string(&module->info, DT_NEEDED, &at)) != NULL) {
		struct loaded *needed = find_needed(walk, name);
		if (needed)
			list(walk, needed);
	}
	walk->order[walk->listed++] = (size_t)(module - walk->modules);
}

/* The loader knows a module by the path through which it was found, which may be relative to an earlier working
 * directory. To be freed; NULL: the path is absolute, or no better path is known. */
static char *absolute(const struct dl_phdr_info *m)
{
	const char *name = beget__binary_name(m);
	const ElfW(Phdr) *code = beget__binary_first_code(m);

	if (name[0] == '/' || !strchr(name, '/') || !code)
		return NULL;
	char *path = beget__mem_alloc(PATH_MAX);
	if (path && beget__procfs_mapped(m->dlpi_addr + code->p_vaddr, path, PATH_MAX) == 0)
		return path;
	free(path);
	return NULL;
}

static void put_module(struct beget__writer *w, const struct dl_phdr_info *m, bool foreign)
{
	struct beget__build build;
	char *better = absolute(m);
	const char *path = better ? better : beget__binary_name(m);

	if (strlen(path) + 1 >= BEGET__FAR)
		w->error = -ENAMETOOLONG; /* longer strings are not copied by the writer */
	else
		beget__bytes_put_string(w, path);
	beget__binary_build(m, &build);
	beget__bytes_put_u32(w, (beget__module_lacking(m, foreign) ? LACKING : 0u) | (build.hashed ? HASHED : 0u));
	beget__module_put_build(w, &build);
	free(better);
}

/* Called for the first module only. The loader's list is locked meanwhile, so no module is unloaded while we read
 * it. */
static int put_list(struct dl_phdr_info *first, size_t size, void *data)
{
	struct walk *walk = data;

	(void)first, (void)size;
	if (dl_iterate_phdr(gather, walk))
		return 1;
	walk->order = beget__mem_alloc(walk->n * sizeof(*walk->order));
	if (!walk->order) {
		walk->w->error = -ENOMEM;
		return 1;
	}
	for (size_t i = 0; i < walk->n; i++)
		if (beget__binary_code(&walk->modules[i].info, walk->address - walk->modules[i].info.dlpi_addr))
			list(walk, &walk->modules[i]);
	beget__bytes_put_u32(walk->w, (uint32_t)walk->listed);
	for (size_t i = 0; i < walk->listed; i++)
		put_module(walk->w, &walk->modules[walk->order[i]].info, walk->foreign);
	return 1;
}

void beget__module_put(struct beget__writer *w, uintptr_t address, bool foreign, bool all)
{
	struct walk walk = {.w = w, .address = address, .foreign = foreign, .all = all};

	if (!address) {
		beget__bytes_put_u32(w, 0);
		return;
	}
	dl_iterate_phdr(put_list, &walk);
	free(walk.modules);
	free(walk.order);
}

void beget__module_put_build(struct beget__writer *w, const struct beget__build *build)
{
	beget__bytes_put_u32(w, build->size);
	beget__bytes_put(w, build->id, build->size);
}

void beget__module_get_build(struct beget__reader *r, struct beget__build *ret)
{
	*ret = (struct beget__build){.size = beget__bytes_get_u32(r)};
	if (ret->size > sizeof(ret->id))
		r->bad = true;
	if (!r->bad)
		beget__bytes_get(r, ret->id, ret->size);
}

bool beget__module_next(struct beget__reader *r, struct beget__module *ret)
{
	if (r->bad || r->at == r->size)
		return false;
	ret->path = beget__bytes_get_string(r);
	uint32_t flags = beget__bytes_get_u32(r);
	ret->lacking = flags & LACKING;
	beget__module_get_build(r, &ret->build);
	ret->build.hashed = flags & HASHED;
	if (!ret->path || flags > (LACKING | HASHED) || ret->build.size == 0)
		r->bad = true;
	return !r->bad;
}

void beget__module_get(struct beget__reader *r, struct beget__modules *ret)
{
	uint32_t n = beget__bytes_get_u32(r);
	size_t begin = r->at;
	struct beget__module m;

	for (uint32_t i = 0; i < n; i++)
		if (!beget__module_next(r, &m)) {
			r->bad = true; /* module_next also returns false at a regular end */
			break;
		}
	*ret = (struct beget__modules){r->base + begin, r->bad ? 0 : r->at - begin};
}

/* Checks that the file to load is the build that the caller has loaded. */
static int check_file(const struct beget__module *m)
{
	struct beget__build build;

	if (strncmp(m->path, "/proc/", 6) == 0 || strncmp(m->path, "/dev/", 5) == 0)
		return beget__fail(EOPNOTSUPP,
		                   "the module %.150s was loaded from a descriptor that another process does not have",
		                   m->path);
	int fd = beget__fd_open(m->path, O_RDONLY | O_NONBLOCK);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return beget__fail(ENOENT, "the file of the module %.180s has been deleted", m->path);
	if (fd < 0)
		return beget__fail_errno(-fd, "cannot open the module %.180s", m->path);
	bool known = beget__binary_file_build(fd, &build);
	beget__fd_close(&fd);
	if (!known || !beget__binary_same(&build, &m->build))
		return beget__fail(ESTALE, "the file of the module %.180s has been replaced", m->path);
	return 0;
}

int beget__module_check(uintptr_t address, bool foreign)
{
	struct beget__writer w = {0};
	struct beget__reader r = {0};
	struct beget__module m;
	int error = 0;

	if (!address)
		return 0;
	beget__module_put(&w, address, foreign, false);
	char *flat = beget__bytes_flatten(&w, &r.size);
	r.base = flat;
	if (!flat)
		error = beget__fail_errno(w.error ? -w.error : ENOMEM,
		                          "cannot list the modules that the function needs");
	else
		beget__bytes_get_u32(&r);
	while (!error && beget__module_next(&r, &m))
		error = m.lacking ? check_file(&m) : 0;
	free(flat);
	beget__bytes_free(&w);
	return error;
}

static int is_same(struct dl_phdr_info *m, size_t size, void *data)
{
	const struct beget__module *wanted = data;
	struct beget__build build;

	(void)size;
	beget__binary_build(m, &build);
	return beget__binary_same(&build, &wanted->build);
}

int beget__module_open(const char *path)
{
	if (!dlopen || !dlerror)
		return beget__fail(ELIBACC, "cannot load %.180s: a statically linked program has no loader", path);
	loading = true;
	bool loaded = dlopen(path, RTLD_NOW) != NULL;
	loading = false;
	return loaded ? 0 : beget__fail(ELIBACC, "cannot load a module: %s", dlerror());
}

int beget__module_check_settled(void)
{
	return loading ? beget__fail(EDEADLK, "a constructor cannot start processes while its module is being loaded "
	                                      "for a child, because each child would do the same")
	               : 0;
}

static int load(const struct beget__module *m)
{
	int error = check_file(m);

	return error ? error : beget__module_open(m->path);
}

int beget__module_load(const struct beget__modules *modules)
{
	struct beget__failure first = {0};
	struct beget__reader r = {modules->bytes, 0, modules->size, false};
	struct beget__module m;

	/* A module that cannot be loaded because it lacks a symbol may be loaded by a later module that provides it. */
	while (beget__module_next(&r, &m)) {
		int error = m.lacking && !dl_iterate_phdr(is_same, &m) ? load(&m) : 0;
		if (error && error != -ELIBACC)
			return error;
		if (error && !first.code)
			first = *beget__fail_last();
	}
	for (r.at = 0; beget__module_next(&r, &m);)
		if (m.lacking && !dl_iterate_phdr(is_same, &m))
			return first.code ? beget__fail_again(&first)
			                  : beget__fail(ESTALE, "the loader loaded another build of the module %.180s",
			                                m.path);
	return 0;
}
