/* beget_explain: what a call needs in another process, how it is sent and why a start would refuse it. Makes the checks
 * of a start but starts nothing. Runs in the caller. */
#include "call/layout.h"
#include "call/type.h"
#include "call/value.h"
#include "caller/check.h"
#include "os/fail.h"
#include "os/thread.h"
#include "program/image.h"
#include "program/symbol.h"
#include "wire/frame.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows line by line, truncated as with snprintf. */
struct page {
	char *text;
	size_t size, length; /* of the whole text, even if it does not fit */
};

__attribute__((format(printf, 2, 3))) static void say(struct page *page, const char *format, ...)
{
	bool fits = page->length < page->size;
	va_list ap;

	va_start(ap, format);
	int n = vsnprintf(fits ? page->text + page->length : NULL, fits ? page->size - page->length : 0, format, ap);
	va_end(ap);
	page->length += n > 0 ? (size_t)n : 0;
}

static void say_id(struct page *page, const struct beget__module *m)
{
	char path[PATH_MAX];

	say(page, "%s, %s", m->path[0] ? m->path : beget__image_program(path, sizeof(path)),
	    m->build.hashed ? "no build-id, hash " : "build-id ");
	for (uint32_t i = 0; i < m->build.size; i++)
		say(page, "%02x", m->build.id[i]);
}

static void say_place(struct page *page, const struct beget__plan *plan)
{
	char path[PATH_MAX];

	if (plan->method->shares_addresses)
		say(page, "with %s, in %s\n", plan->method->name, plan->method->place);
	else
		say(page, "with %s, in %s %s%s%s\n", plan->method->name, plan->method->place,
		    plan->program ? plan->program->path : beget__image_path(path, sizeof(path)),
		    plan->through ? ", through " : "", plan->through ? plan->through->path : "");
}

static const char *state_of(const struct beget__module *m, const struct beget__plan *plan)
{
	if (plan->method->shares_addresses || !m->lacking)
		return "already loaded";
	return m->path[0] ? "will be loaded in the child" : "cannot be loaded";
}

/* Writes a function and its module. */
static void say_function(struct page *page, const struct beget__target *target, const struct beget__module *m)
{
	char function[160];

	bool known = beget__symbol_name(m->path, target->offset, function, sizeof(function));
	say(page, "%s, at 0x%llx in ", known ? function : "a function", (unsigned long long)target->offset);
	say_id(page, m);
}

/* The modules that the function's module needs; that module itself is the last in the list. */
struct needs {
	struct beget__writer writer;
	char *bytes;
	struct beget__reader reader;
	struct beget__module own;
};

static void list_needs(struct needs *n, void (*function)(void), const struct beget__plan *plan, bool all)
{
	*n = (struct needs){.own = {.path = ""}};
	beget__module_put(&n->writer, (uintptr_t)function, plan->program != NULL, all);
	n->bytes = beget__bytes_flatten(&n->writer, &n->reader.size);
	n->reader.base = n->bytes;
	n->reader.bad = !n->bytes;
	for (beget__bytes_get_u32(&n->reader); beget__module_next(&n->reader, &n->own);)
		;
}

static void say_needs(struct page *page, struct needs *n, const struct beget__plan *plan)
{
	struct beget__module m;

	n->reader.at = 0;
	for (beget__bytes_get_u32(&n->reader); beget__module_next(&n->reader, &m);) {
		say(page, "needs ");
		say_id(page, &m);
		say(page, ", %s\n", state_of(&m, plan));
	}
	free(n->bytes);
	beget__bytes_free(&n->writer);
}

static void say_target(struct page *page, const struct beget__target *target, const struct beget__plan *plan)
{
	void (*function)(void) = plan->call->function;
	struct needs needs;

	if (!target->module) {
		say(page, "calls code at %p in no module\n", (void *)(uintptr_t)function);
		return;
	}
	list_needs(&needs, function, plan, true);
	say(page, "calls ");
	say_function(page, target, &needs.own);
	say(page, "\n");
	say_needs(page, &needs, plan);
}

static bool is_value(const struct beget_arg *arg)
{
	const struct beget__type *type = beget__type_of(arg->type);

	if (type->shape == BEGET__NOTHING || !arg->value)
		return false;
	return type->shape != BEGET__STRUCT || !beget__layout_wrong(arg->layout, arg->size);
}

static size_t count(char *const *strings)
{
	size_t n = 0;

	while (strings[n])
		n++;
	return n;
}

static void say_count(struct page *page, size_t n, const char *what)
{
	say(page, ", %zu %s%s", n, what, n == 1 ? "" : "s");
}

/* Writes the contents of an argument. */
static void say_content(struct page *page, const struct beget__type *type, const struct beget_arg *arg)
{
	union beget__value v = beget__value_of(arg);

	if (type->shape >= BEGET__STRING && !v.pointer) {
		say(page, ", NULL");
		return;
	}
	switch (type->shape) {
	case BEGET__STRING: say_count(page, strlen(v.pointer) + 1, "byte"); break;
	case BEGET__STRINGS: say_count(page, count(v.pointer), "string"); break;
	case BEGET__OBJECT:
		say_count(page, arg->size, "byte");
		say(page, "%s",
		    arg->flags & BEGET_ARG_OUT     ? " (sent back)"
		    : arg->flags & BEGET_ARG_INOUT ? " (sent both ways)"
		                                   : "");
		break;
	case BEGET__STRUCT: say_count(page, arg->size, "byte"); break;
	case BEGET__BYTES: say_count(page, v.bytes.size, "byte"); break;
	case BEGET__DESCRIPTOR: say(page, ", number %d", v.fd.fd); break;
	case BEGET__BUFFER: say_count(page, beget_buffer_size(v.buffer), "byte"); break;
	case BEGET__FUNCTION: break;
	default: say_count(page, type->size, "byte");
	}
}

/* A function that is an argument, and the modules that the child would have to load for it. */
static void say_passed(struct page *page, void (*function)(void), const struct beget__plan *plan, const char *way)
{
	struct beget__target target = {0};
	struct needs needs;

	if (beget__target_find(function, plan->program != NULL, &target)) {
		say(page, ", at %p in no module\n", (void *)(uintptr_t)function);
		return;
	}
	list_needs(&needs, function, plan, true);
	say(page, ", ");
	say_function(page, &target, &needs.own);
	say(page, ", %s\n", way);
	free(needs.bytes);
	beget__bytes_free(&needs.writer);
	if (plan->method->shares_addresses)
		return;
	list_needs(&needs, target.lacking ? function : NULL, plan, false);
	say_needs(page, &needs, plan);
}

/* way: in which directions its bytes are sent. */
static void say_argument(struct page *page, const struct beget_arg *arg, const struct beget__plan *plan,
                         const char *way)
{
	const struct beget__type *type = beget__type_of(arg->type);

	if (!is_value(arg)) {
		say(page, "%s\n", arg->value ? "of an unknown type" : "without a value");
		return;
	}
	union beget__value v = beget__value_of(arg);
	say(page, "%s", type->name);
	if (type->shape == BEGET__FUNCTION && v.function) {
		say_passed(page, v.function, plan, way);
		return;
	}
	say_content(page, type, arg);
	bool descriptor = type->shape == BEGET__DESCRIPTOR || (type->shape == BEGET__BUFFER && v.buffer);
	say(page, ", %s\n", !plan->method->shares_addresses && descriptor ? "as a descriptor" : way);
}

/* The size of target and arguments in the message, without those that cannot be written. */
static size_t message_size(const struct beget__plan *plan, const struct beget__target *target)
{
	const struct beget_call *call = plan->call;
	int numbers[BEGET_FDS_MAX];
	struct beget__fds fds = {numbers, 0, BEGET_FDS_MAX};
	struct beget__writer w = {0};

	if (target->module)
		beget__target_put(&w, target);
	for (unsigned i = 0; i < call->n; i++)
		if (is_value(&call->args[i]))
			beget__value_put(&w, &call->args[i], &fds, plan->program != NULL);
	size_t size = w.total;
	beget__bytes_free(&w);
	return size;
}

static void say_arguments(struct page *page, const struct beget__plan *plan, size_t size)
{
	const struct beget_call *call = plan->call;
	const char *way = plan->method->shares_addresses ? "in the copied memory"
	                  : size > BEGET__FRAME_INLINE   ? "in a memory file"
	                                                 : "in band";

	for (unsigned i = 0; i < call->n; i++) {
		say(page, "argument %u%s: ", i + 1, call->named && i >= call->named ? " (variadic)" : "");
		say_argument(page, &call->args[i], plan, way);
	}
	say(page, "result: %s\n", beget__type_of(call->result)->name);
	if (!plan->method->shares_addresses)
		say(page, "message: %zu bytes of target and arguments, %s\n", size, way);
}

int beget_explain(const struct beget_options *options, const struct beget_call *call, char *text, size_t size)
{
	struct beget__failure before = *beget__fail_last();
	struct page page = {text, size, 0};
	struct beget__target target = {0};
	struct beget__plan plan;

	if (!text && size > 0)
		return beget__fail(EINVAL, "cannot explain: text is NULL");
	int cancel = beget__thread_no_cancel();
	int error = beget__check_start(&plan, options, call);
	if (plan.call->function) {
		beget__target_find(plan.call->function, plan.program != NULL, &target);
		say_target(&page, &target, &plan);
		say_place(&page, &plan);
		say_arguments(&page, &plan, message_size(&plan, &target));
	}
	if (!error && !plan.method->shares_addresses)
		error = beget__image_ready(plan.program);
	if (error)
		say(&page, "refused: %s\n", beget_error());
	beget__check_free(&plan);
	beget__fail_again(&before);
	beget__thread_cancel(cancel);
	return page.length < INT_MAX ? (int)page.length : -EOVERFLOW;
}
