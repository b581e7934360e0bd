/* The types of arguments, results and members. */
#ifndef BEGET__TYPE_H
#define BEGET__TYPE_H

#include <beget.h>

/* What a value of a type consists of. From BEGET__STRING on it can be NULL. */
enum beget__shape {
	BEGET__NOTHING, /* void, and a code that stands for no type */
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
	unsigned char size;     /* of a value; 0 for a struct, whose layout has it */
	unsigned char align;    /* of a member of a struct; 0: there is no such member */
	unsigned char promoted; /* the type to which C converts a variadic argument; 0: none */
	bool result;            /* a target can return it */
};

/* The row of a type code; for any other code, one of BEGET__NOTHING. */
const struct beget__type *beget__type_of(unsigned code);

/* The article of its name, with a blank: "a ", "an " or "". */
const char *beget__type_article(const struct beget__type *);

#endif
