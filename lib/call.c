/* The one file that knows libffi: a described call becomes a real one.
 * Runs in the child. Built without unwind tables (see the Makefile): an exception or a thread's exit that leaves the
 * target must end here and never unwind a caller's frame in a forked copy of it. */
#include "call.h"

#include "sys.h"

#include <errno.h>
#include <ffi.h>
#include <stdlib.h>
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
	};

	_Static_assert(sizeof(bool) == 1, "bool is passed as one byte");
	return type < sizeof(types) / sizeof(*types) ? types[type] : NULL;
}

/* libffi widens integer results that are narrower than a register to ffi_arg. */
static void narrow(unsigned type, const void *raw, union beget__value *result)
{
	size_t size = beget__value_size(type);
	ffi_arg wide;

	switch (type) {
	case BEGET_TYPE_FLOAT:
	case BEGET_TYPE_DOUBLE:
	case BEGET_TYPE_STRING:
	case BEGET_TYPE_BYTES:
	case BEGET_TYPE_FD: memcpy(result, raw, size); return;
	case BEGET_TYPE_BOOL:
		memcpy(&wide, raw, sizeof(wide));
		result->boolean = (wide & 0xff) != 0;
		return;
	default:
		if (size >= sizeof(wide)) {
			memcpy(result, raw, size);
			return;
		}
		memcpy(&wide, raw, sizeof(wide));
		result->ull = 0;
		switch (size) {
		case 1: result->uc = (unsigned char)wide; break;
		case 2: result->us = (unsigned short)wide; break;
		case 4: result->u = (unsigned)wide; break;
		default: break;
		}
	}
}

int beget__call_run(const struct beget_call *call, union beget__value *result)
{
	enum { FEW = 16 };
	ffi_type *few_types[FEW];
	void *few_values[FEW];
	ffi_type **types = few_types;
	void **values = few_values;
	union {
		ffi_arg arg;
		union beget__value value;
	} raw;
	ffi_cif cif;

	if (call->n > FEW) { /* never freed: the process ends with the call */
		types = beget__sys_alloc(call->n * sizeof(*types));
		values = beget__sys_alloc(call->n * sizeof(*values));
		if (!types || !values)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < call->n; i++) {
		types[i] = type_of(call->args[i].type);
		values[i] = (void *)call->args[i].value;
		if (!types[i])
			return -EINVAL;
	}
	ffi_type *type = type_of(call->result);
	if (!type || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, call->n, type, types) != FFI_OK)
		return -EINVAL;
	memset(&raw, 0, sizeof(raw));
	ffi_call(&cif, call->function, &raw, values);
	memset(result, 0, sizeof(*result));
	narrow(call->result, &raw, result);
	return 0;
}
