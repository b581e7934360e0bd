/* The types of arguments, results and members. */
#ifndef BEGET__TYPE_H
#define BEGET__TYPE_H

#include <beget.h>

/* What a value of a type consists of. Values from BEGET__STRING on can be NULL. */
enum beget__shape {
	BEGET__NOTHING, /* void, and invalid codes */
	BEGET__NUMBER,
	BEGET__STRUCT,
	BEGET__BYTES,
	BEGET__DESCRIPTOR,
	BEGET__STRING,
	BEGET__STRINGS,
	BEGET__OBJECT,
	BEGET__BUFFER,
	BEGET__FUNCTION,
	BEGET__ADDRESS,
};

struct beget__type {
	const char *name; /* as a C programmer writes it */
	enum beget__shape shape;
	unsigned char size;     /* of a value; 0 for a struct, whose size is in its layout */
	unsigned char align;    /* of a member of a struct; 0: members cannot have this type */
	unsigned char promoted; /* the type to which C converts a variadic argument; 0: none */
	bool result;            /* a target can return this type */
};

/* The row of a type code. An invalid code gets a row of shape BEGET__NOTHING. */
const struct beget__type *beget__type_of(unsigned code);

/* The article of its name with a space: "a ", "an " or "". */
const char *beget__type_article(const struct beget__type *);

#endif
