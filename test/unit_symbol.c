/* Names for offsets: of functions of this program, of modules without symbols, and of files that are not modules. */
#include "program/symbol.h"
#include "program/target.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_function_that_is_named(void)
{
	struct beget__target target = {0};
	char text[160];

	assert_int_equal(beget__target_find(a_function_that_is_named, false, &target), 0);
	beget__symbol_name(target.module, target.offset, text, sizeof(text));
	assert_string_equal(text, "a_function_that_is_named");
	beget__symbol_name(target.module, target.offset + 1, text, sizeof(text));
	assert_string_equal(text, "a_function_that_is_named+0x1");
}

/* A crashed child sends the name of the module, which may be anything. */
static void what_is_no_module(void)
{
	char folder[] = "/tmp/unit_symbol.XXXXXX", path[64], text[160];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(10); /* no process will ever write to it */
	beget__symbol_name(path, 0x12, text, sizeof(text));
	alarm(0);
	assert_string_equal(text, "pipe+0x12");
	unlink(path);
	rmdir(folder);
	beget__symbol_name("/nowhere/at-all", 3, text, sizeof(text));
	assert_string_equal(text, "at-all+0x3");
	beget__symbol_name("/dev/null", 3, text, sizeof(text));
	assert_string_equal(text, "null+0x3");
	beget__symbol_name("/etc/passwd", 3, text, sizeof(text));
	assert_string_equal(text, "passwd+0x3");
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(a_function_that_is_named),
		UNIT(what_is_no_module),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
