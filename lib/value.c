/* Typed values to and from bytes. Numbers travel as they lie in memory: both ends are the same program.
 * Runs in caller and child; knows no message. */
#include "value.h"

#include <errno.h>
#include <string.h>

#define BYTES_ALIGN 64

size_t beget__value_size(unsigned type)
{
	static const unsigned char sizes[] = {
		[BEGET_TYPE_BOOL] = sizeof(bool),
		[BEGET_TYPE_CHAR] = sizeof(char),
		[BEGET_TYPE_SCHAR] = sizeof(signed char),
		[BEGET_TYPE_UCHAR] = sizeof(unsigned char),
		[BEGET_TYPE_SHORT] = sizeof(short),
		[BEGET_TYPE_USHORT] = sizeof(unsigned short),
		[BEGET_TYPE_INT] = sizeof(int),
		[BEGET_TYPE_UINT] = sizeof(unsigned),
		[BEGET_TYPE_LONG] = sizeof(long),
		[BEGET_TYPE_ULONG] = sizeof(unsigned long),
		[BEGET_TYPE_LLONG] = sizeof(long long),
		[BEGET_TYPE_ULLONG] = sizeof(unsigned long long),
		[BEGET_TYPE_FLOAT] = sizeof(float),
		[BEGET_TYPE_DOUBLE] = sizeof(double),
		[BEGET_TYPE_STRING] = sizeof(const char *),
		[BEGET_TYPE_OBJECT] = sizeof(const void *),
		[BEGET_TYPE_BYTES] = sizeof(struct beget_bytes),
		[BEGET_TYPE_FD] = sizeof(struct beget_fd),
		[BEGET_TYPE_RAW] = sizeof(void *),
	};

	return type < sizeof(sizes) ? sizes[type] : 0;
}

int beget__put_fd(struct beget__writer *w, struct beget__fds *fds, int fd)
{
	if (fds->n == fds->room)
		return -EMSGSIZE;
	beget__put_u32(w, (uint32_t)fds->n);
	fds->fds[fds->n++] = fd;
	return 0;
}

int beget__get_fd(struct beget__reader *r, struct beget__fds *fds, bool take)
{
	uint32_t i = beget__get_u32(r);

	if (r->bad || !fds || i >= (uint32_t)fds->n) {
		r->bad = true;
		return -EBADMSG;
	}
	int fd = fds->fds[i];
	if (take)
		fds->fds[i] = -1;
	return fd < 0 ? -EMFILE : fd;
}

/* Size, presence, padding, bytes: NULL and an empty run are different things. */
static void put_run(struct beget__writer *w, const void *data, size_t size, size_t align)
{
	beget__put_u64(w, size);
	beget__put_u32(w, data != NULL);
	beget__put_align(w, align);
	beget__put(w, data, size);
}

static const void *get_run(struct beget__reader *r, size_t *size, size_t align)
{
	uint64_t n = beget__get_u64(r);
	uint32_t present = beget__get_u32(r);

	beget__get_align(r, align);
	const void *data = beget__get_view(r, n);
	if (present > 1 || (!present && n > 0))
		r->bad = true;
	*size = data ? (size_t)n : 0;
	return present && !r->bad ? data : NULL;
}

union beget__value beget__value_of(const struct beget_arg *arg)
{
	union beget__value v = {0};

	memcpy(&v, arg->value, beget__value_size(arg->type)); /* it is aligned as its own type asks, no more */
	return v;
}

int beget__value_put(struct beget__writer *w, const struct beget_arg *arg, struct beget__fds *fds)
{
	union beget__value v = beget__value_of(arg);

	switch (arg->type) {
	case BEGET_TYPE_STRING: beget__put_string(w, v.pointer); return 0;
	case BEGET_TYPE_OBJECT:
		beget__put_u64(w, arg->size);
		put_run(w, v.pointer, v.pointer ? arg->size : 0, beget__align_of(arg->size));
		return 0;
	case BEGET_TYPE_BYTES: put_run(w, v.bytes.data, v.bytes.data ? v.bytes.size : 0, BYTES_ALIGN); return 0;
	case BEGET_TYPE_FD: return beget__put_fd(w, fds, v.fd.fd);
	default: beget__put(w, &v, beget__value_size(arg->type)); return 0;
	}
}

bool beget__value_get(struct beget__reader *r, unsigned type, size_t *size, struct beget__fds *fds,
                      union beget__value *ret)
{
	*size = 0;
	memset(ret, 0, sizeof(*ret));
	switch (type) {
	case BEGET_TYPE_STRING: ret->pointer = beget__get_string(r); break;
	case BEGET_TYPE_OBJECT:
		*size = (size_t)beget__get_u64(r);
		size_t there;
		ret->pointer = get_run(r, &there, beget__align_of(*size));
		if (ret->pointer && there != *size)
			r->bad = true;
		break;
	case BEGET_TYPE_BYTES: ret->bytes.data = get_run(r, &ret->bytes.size, BYTES_ALIGN); break;
	case BEGET_TYPE_FD:
		ret->fd.fd = beget__get_fd(r, fds, true);
		r->bad |= ret->fd.fd < 0;
		break;
	case BEGET_TYPE_VOID: break;
	default:
		if (beget__value_size(type) == 0 || type == BEGET_TYPE_RAW)
			r->bad = true;
		else
			beget__get(r, ret, beget__value_size(type));
	}
	return !r->bad;
}
