/* Names for offsets: of functions of this program, of modules without symbols, and of files that are not modules. */
#include "program/symbol.h"
#include "program/target.h"
#include "harness.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern int is_no_code;
int is_no_code = 1;

static void a_function_that_is_named(void)
{
	struct beget__target target = {0};
	char text[160];

	assert_int_equal(beget__target_find(a_function_that_is_named, false, &target), 0);
	for (int i = 0; i < 3; i++) { /* from the file, then from what was found before */
		assert_true(beget__symbol_name(target.module, target.offset, text, sizeof(text)));
		assert_string_equal(text, "a_function_that_is_named");
		assert_true(beget__symbol_name(target.module, target.offset + 1, text, sizeof(text)));
		assert_string_equal(text, "a_function_that_is_named+0x1");
		assert_false(beget__symbol_name(target.module, 1, text, sizeof(text)));
		assert_non_null(strstr(text, "code at 0x1 in "));
	}
}

static void functions_by_name(void)
{
	const char *const names[] = {"no_function", "functions_by_name", "is_no_code", NULL};
	struct beget__target target = {0};
	uint64_t offsets[3] = {0};
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(beget__target_find(functions_by_name, false, &target), 0);
	beget__symbol_find(fd, names, offsets);
	close(fd);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(offsets[1], target.offset);
	assert_int_equal(offsets[2], 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	beget__symbol_find(fd, names, offsets);
	close(fd);
	assert_int_equal(offsets[1], target.offset);
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
	assert_string_equal(text, "code at 0x12 in pipe");
	unlink(path);
	rmdir(folder);
	beget__symbol_name("/nowhere/at-all", 3, text, sizeof(text));
	assert_string_equal(text, "code at 0x3 in at-all");
	beget__symbol_name("/dev/null", 3, text, sizeof(text));
	assert_string_equal(text, "code at 0x3 in null");
	beget__symbol_name("/etc/passwd", 3, text, sizeof(text));
	assert_string_equal(text, "code at 0x3 in passwd");
}

/* A file of a petabyte that claims to be full of symbols. It takes no room and must take little time. */
static void a_file_that_lies(void)
{
	char path[] = "/tmp/unit_symbol.XXXXXX", text[160];
	int fd = mkstemp(path);
	ElfW(Ehdr) header = {
		.e_ident = ELFMAG, .e_shentsize = sizeof(ElfW(Shdr)), .e_shoff = sizeof(header), .e_shnum = 60000};
	ElfW(Shdr) table = {.sh_type = SHT_SYMTAB, .sh_size = (ElfW(Xword))1 << 42};

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	for (int i = 0; i < 60000; i++)
		assert_int_equal(pwrite(fd, &table, sizeof(table), (off_t)(sizeof(header) + (size_t)i * sizeof(table))),
		                 sizeof(table));
	if (ftruncate(fd, (off_t)1 << 43) < 0 && ftruncate(fd, (off_t)1 << 39) < 0)
		skip();
	assert_false(beget__symbol_name(path, (uint64_t)1 << 60, text, sizeof(text)));
	close(fd);
	unlink(path);
}

/* A module that another process cuts short: what is left of it names no function, or the right one. */
static void a_file_that_is_cut_short(void)
{
	char path[] = "/tmp/unit_symbol.XXXXXX", text[160], block[4096];
	struct beget__target target = {0};
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = mkstemp(path);
	off_t size = 0;

	assert_true(from >= 0 && fd >= 0);
	for (ssize_t n; (n = read(from, block, sizeof(block))) > 0; size += n)
		assert_int_equal(write(fd, block, (size_t)n), n);
	assert_int_equal(beget__target_find(a_file_that_is_cut_short, false, &target), 0);
	assert_true(beget__symbol_name(path, target.offset, text, sizeof(text)));
	for (off_t cut = size - 1; cut > 0; cut -= cut / 20 + 1) {
		assert_int_equal(ftruncate(fd, cut), 0);
		assert_true(!beget__symbol_name(path, target.offset, text, sizeof(text)) ||
		            strcmp(text, "a_file_that_is_cut_short") == 0);
	}
	assert_non_null(strstr(text, "code at "));
	close(from);
	close(fd);
	unlink(path);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(a_function_that_is_named), UNIT(functions_by_name),        UNIT(what_is_no_module),
		UNIT(a_file_that_lies),         UNIT(a_file_that_is_cut_short),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
