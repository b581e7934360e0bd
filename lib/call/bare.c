/* Takes arguments out of the boxes in which the macros put them, once, when the library receives a call. All later code
 * sees bare arguments. Runs in the caller. */
#include "call/bare.h"

#include "os/fail.h"
#include "os/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct beget_arg unboxed(const struct beget_arg *arg)
{
	struct beget_arg bare = *arg;
	const struct beget__box *box;

	if (!(arg->flags & BEGET_ARG_BOXED) || !arg->value)
		return bare;
	memcpy(&box, arg->value, sizeof(box));
	bare.flags &= ~BEGET_ARG_BOXED;
	bare.value = arg->type == BEGET_TYPE_STRUCT ? box->value : &box->value;
	bare.size = box->size;
	bare.layout = box->layout;
	return bare;
}

int beget__bare_make(struct beget__bare *ret, const struct beget_call *call)
{
	struct beget_arg *args = ret->few;

	ret->call = call ? *call : (struct beget_call){0};
	ret->many = NULL;
	if (!ret->call.args)
		ret->call.n = 0;
	if (ret->call.n > sizeof(ret->few) / sizeof(*ret->few)) {
		args = ret->many = beget__mem_alloc(ret->call.n * sizeof(*args));
		if (!args) {
			unsigned n = ret->call.n;
			ret->call.n = 0;
			return beget__fail_errno(ENOMEM, "cannot copy the %u arguments", n);
		}
	}
	for (unsigned i = 0; i < ret->call.n; i++)
		args[i] = unboxed(&call->args[i]);
	ret->call.args = args;
	return 0;
}

void beget__bare_free(struct beget__bare *bare)
{
	free(bare->many);
	bare->many = NULL;
}
