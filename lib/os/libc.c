/* Differences between C libraries.
 * Runs in every process. */
#include "os/libc.h"

#include <errno.h>
#include <stdint.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<sys/single_threaded.h>) /* since glibc 2.32 */
#include <sys/single_threaded.h>
#else
enum { __libc_single_threaded = false };
#endif

/* glibc's iteration over all open streams: still exported, but no longer declared. */
__attribute__((weak)) void *_IO_iter_begin(void);
__attribute__((weak)) void *_IO_iter_end(void);
__attribute__((weak)) void *_IO_iter_next(void *);
__attribute__((weak)) FILE *_IO_iter_file(void *);

/* Hidden in each program and library: only a program with the static library in it can refer to them. */
__attribute__((weak)) void __gcov_exit(void);
__attribute__((weak)) void __gcov_dump(void);
__attribute__((weak)) void __llvm_profile_initialize_file(void);
__attribute__((weak)) int __llvm_profile_write_file(void);

ssize_t beget__libc_sendmsg(int fd, const struct msghdr *message, int flags)
{
#ifdef __GLIBC__
	return sendmsg(fd, message, flags);
#else /* sendmsg has room for 252 descriptors, and the kernel allows 253 */
	return syscall(SYS_sendmsg, fd, message, flags);
#endif
}

/* strerrordesc_np is newer than the oldest libc that we support. */
const char *beget__libc_error(int error, char *text, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(error, text, size);
#else /* the strerror_r of POSIX */
	return strerror_r(error, text, size) ? "unknown error" : text;
#endif
}

const char *beget__libc_secure_getenv(const char *name)
{
	return secure_getenv(name);
}

const char *beget__libc_program(void)
{
	return program_invocation_short_name;
}

bool beget__libc_is(const char *soname)
{
#ifdef __GLIBC__
	return strcmp(soname, "libc.so.6") == 0;
#else
	return strcmp(soname, "libc.so") == 0 || strncmp(soname, "libc.musl-", strlen("libc.musl-")) == 0;
#endif
}

bool beget__libc_single_threaded(void)
{
	return __libc_single_threaded;
}

static struct {
	bool known;
	int code;
} ending;

#ifdef __GLIBC__
static void keep_code(int code, void *handler)
{
	ending.known = true;
	ending.code = code;
	((void (*)(void))(uintptr_t)handler)();
}

int beget__libc_at_exit(void (*handler)(void))
{
	return on_exit(keep_code, (void *)(uintptr_t)handler);
}
#else
int beget__libc_at_exit(void (*handler)(void))
{
	ending.known = false; /* inherited from a process that was exiting */
	return atexit(handler);
}
#endif

_Noreturn void beget__libc_exit(int code)
{
	ending.known = true;
	ending.code = code;
	exit(code);
}

bool beget__libc_exit_code(int *ret)
{
	if (ending.known)
		*ret = ending.code;
	return ending.known;
}

const char *beget__libc_exit_text(char *text, size_t size)
{
	if (!ending.known)
		return "";
	snprintf(text, size, " with code %d", ending.code);
	return text;
}

void beget__libc_each_stream(void (*visit)(FILE *))
{
	if (_IO_iter_begin && _IO_iter_end && _IO_iter_next && _IO_iter_file) {
		for (void *i = _IO_iter_begin(); i != _IO_iter_end(); i = _IO_iter_next(i))
			visit(_IO_iter_file(i));
		return;
	}
	visit(stdin);
	visit(stdout);
	visit(stderr);
}

bool beget__libc_unflushed(FILE *file)
{
	return __fpending(file) > 0;
}

void beget__libc_purge(FILE *file)
{
	__fpurge(file);
}

void beget__libc_flush(FILE *file)
{
	if (ftrylockfile(file))
		return;
	if (__fpending(file))
		fflush_unlocked(file);
	funlockfile(file);
}

#ifdef __GLIBC__
const char *beget__libc_module_name(const struct dl_phdr_info *m)
{
	return m->dlpi_name ? m->dlpi_name : "";
}
#else
static int first_segments(struct dl_phdr_info *m, size_t size, void *ret)
{
	(void)size;
	*(const ElfW(Phdr) **)ret = m->dlpi_phdr;
	return 1;
}

/* Here the program, which is the first module, has a name, and the kernel's module has none. */
const char *beget__libc_module_name(const struct dl_phdr_info *m)
{
	const ElfW(Phdr) *program = NULL;

	dl_iterate_phdr(first_segments, &program);
	return m->dlpi_phdr == program ? "" : m->dlpi_name && *m->dlpi_name ? m->dlpi_name : "linux-vdso.so.1";
}
#endif

const char *const beget__libc_coverage_names[] = {"__gcov_exit", "__gcov_dump", "__llvm_profile_initialize_file",
                                                  "__llvm_profile_write_file", NULL};

void beget__libc_coverage_functions(beget__libc_function ret[BEGET__LIBC_COVERAGE])
{
	ret[0] = __gcov_exit;
	ret[1] = __gcov_dump;
	ret[2] = __llvm_profile_initialize_file;
	ret[3] = (beget__libc_function)__llvm_profile_write_file;
}

void beget__libc_write_coverage(const beget__libc_function f[BEGET__LIBC_COVERAGE])
{
	if (f[0])
		f[0]();
	else if (f[1])
		f[1]();
	if (f[2] && f[3]) {
		f[2](); /* the name of the file may contain the process id */
		((int (*)(void))f[3])();
	}
}
