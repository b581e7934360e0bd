/* The layout of a struct that is passed by value: checked against the rules that every C compiler follows, written and
 * read. Runs in caller and child. Knows no libffi, which computes layouts by the same rules. */
#include "call/layout.h"

#include "call/type.h"

enum { DEEPEST = 16, MOST_NUMBERS = 4096 };

static const char *wrong(const struct beget_layout *l, int depth, size_t *numbers)
{
	size_t at = 0, widest = 1;

	if (depth > DEEPEST)
		return "it is nested too deeply";
	if (l->n == 0 || !l->members)
		return "it has no members";
	for (size_t i = 0; i < l->n; i++) {
		const struct beget_member *m = &l->members[i];
		const struct beget__type *type = beget__type_of(m->type);
		size_t n = m->n ? m->n : 1, size = type->size, align = type->align, inner = 1;

		if (type->shape == BEGET__STRUCT && m->layout) {
			size_t before = *numbers;
			const char *why = wrong(m->layout, depth + 1, numbers);
			if (why)
				return why;
			inner = *numbers - before;
			size = m->layout->size;
			align = m->layout->align;
		} else if (align > 0) {
			++*numbers;
		} else {
			return "one of its members is neither a number nor a struct with a layout";
		}
		if (n > MOST_NUMBERS || (*numbers += (n - 1) * inner) > MOST_NUMBERS)
			return "it has too many members";
		at = (at + align - 1) & ~(align - 1);
		if (m->offset != at)
			return "the offsets of its members are not those of a compiler (perhaps one is missing, packed "
			       "or a bit field)";
		at += n * size;
		widest = align > widest ? align : widest;
	}
	if (l->align != widest)
		return "its alignment does not match its members";
	if (l->size != ((at + widest - 1) & ~(widest - 1)))
		return "its size does not match its members (perhaps one is missing)";
	return NULL;
}

const char *beget__layout_wrong(const struct beget_layout *l, size_t size)
{
	size_t numbers = 0;

	if (!l)
		return "layout is NULL";
	const char *why = wrong(l, 1, &numbers);
	return !why && l->size != size ? "its size is not the size of the struct" : why;
}

bool beget__layout_points(const struct beget_layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].type == BEGET_TYPE_RAW ||
		    (l->members[i].type == BEGET_TYPE_STRUCT && beget__layout_points(l->members[i].layout)))
			return true;
	return false;
}

/* Counts layouts and members, including those of inner structs. */
static void count(const struct beget_layout *l, uint32_t *layouts, uint32_t *members)
{
	++*layouts;
	*members += (uint32_t)l->n;
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].type == BEGET_TYPE_STRUCT)
			count(l->members[i].layout, layouts, members);
}

static void put(struct beget__writer *w, const struct beget_layout *l)
{
	beget__bytes_put_u64(w, l->size);
	beget__bytes_put_u64(w, l->align);
	beget__bytes_put_u64(w, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct beget_member *m = &l->members[i];
		beget__bytes_put_u32(w, m->type);
		beget__bytes_put_u32(w, m->n);
		beget__bytes_put_u64(w, m->offset);
		if (m->type == BEGET_TYPE_STRUCT)
			put(w, m->layout);
	}
}

void beget__layout_put(struct beget__writer *w, const struct beget_layout *l)
{
	uint32_t layouts = 0, members = 0;

	count(l, &layouts, &members);
	beget__bytes_put_u32(w, layouts);
	beget__bytes_put_u32(w, members);
	put(w, l);
}

/* The memory that is left. */
struct pool {
	struct beget_layout *layouts;
	struct beget_member *members;
	size_t layouts_left, members_left;
};

static const struct beget_layout *get(struct beget__reader *r, struct pool *pool, int depth)
{
	if (depth > DEEPEST || pool->layouts_left == 0) {
		r->bad = true;
		return NULL;
	}
	struct beget_layout *l = pool->layouts++;
	pool->layouts_left--;
	l->size = (size_t)beget__bytes_get_u64(r);
	l->align = (size_t)beget__bytes_get_u64(r);
	l->n = (size_t)beget__bytes_get_u64(r);
	if (l->n > pool->members_left) {
		r->bad = true;
		return NULL;
	}
	struct beget_member *members = pool->members;
	l->members = members;
	pool->members += l->n;
	pool->members_left -= l->n;
	for (size_t i = 0; i < l->n && !r->bad; i++) {
		members[i].type = beget__bytes_get_u32(r);
		members[i].n = beget__bytes_get_u32(r);
		members[i].offset = (size_t)beget__bytes_get_u64(r);
		if (members[i].type == BEGET_TYPE_STRUCT)
			members[i].layout = get(r, pool, depth + 1);
	}
	return l;
}

const struct beget_layout *beget__layout_get(struct beget__reader *r, struct beget__arena *arena)
{
	enum { LAYOUT_BYTES = 24, MEMBER_BYTES = 16 }; /* the least that each takes in a message */
	size_t layouts = beget__bytes_get_u32(r), members = beget__bytes_get_u32(r), left = r->size - r->at;
	struct pool pool = {NULL, NULL, layouts, members};

	if (!r->bad && layouts > 0 && layouts <= left / LAYOUT_BYTES && members <= left / MEMBER_BYTES) {
		pool.layouts = beget__arena_alloc(arena, _Alignof(max_align_t), layouts * sizeof(*pool.layouts));
		pool.members = beget__arena_alloc(arena, _Alignof(max_align_t), members * sizeof(*pool.members));
	}
	if (!pool.layouts || !pool.members) {
		r->bad = true;
		return NULL;
	}
	const struct beget_layout *layout = get(r, &pool, 1);
	/* Everything that was announced must be there. Otherwise many small layouts could each take memory for the rest
	 * of the message. */
	r->bad |= pool.layouts_left || pool.members_left;
	return r->bad ? NULL : layout;
}
