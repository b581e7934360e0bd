/* The table of types: everything that depends only on a type code is a column here, except the libffi types in ffi.c.
 * Runs in caller and child. */
#include "call/type.h"

#include <string.h>

/* A member of a struct may have a smaller alignment than the type alone. */
#define ALIGN_IN_STRUCT(type) _Alignof(struct { type value; })

#define NUMBER(type, promoted)                                                                                         \
	{                                                                                                              \
#type, BEGET__NUMBER, sizeof(type), ALIGN_IN_STRUCT(type), promoted, true                              \
	}

static const struct beget__type types[] = {
	[BEGET_TYPE_VOID] = {"void", .result = true},
	[BEGET_TYPE_BOOL] = NUMBER(bool, BEGET_TYPE_INT),
	[BEGET_TYPE_CHAR] = NUMBER(char, BEGET_TYPE_INT),
	[BEGET_TYPE_SCHAR] = NUMBER(signed char, BEGET_TYPE_INT),
	[BEGET_TYPE_UCHAR] = NUMBER(unsigned char, BEGET_TYPE_INT),
	[BEGET_TYPE_SHORT] = NUMBER(short, BEGET_TYPE_INT),
	[BEGET_TYPE_USHORT] = NUMBER(unsigned short, BEGET_TYPE_INT),
	[BEGET_TYPE_INT] = NUMBER(int, 0),
	[BEGET_TYPE_UINT] = NUMBER(unsigned int, 0),
	[BEGET_TYPE_LONG] = NUMBER(long, 0),
	[BEGET_TYPE_ULONG] = NUMBER(unsigned long, 0),
	[BEGET_TYPE_LLONG] = NUMBER(long long, 0),
	[BEGET_TYPE_ULLONG] = NUMBER(unsigned long long, 0),
	[BEGET_TYPE_FLOAT] = NUMBER(float, BEGET_TYPE_DOUBLE),
	[BEGET_TYPE_DOUBLE] = NUMBER(double, 0),
	[BEGET_TYPE_STRING] = {"const char *", BEGET__STRING, sizeof(const char *), .result = true},
	[BEGET_TYPE_OBJECT] = {"pointer to an object", BEGET__OBJECT, .size = sizeof(const void *)},
	[BEGET_TYPE_BYTES] = {"struct beget_bytes", BEGET__BYTES, sizeof(struct beget_bytes), .result = true},
	[BEGET_TYPE_FD] = {"struct beget_fd", BEGET__DESCRIPTOR, .size = sizeof(struct beget_fd)},
	[BEGET_TYPE_RAW] = {"void *", BEGET__ADDRESS, .size = sizeof(void *), .align = ALIGN_IN_STRUCT(void *)},
	[BEGET_TYPE_BUFFER] = {"struct beget_buffer *", BEGET__BUFFER, sizeof(struct beget_buffer *), .result = true},
	[BEGET_TYPE_FUNCTION] = {"pointer to a function", BEGET__FUNCTION, .size = sizeof(void (*)(void))},
	[BEGET_TYPE_STRUCT] = {"struct by value", BEGET__STRUCT, .result = true},
	[BEGET_TYPE_STRINGS] = {"char *const *", BEGET__STRINGS, .size = sizeof(char *const *)},
};

const struct beget__type *beget__type_of(unsigned code)
{
	static const struct beget__type unknown = {.name = "unknown type"};

	return code < sizeof(types) / sizeof(*types) ? &types[code] : &unknown;
}

const char *beget__type_article(const struct beget__type *type)
{
	if (type == &types[BEGET_TYPE_VOID])
		return "";
	return strchr("aeiou", type->name[0]) ? "an " : "a ";
}
