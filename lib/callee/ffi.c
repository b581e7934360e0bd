/* The only file that knows libffi: turns the description of a call into a call.
 * Runs in child and helper. Built without unwind tables (see the Makefile): an exception or a thread exit that leaves
 * the target must end here, and never unwind a caller's frame in a forked copy of it. */
#include "callee/ffi.h"

#include "call/type.h"

#include <errno.h>
#include <ffi.h>
#include <string.h>

static ffi_type *bytes_members[] = {&ffi_type_pointer, sizeof(size_t) == 8 ? &ffi_type_uint64 : &ffi_type_uint32, NULL};
static ffi_type *fd_members[] = {&ffi_type_sint, NULL};
static ffi_type bytes_type = {.type = FFI_TYPE_STRUCT, .elements = bytes_members};
static ffi_type fd_type = {.type = FFI_TYPE_STRUCT, .elements = fd_members};

static ffi_type *type_of(unsigned type)
{
	static ffi_type *const types[] = {
		[BEGET_TYPE_VOID] = &ffi_type_void,
		[BEGET_TYPE_BOOL] = &ffi_type_uint8,
		[BEGET_TYPE_CHAR] = (char)-1 < 0 ? &ffi_type_schar : &ffi_type_uchar,
		[BEGET_TYPE_SCHAR] = &ffi_type_schar,
		[BEGET_TYPE_UCHAR] = &ffi_type_uchar,
		[BEGET_TYPE_SHORT] = &ffi_type_sshort,
		[BEGET_TYPE_USHORT] = &ffi_type_ushort,
		[BEGET_TYPE_INT] = &ffi_type_sint,
		[BEGET_TYPE_UINT] = &ffi_type_uint,
		[BEGET_TYPE_LONG] = &ffi_type_slong,
		[BEGET_TYPE_ULONG] = &ffi_type_ulong,
		[BEGET_TYPE_LLONG] = &ffi_type_sint64,
		[BEGET_TYPE_ULLONG] = &ffi_type_uint64,
		[BEGET_TYPE_FLOAT] = &ffi_type_float,
		[BEGET_TYPE_DOUBLE] = &ffi_type_double,
		[BEGET_TYPE_STRING] = &ffi_type_pointer,
		[BEGET_TYPE_OBJECT] = &ffi_type_pointer,
		[BEGET_TYPE_BYTES] = &bytes_type,
		[BEGET_TYPE_FD] = &fd_type,
		[BEGET_TYPE_RAW] = &ffi_type_pointer,
		[BEGET_TYPE_BUFFER] = &ffi_type_pointer,
		[BEGET_TYPE_FUNCTION] = &ffi_type_pointer,
		[BEGET_TYPE_STRINGS] = &ffi_type_pointer,
	};

	_Static_assert(sizeof(bool) == 1, "bool is passed as one byte");
	return type < sizeof(types) / sizeof(*types) ? types[type] : NULL;
}

/* A struct type from its layout: libffi computes sizes and offsets by the rules by which the layout was checked. */
static ffi_type *struct_of(const struct beget_layout *layout, struct beget__arena *arena)
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i < layout->n; i++)
		n += layout->members[i].n ? layout->members[i].n : 1;
	ffi_type *type =
		beget__arena_alloc(arena, _Alignof(ffi_type), sizeof(*type) + (n + 1) * sizeof(*type->elements));
	if (!type)
		return NULL;
	type->type = FFI_TYPE_STRUCT;
	type->elements = (ffi_type **)(void *)(type + 1);
	for (size_t i = 0; i < layout->n; i++) {
		const struct beget_member *m = &layout->members[i];
		ffi_type *inner = m->type == BEGET_TYPE_STRUCT ? struct_of(m->layout, arena) : type_of(m->type);
		if (!inner)
			return NULL;
		for (unsigned k = 0; k < (m->n ? m->n : 1); k++)
			type->elements[at++] = inner;
	}
	return type;
}

/* Applies C's promotions to an argument that has no named parameter. */
static bool promote(struct beget_arg *arg, struct beget__arena *arena)
{
	union beget__value v = beget__value_of(arg), *wide;
	unsigned promoted = beget__type_of(arg->type)->promoted;

	if (!promoted)
		return true;
	wide = beget__arena_alloc(arena, _Alignof(union beget__value), sizeof(*wide));
	if (!wide)
		return false;
	switch (arg->type) {
	case BEGET_TYPE_BOOL: wide->i = v.boolean; break;
	case BEGET_TYPE_CHAR: wide->i = v.c; break;
	case BEGET_TYPE_SCHAR: wide->i = v.sc; break;
	case BEGET_TYPE_UCHAR: wide->i = v.uc; break;
	case BEGET_TYPE_SHORT: wide->i = v.s; break;
	case BEGET_TYPE_USHORT: wide->i = v.us; break;
	case BEGET_TYPE_FLOAT: wide->d = v.f; break;
	}
	arg->type = promoted;
	arg->value = wide;
	return true;
}

/* libffi widens integer results narrower than a register to ffi_arg. */
static void narrow(unsigned type, const void *raw, union beget__value *result)
{
	size_t size = beget__type_of(type)->size;
	ffi_arg wide;

	if (beget__type_of(type)->shape != BEGET__NUMBER || type == BEGET_TYPE_FLOAT || size >= sizeof(wide)) {
		memcpy(result, raw, size);
		return;
	}
	memcpy(&wide, raw, sizeof(wide));
	if (type == BEGET_TYPE_BOOL)
		result->boolean = (wide & 0xff) != 0;
	else if (size == 1)
		result->uc = (unsigned char)wide;
	else if (size == 2)
		result->us = (unsigned short)wide;
	else
		result->u = (unsigned)wide;
}

static int prepare(ffi_cif *cif, const struct beget_call *call, ffi_type *result, ffi_type **types)
{
	ffi_status status = call->named > 0
	                            ? ffi_prep_cif_var(cif, FFI_DEFAULT_ABI, call->named, call->n, result, types)
	                            : ffi_prep_cif(cif, FFI_DEFAULT_ABI, call->n, result, types);

	return status == FFI_OK ? 0 : -EINVAL;
}

/* The types and addresses of the arguments in the form that libffi takes. */
static bool arguments(const struct beget_call *call, struct beget__arena *arena, ffi_type **types, void **values)
{
	for (unsigned i = 0; i < call->n; i++) {
		struct beget_arg arg = call->args[i];
		if (call->named > 0 && i >= call->named && !promote(&arg, arena))
			return false;
		types[i] = arg.type == BEGET_TYPE_STRUCT ? struct_of(arg.layout, arena) : type_of(arg.type);
		values[i] = (void *)arg.value;
		if (!types[i])
			return false;
	}
	return true;
}

int beget__ffi_call(const struct beget_call *call, struct beget__arena *arena, union beget__value *result)
{
	bool by_value = call->result == BEGET_TYPE_STRUCT;
	ffi_type **types = beget__arena_alloc(arena, _Alignof(void *), call->n * sizeof(*types));
	void **values = beget__arena_alloc(arena, _Alignof(void *), call->n * sizeof(*values));
	ffi_type *type = by_value ? struct_of(call->layout, arena) : type_of(call->result);
	size_t size = by_value ? call->size : sizeof(*result);
	void *raw = beget__arena_alloc(arena, 64, size + 4 * sizeof(ffi_arg)); /* libffi may write whole registers */
	ffi_cif cif;

	memset(result, 0, sizeof(*result));
	if (!types || !values || !type || !raw || !arguments(call, arena, types, values))
		return -ENOMEM; /* the types have been checked */
	int error = prepare(&cif, call, type, types);
	if (error)
		return error;
	ffi_call(&cif, call->function, raw, values);
	if (by_value)
		result->pointer = raw;
	else
		narrow(call->result, raw, result);
	return 0;
}
