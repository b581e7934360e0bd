/* Writes the counters of gcov and llvm at the end of a child, whose exit skips the handlers that would write them. Each
 * module has functions of its own for this. They are hidden, so they are looked for in the symbol tables, which takes
 * time and is done on request only.
 * Runs in the child. */
#include "program/coverage.h"

#include "os/fd.h"
#include "os/libc.h"
#include "program/binary.h"
#include "program/symbol.h"

#include <fcntl.h>

static bool is_file_of(const struct dl_phdr_info *m, int fd)
{
	struct beget__build loaded, file;

	beget__binary_build(m, &loaded);
	return beget__binary_is_file_of(m, fd) && beget__binary_file_build(fd, &file) &&
	       beget__binary_same(&loaded, &file);
}

static int write_module(struct dl_phdr_info *m, size_t size, void *unused)
{
	const char *name = beget__binary_name(m);
	uint64_t offsets[BEGET__LIBC_COVERAGE] = {0};
	beget__libc_function functions[BEGET__LIBC_COVERAGE];

	(void)size, (void)unused;
	int fd = beget__fd_open(name[0] ? name : "/proc/self/exe", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && is_file_of(m, fd))
		beget__symbol_find(fd, beget__libc_coverage_names, offsets);
	beget__fd_close(&fd);
	for (int i = 0; i < BEGET__LIBC_COVERAGE; i++)
		functions[i] = offsets[i] ? (beget__libc_function)(m->dlpi_addr + offsets[i]) : NULL;
	beget__libc_write_coverage(functions);
	return 0;
}

void beget__coverage_write(void)
{
	beget__libc_function linked[BEGET__LIBC_COVERAGE];
	const char *all = beget__libc_secure_getenv("BEGET_COVERAGE");

	if (all && all[0]) {
		dl_iterate_phdr(write_module, NULL);
		return;
	}
	beget__libc_coverage_functions(linked);
	beget__libc_write_coverage(linked);
}
