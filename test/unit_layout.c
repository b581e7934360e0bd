/* Layouts of structs: layouts that every compiler produces are accepted, impossible ones are refused with a reason.
 * They are read as they were written, and false bytes are refused wherever they are truncated and whatever they
 * claim. */
#include "fault.h"
#include "harness.h"
#include "call/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct small {
	char c;
	int i;
};
struct all {
	bool b;
	char c;
	signed char sc;
	unsigned char uc;
	short s;
	unsigned short us;
	int i;
	unsigned u;
	long l;
	unsigned long ul;
	long long ll;
	unsigned long long ull;
	float f;
	double d;
	void *p;
	const char *const *pp;
	void (*function)(void);
};
struct outer {
	short s;
	struct small small[3];
	double d[2];
	char tail;
};

#define M     BEGET_MEMBER
#define SMALL BEGET_LAYOUT(struct small, M(struct small, c), M(struct small, i))
#define OUTER                                                                                                          \
	BEGET_LAYOUT(struct outer, M(struct outer, s), BEGET_MEMBER_STRUCT(struct outer, small, SMALL),                \
	             M(struct outer, d), M(struct outer, tail))

static void right_ones(void)
{
	assert_null(beget__layout_wrong(SMALL, sizeof(struct small)));
	assert_null(beget__layout_wrong(OUTER, sizeof(struct outer)));
	assert_null(beget__layout_wrong(
		BEGET_LAYOUT(struct all, M(struct all, b), M(struct all, c), M(struct all, sc), M(struct all, uc),
	                     M(struct all, s), M(struct all, us), M(struct all, i), M(struct all, u), M(struct all, l),
	                     M(struct all, ul), M(struct all, ll), M(struct all, ull), M(struct all, f),
	                     M(struct all, d), M(struct all, p), M(struct all, pp), M(struct all, function)),
		sizeof(struct all)));
	assert_false(beget__layout_points(OUTER));
	struct holder {
		int n;
		struct {
			const char *p;
		} inner;
	};
	const struct beget_member pointer = {.type = BEGET_TYPE_RAW};
	const struct beget_layout inner = {sizeof(void *), _Alignof(void *), 1, &pointer};
	const struct beget_layout *holder =
		BEGET_LAYOUT(struct holder, M(struct holder, n), BEGET_MEMBER_STRUCT(struct holder, inner, &inner));
	assert_null(beget__layout_wrong(holder, sizeof(struct holder)));
	assert_true(beget__layout_points(holder));
}

static void expect_wrong(const struct beget_layout *l, size_t size, const char *words)
{
	const char *why = beget__layout_wrong(l, size);

	if (!why || !strstr(why, words))
		fail_msg("\"%s\" is not in \"%s\"", words, why ? why : "(right)");
}

static void wrong_ones(void)
{
	struct beget_member m[3] = {{.type = BEGET_TYPE_CHAR}, {.type = BEGET_TYPE_INT, .offset = 4}};
	struct beget_layout l = {8, 4, 2, m};
	const size_t size = 8;

	assert_null(beget__layout_wrong(&l, size));
	expect_wrong(NULL, size, "layout is NULL");
	expect_wrong(&l, 12, "not the size of the struct");
	l.n = 0;
	expect_wrong(&l, size, "no members");
	l = (struct beget_layout){8, 4, 2, NULL};
	expect_wrong(&l, size, "no members");
	l = (struct beget_layout){8, 4, 1, m}; /* the last one is missing */
	expect_wrong(&l, size, "alignment");
	l.members = m + 1; /* the first */
	expect_wrong(&l, size, "not those of a compiler");
	l = (struct beget_layout){5, 1, 2, m}; /* packed */
	m[1].offset = 1;
	expect_wrong(&l, 5, "not those of a compiler");
	m[1].offset = 8;
	l = (struct beget_layout){12, 4, 2, m};
	expect_wrong(&l, 12, "not those of a compiler");
	m[1].offset = 4;
	l = (struct beget_layout){12, 4, 2, m};
	expect_wrong(&l, 12, "its size does not match its members");
	l = (struct beget_layout){16, 16, 2, m}; /* more aligned than they need */
	expect_wrong(&l, 16, "alignment");
	l = (struct beget_layout){8, 4, 2, m};
	static const unsigned types[] = {BEGET_TYPE_VOID,
	                                 BEGET_TYPE_STRING,
	                                 BEGET_TYPE_OBJECT,
	                                 BEGET_TYPE_BYTES,
	                                 BEGET_TYPE_FD,
	                                 BEGET_TYPE_BUFFER,
	                                 BEGET_TYPE_STRUCT,
	                                 BEGET_TYPE_FUNCTION,
	                                 BEGET_TYPE_STRINGS,
	                                 BEGET_TYPE_STRINGS + 1,
	                                 ~0u};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		m[0].type = types[i];
		expect_wrong(&l, size, "neither a number nor a struct with a layout");
	}
}

static void too_many(void)
{
	struct beget_member m = {.type = BEGET_TYPE_CHAR, .n = 4096}, two[2];
	struct beget_layout l = {4096, 1, 1, &m}, outer;

	assert_null(beget__layout_wrong(&l, l.size));
	l.size = m.n = 4097;
	expect_wrong(&l, l.size, "too many members");
	m.n = ~0u;
	expect_wrong(&l, l.size, "too many members");
	/* Products that overflow. */
	l.size = m.n = 64;
	two[0] = (struct beget_member){.type = BEGET_TYPE_STRUCT, .n = 64, .layout = &l};
	two[1] = (struct beget_member){.type = BEGET_TYPE_CHAR, .offset = 4096};
	outer = (struct beget_layout){4096, 1, 1, two};
	assert_null(beget__layout_wrong(&outer, 4096));
	outer = (struct beget_layout){4097, 1, 2, two};
	expect_wrong(&outer, 4097, "too many members");
	two[0].n = 65;
	outer = (struct beget_layout){4160, 1, 1, two};
	expect_wrong(&outer, 4160, "too many members");
}

/* Nested n deep. */
static void nest(struct beget_layout *l, struct beget_member *m, int n)
{
	for (int i = 0; i < n; i++) {
		l[i] = (struct beget_layout){1, 1, 1, &m[i]};
		m[i] = i + 1 < n ? (struct beget_member){.type = BEGET_TYPE_STRUCT, .layout = &l[i + 1]}
		                 : (struct beget_member){.type = BEGET_TYPE_CHAR};
	}
}

static void nested(void)
{
	struct beget_layout l[17];
	struct beget_member m[17];

	nest(l, m, 16);
	assert_null(beget__layout_wrong(l, 1));
	nest(l, m, 17);
	expect_wrong(l, 1, "nested too deeply");
	m[0].layout = &l[0]; /* contains itself */
	expect_wrong(l, 1, "nested too deeply");
}

static char *written(const struct beget_layout *l, size_t *size)
{
	struct beget__writer w = {0};

	beget__layout_put(&w, l);
	char *all = beget__bytes_flatten(&w, size);
	beget__bytes_free(&w);
	assert_non_null(all);
	return all;
}

static struct beget__arena arena;

static const struct beget_layout *read_from(const char *bytes, size_t size, bool whole)
{
	struct beget__reader r = {bytes, 0, size, false};
	const struct beget_layout *l = beget__layout_get(&r, &arena);

	assert_int_equal(l == NULL, r.bad);
	if (l && whole)
		assert_int_equal(r.at, r.size);
	return l;
}

static bool same(const struct beget_layout *a, const struct beget_layout *b)
{
	bool is = a->size == b->size && a->align == b->align && a->n == b->n;

	for (size_t i = 0; i < a->n && is; i++) {
		const struct beget_member *m = &a->members[i], *n = &b->members[i];
		is = m->type == n->type && m->n == n->n && m->offset == n->offset &&
		     (m->type != BEGET_TYPE_STRUCT || same(m->layout, n->layout));
	}
	return is;
}

static void there_and_back(void)
{
	struct beget_layout deep[16];
	struct beget_member m[16];
	size_t size;

	nest(deep, m, 16);
	const struct beget_layout *const layouts[] = {SMALL, OUTER, deep};
	for (int i = 0; i < 3; i++) {
		char *bytes = written(layouts[i], &size);
		const struct beget_layout *back = read_from(bytes, size, true);
		assert_non_null(back);
		assert_true(same(layouts[i], back));
		assert_null(beget__layout_wrong(back, layouts[i]->size));
		beget__arena_free(&arena);
		free(bytes);
	}
}

static void cut_anywhere(void)
{
	size_t size;
	char *bytes = written(OUTER, &size);

	for (size_t n = 0; n < size; n++) {
		char *exact = malloc(n + 1);
		memcpy(exact, bytes, n);
		assert_null(read_from(exact, n, false));
		free(exact);
		beget__arena_free(&arena);
	}
	free(bytes);
}

/* Any word may have any value: the reader stays inside the message and finds every error. */
static void a_wrong_word(void)
{
	static const uint32_t words[] = {0, 1, 2, 5, 22, 23, 0xffff, 0x7fffffff, 0x80000000u, 0xffffffffu};
	size_t size;
	char *bytes = written(OUTER, &size);

	for (size_t at = 0; at + 4 <= size; at++)
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			char *lie = malloc(size);
			memcpy(lie, bytes, size);
			memcpy(lie + at, &words[i], 4);
			const struct beget_layout *l = read_from(lie, size, false);
			if (l && memcmp(lie, bytes, size) != 0)
				(void)beget__layout_wrong(l, sizeof(struct outer));
			beget__arena_free(&arena);
			free(lie);
		}
	free(bytes);
}

static void deeper_than_allowed(void)
{
	struct beget_layout deep[17];
	struct beget_member m[17];
	size_t size;

	nest(deep, m, 17);
	char *bytes = written(deep, &size);
	assert_null(read_from(bytes, size, false));
	beget__arena_free(&arena);
	free(bytes);
}

static void no_memory(void)
{
	size_t size;
	char *bytes = written(OUTER, &size);

	assert_non_null(beget__arena_alloc(&arena, 1, sizeof(arena.first) - 1));
	fault_nth(" alloc ", 1, ENOMEM);
	assert_null(read_from(bytes, size, false));
	beget__arena_free(&arena);
	assert_true(fault_off() > 0);
	free(bytes);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(right_ones),
		UNIT(wrong_ones),
		UNIT(too_many),
		UNIT(nested),
		UNIT(there_and_back),
		UNIT(cut_anywhere),
		UNIT(deeper_than_allowed),
		UNIT(no_memory),
		UNIT(a_wrong_word),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
