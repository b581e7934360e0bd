/* Modules that a fresh image would not have. The caller lists those that a function's code needs, from what the loader
 * has here; the child loads them by path, after it has looked whether the file is still the same build. So the loader's
 * search (RPATH, LD_LIBRARY_PATH, what was loaded before) need not be repeated: its outcome travels.
 * Runs in caller and child; knows no target and no message. */
#include "module.h"

#include "error.h"
#include "sys.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* A statically linked program has no loader, and none shall be linked into it for our sake. */
#pragma weak dlopen
#pragma weak dlerror
#pragma weak dlinfo
#pragma weak dladdr1

enum { LACKING = 1, HASHED = 2 };
enum { NOTES_MAX = 65536, CODE_MAX = 65536, SEGMENTS_MAX = 64 };

/* What a fresh image has, by name. */
static struct {
	bool known;
	unsigned long long adds; /* modules ever loaded: as long as that stays, nothing can be lacking */
	uint64_t *names;         /* hashes */
	size_t n, room;
} fresh;

uint64_t beget__module_hash(uint64_t h, const void *data, size_t n) /* FNV-1a */
{
	for (const unsigned char *p = data; n-- > 0; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

static const char *name_of(const struct dl_phdr_info *m)
{
	return m->dlpi_name ? m->dlpi_name : "";
}

static uint64_t name_hash(const struct dl_phdr_info *m)
{
	return beget__module_hash(BEGET__HASH, name_of(m), strlen(name_of(m)));
}

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
		fresh.names[fresh.n++] = name_hash(m);
	return 0;
}

void beget__module_remember(void)
{
	fresh.n = fresh.room = 0;
	free(fresh.names);
	dl_iterate_phdr(count, NULL);
	fresh.names = beget__sys_alloc(fresh.room * sizeof(*fresh.names));
	if (fresh.names) /* else all will seem to be lacking: more is sent, and found to be there */
		dl_iterate_phdr(note_name, NULL);
	fresh.known = true;
}

/* Code and notes of a module in memory. */

const ElfW(Phdr) * beget__module_code(const struct dl_phdr_info *m, uint64_t offset)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X) && offset >= p->p_vaddr &&
		    offset - p->p_vaddr < p->p_filesz)
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

/* The build-id among notes, which may be anything. */
static uint32_t find_id(const char *notes, size_t size, unsigned char *ret)
{
	for (size_t at = 0; size - at >= sizeof(ElfW(Nhdr));) {
		ElfW(Nhdr) n;
		memcpy(&n, notes + at, sizeof(n));
		uint64_t name = at + sizeof(n), id = name + (((uint64_t)n.n_namesz + 3) & ~UINT64_C(3));
		if (id > size || n.n_descsz > size - id)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    n.n_descsz > 0 && n.n_descsz <= BEGET__ID_MAX) {
			memcpy(ret, notes + id, n.n_descsz);
			return n.n_descsz;
		}
		id += ((uint64_t)n.n_descsz + 3) & ~UINT64_C(3);
		at = id < size ? (size_t)id : size;
	}
	return 0;
}

uint32_t beget__module_build_id(const struct dl_phdr_info *m, unsigned char *ret)
{
	uint32_t size = 0;

	for (int i = 0; i < m->dlpi_phnum && !size; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_NOTE)
			size = find_id((const char *)(m->dlpi_addr + p->p_vaddr), p->p_memsz, ret);
	}
	return size;
}

static uint32_t finish_id(uint64_t h, unsigned char *ret)
{
	memcpy(ret, &h, sizeof(h));
	return sizeof(h);
}

/* A module without a build-id is known by its program headers and the beginning of its code. */
static uint32_t memory_id(const struct dl_phdr_info *m, unsigned char *ret)
{
	uint32_t size = beget__module_build_id(m, ret);
	const ElfW(Phdr) *code = first_code(m->dlpi_phdr, m->dlpi_phnum);

	if (size)
		return size;
	uint64_t h = beget__module_hash(BEGET__HASH, m->dlpi_phdr, m->dlpi_phnum * sizeof(*m->dlpi_phdr));
	if (code)
		h = beget__module_hash(h, (const void *)(m->dlpi_addr + code->p_vaddr),
		                       code->p_filesz < CODE_MAX ? code->p_filesz : CODE_MAX);
	return finish_id(h, ret);
}

/* The same from a file, which may be anything by now; 0: it is no such module. */
static uint32_t file_id(int fd, unsigned char *ret)
{
	ElfW(Phdr) segments[SEGMENTS_MAX];
	ElfW(Ehdr) e;
	uint32_t size = 0;

	if (pread(fd, &e, sizeof(e), 0) != sizeof(e) || memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_phentsize != sizeof(*segments) || e.e_phnum > SEGMENTS_MAX)
		return 0;
	size_t n = e.e_phnum * sizeof(*segments);
	char *bytes = beget__sys_alloc_unset(NOTES_MAX > CODE_MAX ? NOTES_MAX : CODE_MAX);
	if (!bytes || pread(fd, segments, n, (off_t)e.e_phoff) != (ssize_t)n)
		goto out;
	for (int i = 0; i < e.e_phnum && !size; i++) {
		const ElfW(Phdr) *p = &segments[i];
		if (p->p_type == PT_NOTE && p->p_filesz <= NOTES_MAX &&
		    pread(fd, bytes, p->p_filesz, (off_t)p->p_offset) == (ssize_t)p->p_filesz)
			size = find_id(bytes, p->p_filesz, ret);
	}
	if (size)
		goto out;
	uint64_t h = beget__module_hash(BEGET__HASH, segments, n);
	const ElfW(Phdr) *code = first_code(segments, e.e_phnum);
	if (code) {
		size_t most = code->p_filesz < CODE_MAX ? code->p_filesz : CODE_MAX;
		if (pread(fd, bytes, most, (off_t)code->p_offset) != (ssize_t)most)
			goto out;
		h = beget__module_hash(h, bytes, most);
	}
	size = finish_id(h, ret);
out:
	free(bytes);
	return size;
}

/* All modules that are loaded here, and which of them some code needs. */

struct loaded {
	struct dl_phdr_info info;
	const char *soname;
	bool listed;
};

struct walk {
	struct beget__writer *w;
	uintptr_t address;
	bool all;
	struct loaded *modules;
	size_t n, room;
	size_t *order; /* of those that are listed */
	size_t listed;
};

static const ElfW(Dyn) * dynamic(const struct dl_phdr_info *m)
{
	for (int i = 0; i < m->dlpi_phnum; i++)
		if (m->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const void *)(m->dlpi_addr + m->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* The loader adds the load address to this pointer in most modules, but not where it cannot write. */
static const char *strings(const struct dl_phdr_info *m)
{
	for (const ElfW(Dyn) *d = dynamic(m); d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			return (const char *)(d->d_un.d_ptr < m->dlpi_addr ? m->dlpi_addr + d->d_un.d_ptr
			                                                   : d->d_un.d_ptr);
	return NULL;
}

static const char *soname_of(const struct dl_phdr_info *m)
{
	const char *base = strings(m);

	for (const ElfW(Dyn) *d = base ? dynamic(m) : NULL; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_SONAME)
			return base + d->d_un.d_val;
	return NULL;
}

static bool holds(const struct dl_phdr_info *m, uintptr_t address)
{
	for (int i = 0; i < m->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && address - m->dlpi_addr - p->p_vaddr < p->p_memsz)
			return true;
	}
	return false;
}

/* Every process has the kernel's module, the loader and the C library. */
static bool everywhere(const struct dl_phdr_info *m)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR), loader = getauxval(AT_BASE);

	if ((vdso && holds(m, vdso)) || (loader && holds(m, loader)))
		return true;
	const char *soname = soname_of(m);
	return soname && strcmp(soname, "libc.so.6") == 0;
}

bool beget__module_lacking(const struct dl_phdr_info *m)
{
	if (fresh.known && m->dlpi_adds == fresh.adds)
		return false;
	if (name_of(m)[0] == '\0') /* the program itself */
		return !fresh.known;
	if (everywhere(m))
		return false;
	uint64_t h = name_hash(m);
	for (size_t i = 0; i < fresh.n; i++)
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
		struct loaded *more = beget__sys_alloc(room * sizeof(*more));
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
	walk->modules[walk->n++] = (struct loaded){*m, soname_of(m), false};
	return 0;
}

/* As the loader does it: the first in its list that has this name. */
static struct loaded *find_needed(const struct walk *walk, const char *name)
{
	for (size_t i = 0; i < walk->n; i++)
		if (walk->modules[i].soname && strcmp(walk->modules[i].soname, name) == 0)
			return &walk->modules[i];
	for (size_t i = 0; i < walk->n; i++) {
		const char *path = name_of(&walk->modules[i].info), *slash = strrchr(path, '/');
		if (strcmp(path, name) == 0 || (slash && strcmp(slash + 1, name) == 0))
			return &walk->modules[i];
	}
	return NULL;
}

/* A module after all that it needs. What a fresh image has, it has with all that this needs. */
static void list(struct walk *walk, struct loaded *module)
{
	const char *base = strings(&module->info);

	if (module->listed || (!walk->all && !beget__module_lacking(&module->info)))
		return;
	module->listed = true;
	for (const ElfW(Dyn) *d = base ? dynamic(&module->info) : NULL; d && d->d_tag != DT_NULL; d++) {
		struct loaded *needed = d->d_tag == DT_NEEDED ? find_needed(walk, base + d->d_un.d_val) : NULL;
		if (needed)
			list(walk, needed);
	}
	walk->order[walk->listed++] = (size_t)(module - walk->modules);
}

/* The loader knows a module by the path that it was found by, which may begin at a directory left since; where that led
 * it knows too. To be freed; NULL: the path is good as it is, or there is no better. */
static char *absolute(const struct dl_phdr_info *m)
{
	const char *name = name_of(m), *slash = strrchr(name, '/');
	const ElfW(Phdr) *code = first_code(m->dlpi_phdr, m->dlpi_phnum);
	struct link_map *map = NULL;
	Dl_info unused;

	if (name[0] == '/' || !slash || !code || !dladdr1 || !dlinfo)
		return NULL;
	char *text = beget__sys_alloc(2 * PATH_MAX + strlen(slash) + 1); /* the loader is not told how much fits */
	if (text && dladdr1((void *)(m->dlpi_addr + code->p_vaddr), &unused, (void **)&map, RTLD_DL_LINKMAP) && map &&
	    dlinfo(map, RTLD_DI_ORIGIN, text) == 0)
		return strcat(text, slash);
	free(text);
	return NULL;
}

static void put_module(struct beget__writer *w, const struct dl_phdr_info *m)
{
	unsigned char id[BEGET__ID_MAX];
	uint32_t size = memory_id(m, id);
	char *better = absolute(m);
	const char *path = better ? better : name_of(m);

	if (strlen(path) + 1 >= BEGET__FAR)
		w->error = -ENAMETOOLONG; /* it would not be copied */
	else
		beget__put_string(w, path);
	beget__put_u32(w, (beget__module_lacking(m) ? LACKING : 0) | (beget__module_build_id(m, id) ? 0 : HASHED));
	beget__put_u32(w, size);
	beget__put(w, id, size);
	free(better);
}

/* Called for the first module of all, with the loader's list locked: so nothing that we look at is unloaded. */
static int put_list(struct dl_phdr_info *first, size_t size, void *data)
{
	struct walk *walk = data;

	(void)first, (void)size;
	if (dl_iterate_phdr(gather, walk))
		return 1;
	walk->order = beget__sys_alloc(walk->n * sizeof(*walk->order));
	if (!walk->order) {
		walk->w->error = -ENOMEM;
		return 1;
	}
	for (size_t i = 0; i < walk->n; i++)
		if (beget__module_code(&walk->modules[i].info, walk->address - walk->modules[i].info.dlpi_addr))
			list(walk, &walk->modules[i]);
	beget__put_u32(walk->w, (uint32_t)walk->listed);
	for (size_t i = 0; i < walk->listed; i++)
		put_module(walk->w, &walk->modules[walk->order[i]].info);
	return 1;
}

void beget__module_put(struct beget__writer *w, uintptr_t address, bool all)
{
	struct walk walk = {.w = w, .address = address, .all = all};

	if (!address) {
		beget__put_u32(w, 0);
		return;
	}
	dl_iterate_phdr(put_list, &walk);
	free(walk.modules);
	free(walk.order);
}

bool beget__module_next(struct beget__reader *r, struct beget__module *ret)
{
	if (r->bad || r->at == r->size)
		return false;
	ret->path = beget__get_string(r);
	uint32_t flags = beget__get_u32(r);
	ret->lacking = flags & LACKING;
	ret->hashed = flags & HASHED;
	ret->id_size = beget__get_u32(r);
	if (!ret->path || flags > (LACKING | HASHED) || ret->id_size == 0 || ret->id_size > sizeof(ret->id))
		r->bad = true;
	if (!r->bad)
		beget__get(r, ret->id, ret->id_size);
	return !r->bad;
}

void beget__module_get(struct beget__reader *r, struct beget__modules *ret)
{
	uint32_t n = beget__get_u32(r);
	size_t begin = r->at;
	struct beget__module m;

	for (uint32_t i = 0; i < n; i++)
		if (!beget__module_next(r, &m)) {
			r->bad = true; /* it may just have ended */
			break;
		}
	*ret = (struct beget__modules){r->base + begin, r->bad ? 0 : r->at - begin};
}

/* The file that would be loaded is the one that is loaded in the caller. */
static int check_file(const struct beget__module *m)
{
	unsigned char id[BEGET__ID_MAX];

	if (strncmp(m->path, "/proc/", 6) == 0 || strncmp(m->path, "/dev/", 5) == 0)
		return beget__fail_plain(EOPNOTSUPP,
		                         "the module %.150s was loaded by a descriptor, which another process has not",
		                         m->path);
	int fd = beget__sys_open(m->path, O_RDONLY | O_NONBLOCK);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return beget__fail_plain(ENOENT, "the module %.180s was deleted since it was loaded", m->path);
	if (fd < 0)
		return beget__fail(-fd, "cannot open the module %.180s", m->path);
	uint32_t size = file_id(fd, id);
	beget__sys_close(&fd);
	if (size != m->id_size || memcmp(id, m->id, size) != 0)
		return beget__fail_plain(ESTALE, "the module %.180s was replaced since it was loaded", m->path);
	return 0;
}

int beget__module_check(uintptr_t address)
{
	struct beget__writer w = {0};
	struct beget__reader r = {0};
	struct beget__module m;
	int error = 0;

	if (!address)
		return 0;
	beget__module_put(&w, address, false);
	char *flat = beget__writer_flatten(&w, &r.size);
	r.base = flat;
	if (!flat)
		error = beget__fail(w.error ? -w.error : ENOMEM, "cannot list the modules that the function needs");
	else
		beget__get_u32(&r);
	while (!error && beget__module_next(&r, &m))
		error = m.lacking ? check_file(&m) : 0;
	free(flat);
	beget__writer_free(&w);
	return error;
}

static int is_same(struct dl_phdr_info *m, size_t size, void *data)
{
	const struct beget__module *wanted = data;
	unsigned char id[BEGET__ID_MAX];

	(void)size;
	uint32_t n = memory_id(m, id);
	return n == wanted->id_size && memcmp(id, wanted->id, n) == 0;
}

static int load(const struct beget__module *m)
{
	int error = check_file(m);

	if (error)
		return error;
	if (!dlopen || !dlerror)
		return beget__fail_plain(ELIBACC, "cannot load %.180s: a statically linked program has no loader",
		                         m->path);
	return dlopen(m->path, RTLD_NOW) ? 0 : beget__fail_plain(ELIBACC, "cannot load a module: %s", dlerror());
}

int beget__module_load(const struct beget__modules *modules)
{
	struct beget__failure first = {0};
	struct beget__reader r = {modules->bytes, 0, modules->size, false};
	struct beget__module m;

	/* One that does not come up alone, for want of what another will bring, may come up with that other. */
	while (beget__module_next(&r, &m)) {
		int error = m.lacking && !dl_iterate_phdr(is_same, &m) ? load(&m) : 0;
		if (error && error != -ELIBACC)
			return error;
		if (error && !first.code)
			first = *beget__failure();
	}
	for (r.at = 0; beget__module_next(&r, &m);)
		if (m.lacking && !dl_iterate_phdr(is_same, &m))
			return first.code ? beget__fail_with(&first)
			                  : beget__fail_plain(ESTALE, "the module %.180s is another one when loaded",
			                                      m.path);
	return 0;
}
