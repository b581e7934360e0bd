/* Bounded bytes. The writer copies small data and refers to large data, so that a gigabyte is not copied twice. The
 * reader checks every step against the end, so that hostile bytes need no special case.
 * Runs in every process; knows no message and no socket. */
#include "wire/bytes.h"

#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct beget__writer *w, size_t n)
{
	if (w->room == 0) {
		w->near = w->first;
		w->room = sizeof(w->first);
	}
	if (n <= w->room - w->used)
		return true;
	size_t room = 2 * w->room + n;
	char *bigger = beget__mem_alloc(room);
	if (!bigger) {
		w->error = -ENOMEM;
		return false;
	}
	memcpy(bigger, w->near, w->used);
	if (w->near != w->first)
		free(w->near);
	w->near = bigger;
	w->room = room;
	return true;
}

static bool add_piece(struct beget__writer *w, const char *base, size_t size)
{
	if (w->pieces_room == 0) {
		w->pieces = w->few;
		w->pieces_room = sizeof(w->few) / sizeof(*w->few);
	}
	if (w->n == w->pieces_room) {
		int room = 2 * w->pieces_room;
		struct iovec *more = beget__mem_alloc((size_t)room * sizeof(*more));
		if (!more) {
			w->error = -ENOMEM;
			return false;
		}
		memcpy(more, w->pieces, (size_t)w->n * sizeof(*more));
		if (w->pieces != w->few)
			free(w->pieces);
		w->pieces = more;
		w->pieces_room = room;
	}
	w->pieces[w->n++] = (struct iovec){(void *)base, size};
	return true;
}

void beget__bytes_put(struct beget__writer *w, const void *data, size_t size)
{
	if (w->error || size == 0)
		return;
	if (size > SIZE_MAX / 4 - w->total) {
		w->error = -EOVERFLOW;
		return;
	}
	if (size >= BEGET__FAR) {
		if (!add_piece(w, data, size))
			return;
	} else {
		if (!grow(w, size) || ((w->n == 0 || w->pieces[w->n - 1].iov_base) && !add_piece(w, NULL, 0)))
			return;
		memcpy(w->near + w->used, data, size);
		w->used += size;
		w->pieces[w->n - 1].iov_len += size;
	}
	w->total += size;
}

void beget__bytes_put_u32(struct beget__writer *w, uint32_t value)
{
	beget__bytes_put(w, &value, sizeof(value));
}

void beget__bytes_put_u64(struct beget__writer *w, uint64_t value)
{
	beget__bytes_put(w, &value, sizeof(value));
}

void beget__bytes_put_align(struct beget__writer *w, size_t align)
{
	static const char zeros[BEGET__ALIGN_MAX];

	for (size_t n = -w->total & (align - 1); n > 0 && !w->error;) {
		size_t step = n < BEGET__FAR ? n : BEGET__FAR - 1;
		beget__bytes_put(w, zeros, step);
		n -= step;
	}
}

void beget__bytes_put_string(struct beget__writer *w, const char *s)
{
	size_t size = s ? strlen(s) + 1 : 0;

	beget__bytes_put_u64(w, size);
	beget__bytes_put(w, s, size);
}

int beget__bytes_finish(struct beget__writer *w, const struct iovec **ret)
{
	char *near = w->near;

	if (w->error)
		return w->error;
	for (int i = 0; i < w->n; i++) {
		if (w->pieces[i].iov_base)
			continue;
		w->pieces[i].iov_base = near;
		near += w->pieces[i].iov_len;
	}
	*ret = w->pieces;
	return w->n;
}

int beget__bytes_copy(struct beget__writer *w, char *to)
{
	const struct iovec *iov = NULL;
	int n = beget__bytes_finish(w, &iov);

	for (int i = 0; i < n; to += iov[i++].iov_len)
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
	return n < 0 ? n : 0;
}

char *beget__bytes_flatten(struct beget__writer *w, size_t *size)
{
	char *flat = w->error ? NULL : beget__mem_alloc_unset(w->total + 1);

	*size = flat && !beget__bytes_copy(w, flat) ? w->total : 0;
	return flat;
}

void beget__bytes_free(struct beget__writer *w)
{
	if (w->near != w->first)
		free(w->near);
	if (w->pieces != w->few)
		free(w->pieces);
	w->near = NULL;
	w->pieces = NULL;
	w->n = w->pieces_room = 0;
	w->used = w->room = w->total = 0;
}

const void *beget__bytes_get_view(struct beget__reader *r, uint64_t n)
{
	if (r->bad || n > r->size - r->at) {
		r->bad = true;
		return NULL;
	}
	const char *p = r->base + r->at;
	r->at += (size_t)n;
	return p;
}

void beget__bytes_get(struct beget__reader *r, void *ret, size_t n)
{
	const void *p = beget__bytes_get_view(r, n);

	if (p)
		memcpy(ret, p, n);
	else
		memset(ret, 0, n);
}

uint32_t beget__bytes_get_u32(struct beget__reader *r)
{
	uint32_t value;

	beget__bytes_get(r, &value, sizeof(value));
	return value;
}

uint64_t beget__bytes_get_u64(struct beget__reader *r)
{
	uint64_t value;

	beget__bytes_get(r, &value, sizeof(value));
	return value;
}

void beget__bytes_get_align(struct beget__reader *r, size_t align)
{
	(void)beget__bytes_get_view(r, -r->at & (align - 1));
}

const char *beget__bytes_get_string(struct beget__reader *r)
{
	uint64_t size = beget__bytes_get_u64(r);

	if (size == 0)
		return NULL;
	const char *s = beget__bytes_get_view(r, size);
	if (s && memchr(s, '\0', (size_t)size) != s + size - 1) {
		r->bad = true;
		return NULL;
	}
	return s;
}

size_t beget__bytes_align_of(size_t size)
{
	size_t align = size & -size;

	return align == 0 ? 1 : align < BEGET__ALIGN_MAX ? align : BEGET__ALIGN_MAX;
}
