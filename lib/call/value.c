/* Converts typed values to bytes and back. Numbers are sent as they are in memory, because both ends are the same
 * program. Runs in caller and child; knows no message. */
#include "call/value.h"

#include "call/buffer.h"
#include "call/layout.h"
#include "call/type.h"
#include "program/target.h"

#include <errno.h>
#include <string.h>

#define BYTES_ALIGN 64
#define LEAST_ALIGN _Alignof(max_align_t)

size_t beget__value_align(size_t size)
{
	size_t align = beget__bytes_align_of(size);

	return align < LEAST_ALIGN ? LEAST_ALIGN : align;
}

/* Size, presence, padding, bytes. NULL differs from an empty run of bytes. */
static void put_run(struct beget__writer *w, const void *data, size_t size, size_t align)
{
	beget__bytes_put_u64(w, size);
	beget__bytes_put_u32(w, data != NULL);
	beget__bytes_put_align(w, align);
	beget__bytes_put(w, data, size);
}

static const void *get_run(struct beget__reader *r, size_t *size, size_t align)
{
	uint64_t n = beget__bytes_get_u64(r);
	uint32_t present = beget__bytes_get_u32(r);

	beget__bytes_get_align(r, align);
	const void *data = beget__bytes_get_view(r, n);
	if (present > 1 || (!present && n > 0))
		r->bad = true;
	*size = data ? (size_t)n : 0;
	return present && !r->bad ? data : NULL;
}

union beget__value beget__value_of(const struct beget_arg *arg)
{
	union beget__value v = {0};

	if (arg->type == BEGET_TYPE_STRUCT)
		v.pointer = arg->value;
	else
		memcpy(&v, arg->value, beget__type_of(arg->type)->size); /* aligned as its own type requires */
	return v;
}

void *beget__value_comes_back(const struct beget_arg *arg, size_t *size)
{
	if (arg->type != BEGET_TYPE_OBJECT || !(arg->flags & BEGET__COMES_BACK))
		return NULL;
	*size = arg->size;
	return (void *)beget__value_of(arg).pointer;
}

/* Presence, number, strings. */
static void put_strings(struct beget__writer *w, char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	beget__bytes_put_u32(w, strings != NULL);
	beget__bytes_put_u64(w, n);
	for (size_t i = 0; i < n; i++)
		beget__bytes_put_string(w, strings[i]);
}

static int put_function(struct beget__writer *w, void (*function)(void), bool foreign)
{
	struct beget__target target = {0};

	beget__bytes_put_u32(w, function != NULL);
	if (!function)
		return 0;
	int error = beget__target_find(function, foreign, &target);
	if (!error)
		beget__target_put(w, &target);
	return error;
}

static int put_buffer(struct beget__writer *w, struct beget_buffer *buffer, struct beget__fds *fds)
{
	beget__bytes_put_u64(w, beget_buffer_size(buffer)); /* no buffer has size 0 */
	return buffer ? beget__fds_put(w, fds, beget__buffer_lend(buffer)) : 0;
}

int beget__value_put(struct beget__writer *w, const struct beget_arg *arg, struct beget__fds *fds, bool foreign)
{
	union beget__value v = beget__value_of(arg);

	switch (arg->type) {
	case BEGET_TYPE_STRING: beget__bytes_put_string(w, v.pointer); return 0;
	case BEGET_TYPE_STRINGS: put_strings(w, v.pointer); return 0;
	case BEGET_TYPE_OBJECT:
		beget__bytes_put_u64(w, arg->size);
		if (arg->flags & BEGET_ARG_OUT)
			beget__bytes_put_u32(w, v.pointer != NULL);
		else
			put_run(w, v.pointer, v.pointer ? arg->size : 0, beget__value_align(arg->size));
		return 0;
	case BEGET_TYPE_STRUCT:
		beget__layout_put(w, arg->layout);
		put_run(w, v.pointer, arg->size, beget__bytes_align_of(arg->size));
		return 0;
	case BEGET_TYPE_BYTES: put_run(w, v.bytes.data, v.bytes.data ? v.bytes.size : 0, BYTES_ALIGN); return 0;
	case BEGET_TYPE_FD: return beget__fds_put(w, fds, v.fd.fd);
	case BEGET_TYPE_FUNCTION: return put_function(w, v.function, foreign);
	case BEGET_TYPE_BUFFER: return put_buffer(w, v.buffer, fds);
	case BEGET_TYPE_RAW: return v.pointer ? -EOPNOTSUPP : 0;
	default: beget__bytes_put(w, &v, beget__type_of(arg->type)->size); return 0;
	}
}

static void get_object(struct beget__reader *r, struct beget_arg *arg, union beget__value *ret)
{
	size_t there;

	arg->size = (size_t)beget__bytes_get_u64(r);
	if (arg->flags & BEGET_ARG_OUT) {
		ret->ul = beget__bytes_get_u32(r);
		return;
	}
	ret->pointer = get_run(r, &there, beget__value_align(arg->size));
	if (ret->pointer && there != arg->size)
		r->bad = true;
}

static void get_strings(struct beget__reader *r, struct beget__arena *arena, union beget__value *ret)
{
	enum { STRING_BYTES = 9 }; /* the least that each takes in a message */
	uint32_t present = beget__bytes_get_u32(r);
	uint64_t n = beget__bytes_get_u64(r);

	r->bad |= present > 1 || (!present && n > 0) || n > (r->size - r->at) / STRING_BYTES;
	if (r->bad || !present)
		return;
	const char **strings = beget__arena_alloc(arena, _Alignof(char *), ((size_t)n + 1) * sizeof(*strings));
	for (size_t i = 0; strings && i < n && !r->bad; i++) {
		strings[i] = beget__bytes_get_string(r);
		r->bad |= !strings[i];
	}
	r->bad |= !strings;
	ret->pointer = strings;
}

static void get_struct(struct beget__reader *r, struct beget_arg *arg, struct beget__arena *arena,
                       union beget__value *ret)
{
	const struct beget_layout *layout = beget__layout_get(r, arena);

	if (!layout)
		return;
	arg->layout = layout;
	ret->pointer = get_run(r, &arg->size, beget__bytes_align_of(layout->size));
	if (!ret->pointer || beget__layout_wrong(layout, arg->size))
		r->bad = true;
}

/* Reads the name only to find its length. */
static void get_function(struct beget__reader *r, struct beget_arg *arg, union beget__value *ret)
{
	struct beget__target target;

	if (beget__bytes_get_u32(r) == 0)
		return;
	size_t from = r->at;
	beget__target_get(r, &target);
	ret->pointer = r->base + from;
	arg->size = r->at - from;
}

bool beget__value_get(struct beget__reader *r, struct beget_arg *arg, struct beget__fds *fds,
                      struct beget__arena *arena, union beget__value *ret)
{
	arg->size = 0;
	arg->layout = NULL;
	memset(ret, 0, sizeof(*ret));
	if (arg->flags & ~(arg->type == BEGET_TYPE_OBJECT ? BEGET__COMES_BACK : 0))
		r->bad = true;
	switch (arg->type) {
	case BEGET_TYPE_STRING: ret->pointer = beget__bytes_get_string(r); break;
	case BEGET_TYPE_STRINGS: get_strings(r, arena, ret); break;
	case BEGET_TYPE_OBJECT: get_object(r, arg, ret); break;
	case BEGET_TYPE_STRUCT: get_struct(r, arg, arena, ret); break;
	case BEGET_TYPE_BYTES: ret->bytes.data = get_run(r, &ret->bytes.size, BYTES_ALIGN); break;
	case BEGET_TYPE_FUNCTION: get_function(r, arg, ret); break;
	case BEGET_TYPE_RAW:
	case BEGET_TYPE_VOID: break;
	case BEGET_TYPE_BUFFER:
		arg->size = (size_t)beget__bytes_get_u64(r);
		if (arg->size == 0)
			break;
		/* fall through */
	case BEGET_TYPE_FD:
		ret->fd.fd = beget__fds_get(r, fds, true);
		r->bad |= ret->fd.fd < 0;
		break;
	case BEGET_TYPE_BOOL: {
		unsigned char byte; /* no other value is a valid bool */
		beget__bytes_get(r, &byte, sizeof(byte));
		r->bad |= byte > 1;
		ret->boolean = byte == 1;
		break;
	}
	default:
		r->bad |= beget__type_of(arg->type)->size == 0;
		if (!r->bad)
			beget__bytes_get(r, ret, beget__type_of(arg->type)->size);
	}
	return !r->bad;
}

int beget__value_put_result(struct beget__writer *w, const struct beget_call *call, const union beget__value *value,
                            struct beget__fds *fds)
{
	if (call->result != BEGET_TYPE_STRUCT)
		return beget__value_put(w, &(struct beget_arg){.type = call->result, .value = value}, fds, false);
	put_run(w, value->pointer, call->size, 1); /* the address from which the result is copied */
	return 0;
}

bool beget__value_get_result(struct beget__reader *r, unsigned type, size_t *size, struct beget__fds *fds,
                             union beget__value *ret)
{
	struct beget_arg arg = {.type = type};

	memset(ret, 0, sizeof(*ret));
	if (!beget__type_of(type)->result) {
		r->bad = true;
	} else if (type == BEGET_TYPE_STRUCT) {
		ret->pointer = get_run(r, size, 1);
		/* If the descriptor was lost, the caller reports it when it asks for the buffer. */
	} else if (type == BEGET_TYPE_BUFFER) {
		*size = (size_t)beget__bytes_get_u64(r);
		if (*size > 0)
			ret->fd.fd = beget__fds_get(r, fds, true);
	} else {
		beget__value_get(r, &arg, fds, NULL, ret); /* the type is not a struct */
		*size = arg.size;
	}
	return !r->bad;
}
