/* A checked start, from which the start methods work. */
#ifndef BEGET__PLAN_H
#define BEGET__PLAN_H

#include "call/bare.h"
#include "caller/method.h"
#include "program/executable.h"
#include "program/launcher.h"
#include "program/target.h"
#include "state/state.h"

#include <beget.h>

struct beget__plan {
	struct beget_options options;
	const struct beget__method *method;
	struct beget__bare bare;
	const struct beget_call *call;           /* the unboxed call */
	struct beget__connection *connection;    /* to the helper of its server */
	const struct beget__executable *program; /* the program to execute, NULL: this one */
	struct beget__launcher launcher;         /* from the options, if set */
	const struct beget__launcher *through;   /* this one or the server's; NULL: none */
	struct beget__target target;             /* not set for a method that shares addresses */
	struct beget__wishes wishes;
	bool monitored; /* the child has a monitor process */
	int claims;     /* for a worker; -1: this is a start of one call */
	char what[64];  /* for error sentences; "": the name of the function */
};

#endif
