/* Common code of the fuzzers: checked memory, a budget for the library's allocations, values derived from an input. */
#include "fuzz.h"

#include "call/layout.h"
#include "call/type.h"
#include "call/value.h"
#include "program/target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WATCHED 1
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

void (*fuzz_seed)(const char *, const void *, size_t);

void fuzz_stop(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: finding: not %s\n", file, line, what);
	abort();
}

unsigned fuzz_byte(struct fuzz_input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

uint64_t fuzz_number(struct fuzz_input *in, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n |= (uint64_t)fuzz_byte(in) << 8 * i;
	return n;
}

char *fuzz_place(struct fuzz_room *room, const void *data, size_t size)
{
	room->size = size < FUZZ_MOST ? size : FUZZ_MOST;
	ASAN_UNPOISON_MEMORY_REGION(room->bytes, FUZZ_MOST);
	if (room->size)
		memcpy(room->bytes, data, room->size);
	ASAN_POISON_MEMORY_REGION(room->bytes + room->size, FUZZ_MOST - room->size);
	return room->bytes;
}

bool fuzz_place_written(struct fuzz_room *room, struct beget__writer *w)
{
	size_t size = 0;
	bool fits = !w->error && w->total <= FUZZ_MOST;
	char *flat = fits ? beget__bytes_flatten(w, &size) : NULL;

	CHECK(!fits || flat);
	CHECK(!fits || size == w->total);
	if (fits)
		fuzz_place(room, flat, size);
	free(flat);
	beget__bytes_free(w);
	return fits;
}

void fuzz_expect_inside(const struct fuzz_room *room, const void *p, size_t size)
{
	uintptr_t first = (uintptr_t)room->bytes, at = (uintptr_t)p;

	CHECK(at >= first && at - first <= room->size && size <= room->size - (at - first));
}

void fuzz_expect_string(const struct fuzz_room *room, const char *s)
{
	if (!s)
		return;
	fuzz_expect_inside(room, s, 1);
	CHECK(memchr(s, '\0', room->size - (size_t)(s - room->bytes)));
}

/* The linker redirects the library's calls to these (--wrap). */
void *__real_beget__mem_alloc(size_t);
void *__real_beget__mem_alloc_unset(size_t);
void *__real_beget__mem_alloc_aligned(size_t, size_t);
void *__wrap_beget__mem_alloc(size_t);
void *__wrap_beget__mem_alloc_unset(size_t);
void *__wrap_beget__mem_alloc_aligned(size_t, size_t);

static size_t budget = SIZE_MAX;
static unsigned countdown;

void fuzz_budget(size_t bytes)
{
	budget = bytes;
}

void fuzz_budget_for(size_t message)
{
	budget = 64 * message + 4096;
}

void fuzz_no_memory(unsigned n)
{
	countdown = n;
}

static bool spend(size_t size)
{
	CHECK(size <= budget);
	if (budget != SIZE_MAX)
		budget -= size;
	return countdown == 0 || --countdown > 0;
}

void *__wrap_beget__mem_alloc(size_t size)
{
	return spend(size) ? __real_beget__mem_alloc(size) : NULL;
}

void *__wrap_beget__mem_alloc_unset(size_t size)
{
	return spend(size) ? __real_beget__mem_alloc_unset(size) : NULL;
}

void *__wrap_beget__mem_alloc_aligned(size_t align, size_t size)
{
	return spend(size) ? __real_beget__mem_alloc_aligned(align, size) : NULL;
}

int __real_beget__file_map_given(int, size_t, void **);
int __wrap_beget__file_map_given(int, size_t, void **);
void __real_beget__file_unmap(void *, size_t);
void __wrap_beget__file_unmap(void *, size_t);

static struct {
	void *p;
	size_t size;
} maps[64];

size_t fuzz_mapped(void)
{
	size_t size = 0;

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
		size += maps[i].size;
	return size;
}

static void replace_map(void *old, size_t old_size, void *p, size_t size)
{
	size_t i = 0;

	while (i < sizeof(maps) / sizeof(*maps) && (maps[i].p != old || maps[i].size != old_size))
		i++;
	CHECK(i < sizeof(maps) / sizeof(*maps));
	maps[i].p = p;
	maps[i].size = size;
}

int __wrap_beget__file_map_given(int fd, size_t size, void **ret)
{
	int error = spend(0) ? __real_beget__file_map_given(fd, size, ret) : -ENOMEM;

	if (!error)
		replace_map(NULL, 0, *ret, size);
	return error;
}

void __wrap_beget__file_unmap(void *p, size_t size)
{
	if (p)
		replace_map(p, size, NULL, 0);
	__real_beget__file_unmap(p, size);
}

struct beget__fds *fuzz_fds(struct fuzz_fds *f, unsigned n)
{
	int have = (int)(n < FUZZ_FDS ? n : FUZZ_FDS);

	for (int i = 0; i < FUZZ_FDS; i++)
		f->numbers[i] = FUZZ_FD + i;
	f->fds = (struct beget__fds){f->numbers, have, FUZZ_FDS};
	return &f->fds;
}

/* The contents of strings, objects and bytes: never zero. */
static const char *pattern(size_t size)
{
	static char bytes[1 << 16];

	if (!bytes[0])
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)(1 + i % 251);
	return bytes + sizeof(bytes) - size;
}

/* A struct that contains an array of structs. */
struct inner {
	char c;
	double d[2];
};
struct outer {
	int i;
	struct inner inner[3];
	short s;
};
static const struct beget_member inner_members[] = {
	{BEGET_TYPE_CHAR, 0, offsetof(struct inner, c), NULL},
	{BEGET_TYPE_DOUBLE, 2, offsetof(struct inner, d), NULL},
};
static const struct beget_layout inner = {sizeof(struct inner), _Alignof(struct inner), 2, inner_members};
static const struct beget_member outer_members[] = {
	{BEGET_TYPE_INT, 0, offsetof(struct outer, i), NULL},
	{BEGET_TYPE_STRUCT, 3, offsetof(struct outer, inner), &inner},
	{BEGET_TYPE_SHORT, 1, offsetof(struct outer, s), NULL},
};
static const struct beget_layout outer = {sizeof(struct outer), _Alignof(struct outer), 3, outer_members};

static struct beget_buffer *one_buffer(void)
{
	static struct beget_buffer *buffer;

	CHECK(buffer || beget_buffer_create(&buffer, 4096) == 0);
	return buffer;
}

bool fuzz_derive(struct fuzz_input *in, unsigned type, struct beget_arg *arg, union beget__value *v)
{
	static char text[1 << 16];
	enum { STRINGS = 50 };
	static const char *strings[STRINGS];
	static struct outer by_value;
	unsigned first = type < BEGET_TYPE_STRING ? 1 : fuzz_byte(in);
	size_t size = type < BEGET_TYPE_STRING ? 0 : (size_t)fuzz_number(in, 2);
	bool present = first != 0;

	memset(v, 0, sizeof(*v));
	*arg = (struct beget_arg){.type = type, .value = v};
	switch (type) {
	case BEGET_TYPE_VOID: return false;
	case BEGET_TYPE_RAW: return true; /* only NULL can be sent */
	case BEGET_TYPE_BOOL: v->boolean = fuzz_byte(in) & 1; return true;
	case BEGET_TYPE_STRING:
		memcpy(text, pattern(size), size);
		text[size] = '\0';
		v->pointer = present ? text : NULL;
		return true;
	case BEGET_TYPE_STRINGS:
		memcpy(text, pattern(size), size);
		text[size] = '\0';
		strings[size % STRINGS] = NULL;
		for (size_t i = 0; i < size % STRINGS; i++)
			strings[i] = text + i;
		v->pointer = present ? strings : NULL;
		return true;
	case BEGET_TYPE_OBJECT:
		arg->size = size;
		arg->flags = first % 3 == 2 ? BEGET_ARG_OUT : first % 3 == 0 ? BEGET_ARG_INOUT : 0;
		v->pointer = present ? pattern(size) : NULL;
		return true;
	case BEGET_TYPE_BYTES:
		if (present)
			v->bytes = (struct beget_bytes){pattern(size), size};
		return true;
	case BEGET_TYPE_FD: v->fd.fd = (int)size; return true;
	case BEGET_TYPE_BUFFER: v->buffer = present ? one_buffer() : NULL; return true;
	case BEGET_TYPE_FUNCTION: v->function = present ? fuzz_seeds : NULL; return true;
	case BEGET_TYPE_STRUCT:
		memset(&by_value, (int)(1 + first % 100), sizeof(by_value));
		*arg = (struct beget_arg){.type = type, .size = sizeof(by_value), .value = &by_value, .layout = &outer};
		v->pointer = &by_value;
		return true;
	default:
		if (type > FUZZ_LAST)
			return false;
		v->ull = fuzz_number(in, beget__type_of(type)->size);
		return true;
	}
}

static void expect_name(const struct fuzz_room *room, const struct beget_arg *arg, const void *name)
{
	struct beget__reader r = {name, 0, arg->size, false};
	struct beget__target target;

	if (!name)
		return;
	fuzz_expect_inside(room, name, arg->size);
	beget__target_get(&r, &target);
	CHECK(!r.bad && r.at == r.size && target.module);
	fuzz_expect_string(room, target.module);
}

/* The size of the struct is that of its layout, and a compiler can produce every layout. */
static void expect_struct(const struct fuzz_room *room, const struct beget_arg *arg, const void *p)
{
	CHECK(p && arg->layout && arg->layout->size == arg->size && !beget__layout_wrong(arg->layout, arg->size));
	fuzz_expect_inside(room, p, arg->size);
	CHECK(((uintptr_t)p & (arg->layout->align - 1)) == 0);
}

void fuzz_expect_value(const struct fuzz_room *room, const struct beget_arg *arg, const union beget__value *v)
{
	unsigned char byte;

	switch (arg->type) {
	case BEGET_TYPE_BOOL:
		memcpy(&byte, v, sizeof(byte));
		CHECK(byte <= 1);
		break;
	case BEGET_TYPE_STRING: fuzz_expect_string(room, v->pointer); break;
	case BEGET_TYPE_STRINGS:
		for (const char *const *s = v->pointer; s && *s; s++)
			fuzz_expect_string(room, *s);
		break;
	case BEGET_TYPE_OBJECT:
		if (arg->flags & BEGET_ARG_OUT)
			break;
		if (v->pointer)
			fuzz_expect_inside(room, v->pointer, arg->size);
		CHECK(((uintptr_t)v->pointer & (beget__value_align(arg->size) - 1)) == 0);
		break;
	case BEGET_TYPE_BYTES:
		CHECK(v->bytes.data || v->bytes.size == 0);
		if (v->bytes.data)
			fuzz_expect_inside(room, v->bytes.data, v->bytes.size);
		CHECK(((uintptr_t)v->bytes.data & 63) == 0);
		break;
	case BEGET_TYPE_BUFFER:
		if (arg->size == 0)
			break;
		/* fall through */
	case BEGET_TYPE_FD: CHECK(v->fd.fd >= FUZZ_FD && v->fd.fd < FUZZ_FD + FUZZ_FDS); break;
	case BEGET_TYPE_FUNCTION: expect_name(room, arg, v->pointer); break;
	case BEGET_TYPE_STRUCT: expect_struct(room, arg, v->pointer); break;
	case BEGET_TYPE_RAW: CHECK(!v->pointer); break;
	default: break;
	}
}

static bool same_run(const void *a, size_t a_size, const void *b, size_t b_size)
{
	if (!a || !b)
		return a == b && a_size == b_size;
	return a_size == b_size && memcmp(a, b, a_size) == 0;
}

static bool same_strings(const char *const *a, const char *const *b)
{
	if (!a || !b)
		return a == b;
	for (; *a && *b; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

bool fuzz_same(const struct beget_arg *arg, const union beget__value *a, const union beget__value *b)
{
	const char *s = a->pointer, *t = b->pointer;

	switch (arg->type) {
	case BEGET_TYPE_STRINGS: return same_strings(a->pointer, b->pointer);
	case BEGET_TYPE_STRING: return same_run(s, s ? strlen(s) : 0, t, t ? strlen(t) : 0);
	case BEGET_TYPE_OBJECT:
		if (arg->flags & BEGET_ARG_OUT)
			return !s == !t;
		/* fall through */
	case BEGET_TYPE_STRUCT: return same_run(s, s ? arg->size : 0, t, t ? arg->size : 0);
	case BEGET_TYPE_BYTES: return same_run(a->bytes.data, a->bytes.size, b->bytes.data, b->bytes.size);
	case BEGET_TYPE_FD: return true; /* they are sent as indices of a list */
	case BEGET_TYPE_BUFFER:
	case BEGET_TYPE_FUNCTION: return !a->pointer || b->pointer;
	default: return arg->type > FUZZ_LAST || memcmp(a, b, beget__type_of(arg->type)->size) == 0;
	}
}

bool fuzz_writes(const struct beget_arg *arg, const union beget__value *v)
{
	switch (arg->type) {
	case BEGET_TYPE_VOID: return false;
	case BEGET_TYPE_BUFFER: return arg->size == 0;
	case BEGET_TYPE_FUNCTION: return !v->pointer;
	default: return arg->type <= FUZZ_LAST;
	}
}

enum { DESCRIPTORS = 1024 };
static bool was_open[DESCRIPTORS];

/* poll reports on a thousand numbers at once. */
static void look(bool *open)
{
	static struct pollfd fds[DESCRIPTORS];

	for (int i = 0; i < DESCRIPTORS; i++)
		fds[i] = (struct pollfd){.fd = i};
	CHECK(poll(fds, DESCRIPTORS, 0) >= 0);
	for (int i = 0; i < DESCRIPTORS; i++)
		open[i] = !(fds[i].revents & POLLNVAL);
}

void fuzz_count_descriptors(void)
{
	look(was_open);
}

void fuzz_expect_descriptors(void)
{
	bool open[DESCRIPTORS];

	look(open);
	for (int i = 0; i < DESCRIPTORS; i++)
		if (open[i] != was_open[i])
			fprintf(stderr, "descriptor %d is %s\n", i, open[i] ? "open" : "closed");
	CHECK(memcmp(open, was_open, sizeof(open)) == 0);
}
