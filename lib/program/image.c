/* The image of this program, or of the host program. It is pinned by descriptor and executed as a child or a helper; a
 * helper is created by two forks. Runs in the caller and, for its first steps, in the new process. Knows no message. */
#include "program/image.h"

#include "os/fail.h"
#include "os/mem.h"
#include "os/procfs.h"
#include "os/self.h"
#include "os/trace.h"
#include "program/binary.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Weak: a statically linked program has no loader and must not get one because of us. */
#pragma weak dlopen

static char host_name[] = BEGET__HOST;

static struct {
	bool known; /* main called beget_init; otherwise the image is the host program */
	bool inherited;
	_Atomic int fd;
	struct beget__identity identity;
	char *name; /* argv[0] */
} image = {.fd = -1, .name = host_name};

static int first_module(struct dl_phdr_info *m, size_t size, void *data)
{
	(void)size;
	*(struct dl_phdr_info *)data = *m;
	return 1;
}

/* True if the file has the program headers that run here. Under "ld.so ./prog", /proc/self/exe is ld.so. */
static bool is_us(int fd)
{
	struct dl_phdr_info us;

	return dl_iterate_phdr(first_module, &us) && beget__binary_is_file_of(&us, fd);
}

/* A program that can be executed but not read. It is not checked, because only "ld.so ./prog" makes /proc/self/exe
 * another file, and ld.so must read the program. */
static int open_unreadable(void)
{
	return getauxval(AT_BASE) ? beget__fd_open("/proc/self/exe", O_PATH) : -EACCES;
}

static int open_image(void)
{
	const char *names[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN)};
	int error = -ENOENT;

	if (!image.known) {
		beget__trace_init(); /* for programs that have not called beget_init */
		return beget__fd_open(beget__executable_host(), O_RDONLY | O_NONBLOCK);
	}
	for (int i = 0; i < 2; i++) {
		int fd = names[i] ? beget__fd_open(names[i], O_RDONLY) : -ENOENT;
		if (fd >= 0 && is_us(fd))
			return fd;
		if (fd < 0)
			error = fd;
		beget__fd_close(&fd);
	}
	return error == -EACCES ? open_unreadable() : error;
}

static enum beget__birth birth_of(int argc, char **argv)
{
	return argc != 2                                  ? BEGET__BORN_FREE
	       : strcmp(argv[1], BEGET__CHILD_MARK) == 0  ? BEGET__BORN_CHILD
	       : strcmp(argv[1], BEGET__SPARE_MARK) == 0  ? BEGET__BORN_SPARE
	       : strcmp(argv[1], BEGET__HELPER_MARK) == 0 ? BEGET__BORN_HELPER
	                                                  : BEGET__BORN_FREE;
}

/* Reads the arguments of execve, not those that main may have changed: a helper that does not recognise itself would
 * run main and launch a helper. */
static enum beget__birth birth_of_process(void)
{
	enum beget__birth birth = BEGET__BORN_FREE;
	struct beget__text line;

	if (beget__procfs_read(&line, "/proc/self/cmdline") == 0) {
		char *mark = line.text + strlen(line.text) + 1, *end = line.text + line.size;
		if (mark < end && mark + strlen(mark) + 1 == end)
			birth = birth_of(2, (char *[]){line.text, mark});
	}
	beget__procfs_free(&line);
	return birth;
}

/* The program may overwrite its arguments later, to show a title in ps. */
static char *copy_of(char *name)
{
	char *copy = beget__mem_alloc(strlen(name) + 1);

	return copy ? strcpy(copy, name) : name;
}

enum beget__birth beget__image_init(int argc, char **argv)
{
	static char unnamed[] = "beget";
	int host = image.fd; /* a constructor started a process before main */

	if (host >= 0 && beget__fd_is(host, &image.identity))
		beget__fd_close(&host);
	image.fd = -1;
	image.known = true;
	image.name = argc > 0 && argv[0] ? copy_of(argv[0]) : unnamed;
	enum beget__birth birth = birth_of(argc, argv);
	if (birth == BEGET__BORN_FREE)
		birth = birth_of_process();
	if (birth == BEGET__BORN_FREE) {
		image.fd = open_image();
		image.identity = beget__fd_identity(image.fd);
		return birth;
	}
	image.inherited = true;
	if (argc > 0 && strcmp(argv[0], BEGET__IMAGE_NAME) == 0)
		beget__fd_close_number(BEGET__IMAGE_FD);
	const char *slash = strrchr(image.name, '/');
	/* After execution by descriptor, the kernel names the process by the descriptor's number. */
	beget__self_set_name(slash ? slash + 1 : image.name);
	const char *bind = getenv(BEGET__BIND_NOW);
	/* Set by us, not by the caller. */
	if (birth == BEGET__BORN_HELPER && bind && strcmp(bind, BEGET__OUR_BINDING) == 0)
		unsetenv(BEGET__BIND_NOW);
	return birth;
}

void beget__image_inherit(void)
{
	image.fd = -1;
	image.inherited = true;
}

static int holds_us(struct dl_phdr_info *m, size_t size, void *name)
{
	(void)size;
	if (!beget__binary_segment(m, (uintptr_t)beget__image_init - m->dlpi_addr))
		return 0;
	*(const char **)name = beget__binary_name(m);
	return 1;
}

/* If a plugin with the library in it were unloaded, its descriptors and its helper would stay, and it would make others
 * when it is loaded again. */
static void stay_loaded(void)
{
	const char *name = "";

	dl_iterate_phdr(holds_us, &name);
	if (dlopen && name[0]) /* else it is the program */
		dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* The host may have closed our descriptor and opened another file at its number. A child has no descriptor at first. */
static int reopen(void)
{
	int old = image.fd;

	if (old >= 0 && beget__fd_is(old, &image.identity))
		return 0;
	int fd = open_image();
	if (fd < 0 && !image.known)
		return beget__fail_errno(-fd,
		                         "main did not call beget_init, and the host program %.120s cannot be opened "
		                         "(set BEGET_HOST to use another)",
		                         beget__executable_host());
	if (fd < 0)
		return beget__fail_errno(-fd, "cannot open the program's image");
	if (!image.inherited && image.identity.inode && !beget__fd_is(fd, &image.identity)) {
		beget__fd_close(&fd);
		return beget__fail(ESTALE,
		                   "the program closed the descriptor of its image, and the file has been replaced");
	}
	stay_loaded();
	image.identity = beget__fd_identity(fd);
	if (!atomic_compare_exchange_strong(&image.fd, &old, fd))
		beget__fd_close(&fd); /* another thread was first */
	return 0;
}

bool beget__image_is_host(void)
{
	return !image.known;
}

int beget__image_check(void)
{
	if (!image.known)
		return beget__fail(EOPNOTSUPP, "cannot execute the program again: main has not called beget_init");
	return 0;
}

const char *beget__image_program(char *text, size_t size)
{
	if (beget__procfs_link(text, size, "/proc/self/exe") >= 0)
		return text;
	return image.known ? image.name : "this program";
}

const char *beget__image_path(char *text, size_t size)
{
	return image.known ? beget__image_program(text, size) : beget__executable_host();
}

/* A constructor runs in every process that executes this program. If it started one, that process would start another,
 * and so on. */
static int check_arrived(void)
{
	/* Every process that has passed beget_init, and every copy of it, has this descriptor closed or
	 * close-on-exec. */
	bool arrived = !beget__fd_open_now(BEGET__CHANNEL_FD) || beget__fd_closes_on_exec(BEGET__CHANNEL_FD);

	if (image.known || arrived || birth_of_process() == BEGET__BORN_FREE)
		return 0;
	return beget__fail(EDEADLK, "cannot execute a program: this process is a child or a helper, and main has not "
	                            "called beget_init yet");
}

int beget__image_ready(const struct beget__executable *other)
{
	int error = check_arrived();

	if (!error)
		error = other ? beget__executable_check(other) : reopen();
	if (error)
		return error;
	if (!other && beget__executable_gains_rights(image.fd))
		return beget__fail(EPERM,
		                   "cannot execute the %s: it is set-user-ID, set-group-ID or has file capabilities",
		                   image.known ? "program again" : "host program");
	if (beget__self_ids_mixed()) /* as in a set-id program, the loader would ignore environment variables */
		return beget__fail(EPERM,
		                   "cannot execute a program: the real and effective ids of this process differ");
	return 0;
}

int beget__image_fd(void)
{
	return image.fd;
}

char *beget__image_name(void)
{
	return image.name;
}
