/* The image of this program, or of the host program: pinned by descriptor, executed as child or helper, the helper
 * through a double birth. Runs in the caller and, for its first steps, in the new process. Knows no message. */
#include "image.h"

#include "binary.h"
#include "error.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CHILD_MARK  "--beget-child"
#define SPARE_MARK  "--beget-spare"
#define HELPER_MARK "--beget-helper"
#define BIND_NOW    "LD_BIND_NOW"
#define OUR_BINDING "beget"
#define HOST        "BEGET_HOST"
#ifndef BEGET_HOST_PATH /* the Makefile's */
#define BEGET_HOST_PATH "/usr/local/libexec/beget-host"
#endif

static char host_name[] = "beget-host";

static struct {
	bool known; /* main called beget_init; else it is the host program's */
	bool inherited;
	_Atomic int fd;
	struct beget__identity identity;
	char *name; /* argv[0] */
} image = {.fd = -1, .name = host_name};

static const char *host_path(void)
{
	const char *other = secure_getenv(HOST);

	return other && other[0] ? other : BEGET_HOST_PATH;
}

static int first_module(struct dl_phdr_info *m, size_t size, void *data)
{
	(void)size;
	*(struct dl_phdr_info *)data = *m;
	return 1;
}

/* True if the file holds the program headers that run here. Under "ld.so ./prog", /proc/self/exe is ld.so. */
static bool is_us(int fd)
{
	struct dl_phdr_info us;

	return dl_iterate_phdr(first_module, &us) && beget__binary_is_file_of(&us, fd);
}

static int open_image(void)
{
	const char *names[] = {"/proc/self/exe", (const char *)getauxval(AT_EXECFN)};
	int error = -ENOENT;

	if (!image.known) {
		beget__trace_init(); /* for nobody else did */
		return beget__sys_open(host_path(), O_RDONLY | O_NONBLOCK);
	}
	for (int i = 0; i < 2; i++) {
		int fd = names[i] ? beget__sys_open(names[i], O_RDONLY) : -ENOENT;
		if (fd >= 0 && is_us(fd))
			return fd;
		if (fd < 0)
			error = fd;
		beget__sys_close(&fd);
	}
	return error;
}

static enum beget__birth birth_of(int argc, char **argv)
{
	return argc != 2                           ? BEGET__BORN_FREE
	       : strcmp(argv[1], CHILD_MARK) == 0  ? BEGET__BORN_CHILD
	       : strcmp(argv[1], SPARE_MARK) == 0  ? BEGET__BORN_SPARE
	       : strcmp(argv[1], HELPER_MARK) == 0 ? BEGET__BORN_HELPER
	                                           : BEGET__BORN_FREE;
}

/* What the kernel was told, whatever main has made of its arguments: a helper that does not know that it is one would
 * run main, which launches a helper. */
static enum beget__birth birth_of_process(void)
{
	char line[4096];
	int fd = beget__sys_open("/proc/self/cmdline", O_RDONLY);
	ssize_t n = fd < 0 ? fd : read(fd, line, sizeof(line) - 1);

	beget__sys_close(&fd);
	if (n <= 0)
		return BEGET__BORN_FREE;
	line[n] = '\0';
	char *mark = line + strlen(line) + 1;
	return mark < line + n && mark + strlen(mark) + 1 == line + n ? birth_of(2, (char *[]){line, mark})
	                                                              : BEGET__BORN_FREE;
}

enum beget__birth beget__image_init(int argc, char **argv)
{
	static char unnamed[] = "beget";
	int host = image.fd; /* a constructor started something before main */

	if (host >= 0 && beget__sys_is(host, &image.identity))
		beget__sys_close(&host);
	image.fd = -1;
	image.known = true;
	image.name = argc > 0 && argv[0] ? argv[0] : unnamed;
	enum beget__birth birth = birth_of(argc, argv);
	if (birth == BEGET__BORN_FREE)
		birth = birth_of_process();
	if (birth == BEGET__BORN_FREE) {
		image.fd = open_image();
		image.identity = beget__sys_identity(image.fd);
		return birth;
	}
	image.inherited = true;
	const char *slash = strrchr(image.name, '/');
	prctl(PR_SET_NAME, slash ? slash + 1 : image.name); /* executed by descriptor, we are named by its number */
	const char *bind = getenv(BIND_NOW);
	if (birth == BEGET__BORN_HELPER && bind && strcmp(bind, OUR_BINDING) == 0) /* not the caller's */
		unsetenv(BIND_NOW);
	return birth;
}

void beget__image_inherit(void)
{
	image.fd = -1;
	image.inherited = true;
}

/* A program that gains rights when executed would regain here what it gave up. */
static bool gains_rights(int fd)
{
	struct stat st;

	return getauxval(AT_SECURE) || fstat(fd, &st) < 0 || (st.st_mode & S_ISUID) ||
	       ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP)) || fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* The host may have closed our descriptor, and its number may be another file by now; a child has none at first. */
static int reopen(void)
{
	int old = image.fd;

	if (old >= 0 && beget__sys_is(old, &image.identity))
		return 0;
	int fd = open_image();
	if (fd < 0 && !image.known)
		return beget__fail(-fd,
		                   "main did not call beget_init, and the host program %.120s cannot be "
		                   "opened (BEGET_HOST names another)",
		                   host_path());
	if (fd < 0)
		return beget__fail(-fd, "cannot open the program's image");
	if (!image.inherited && image.identity.inode && !beget__sys_is(fd, &image.identity)) {
		beget__sys_close(&fd);
		return beget__fail_plain(ESTALE,
		                         "the program closed the descriptor of its image, and the file is another now");
	}
	image.identity = beget__sys_identity(fd);
	if (!atomic_compare_exchange_strong(&image.fd, &old, fd))
		beget__sys_close(&fd); /* another thread was faster */
	return 0;
}

bool beget__image_is_host(void)
{
	return !image.known;
}

int beget__image_check(void)
{
	if (!image.known)
		return beget__fail_plain(EOPNOTSUPP,
		                         "cannot execute the program again: main did not call beget_init first");
	return 0;
}

const char *beget__image_program(char *text, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", text, size - 1);

	if (n < 0)
		return image.known ? image.name : "this program";
	text[n] = '\0';
	return text;
}

const char *beget__image_path(char *text, size_t size)
{
	return image.known ? beget__image_program(text, size) : host_path();
}

int beget__program_open(struct beget__program *ret, const char *path)
{
	const char *file = strcmp(path, host_name) == 0 ? host_path() : path;
	char *real = realpath(file, NULL); /* the directory may be another when the name is needed */
	int fd = real ? beget__sys_open(real, O_RDONLY | O_NONBLOCK) : -errno;

	if (fd < 0) {
		free(real);
		return beget__fail(-fd, "cannot open the executable %.150s", file);
	}
	*ret = (struct beget__program){real, fd, beget__sys_identity(fd)};
	int error = beget__image_ready(ret);
	if (error)
		beget__program_free(ret);
	return error;
}

void beget__program_close(struct beget__program *p)
{
	if (p->path && beget__sys_is(p->fd, &p->identity))
		beget__sys_close(&p->fd);
	p->fd = -1;
}

void beget__program_free(struct beget__program *p)
{
	beget__program_close(p);
	free(p->path);
	p->path = NULL;
}

static int other_ready(const struct beget__program *p)
{
	if (!beget__sys_is(p->fd, &p->identity))
		return beget__fail_plain(ESTALE, "the program closed the descriptor of the executable %.150s", p->path);
	if (gains_rights(p->fd))
		return beget__fail_plain(EPERM, "cannot execute %.150s: it is set-id or has file capabilities",
		                         p->path);
	return 0;
}

/* What runs before beget_init runs in each process that executes this program: did it start one, so would that one. */
static int check_arrived(void)
{
	bool arrived = fcntl(BEGET__CHANNEL_FD, F_GETFD) != 0; /* beget_init makes it close-on-exec, of whatever copy */

	if (image.known || arrived || birth_of_process() == BEGET__BORN_FREE)
		return 0;
	return beget__fail_plain(EDEADLK,
	                         "cannot execute a program: this process was executed for a start itself, and main has "
	                         "not called beget_init yet");
}

int beget__image_ready(const struct beget__program *other)
{
	int error = check_arrived();

	if (!error)
		error = other ? other_ready(other) : reopen();
	if (error || other)
		return error;
	if (gains_rights(image.fd))
		return beget__fail_plain(EPERM, "cannot execute the %s: it is set-id or has file capabilities",
		                         image.known ? "program again" : "host program");
	return 0;
}

/* One birth; shared with the new process until it executes the image. */
struct launch {
	const struct beget__program *other;
	int socket;
	bool helper;
	char **argv, **envp;
	int error;
	pid_t *pid;
	int *pidfd; /* where a concurrent fork finds it at once */
};

/* A sanitizer does not expect a process on a stack of the heap. */
#define NOT_WATCHED __attribute__((no_sanitize("address")))

/* From here to exec we run on the caller's memory with all signals blocked: system calls only. */
NOT_WATCHED static int execute(void *data)
{
	struct launch *l = data;
	int exe = fcntl(l->other ? l->other->fd : image.fd, F_DUPFD_CLOEXEC, BEGET__CHANNEL_FD + 1);

	if (exe < 0 || dup2(l->socket, BEGET__CHANNEL_FD) < 0) /* dup2 also takes close-on-exec off */
		goto failed;
	if (l->socket == BEGET__CHANNEL_FD && fcntl(BEGET__CHANNEL_FD, F_SETFD, 0) < 0)
		goto failed;
	if (l->helper) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || (beget__trace_fd < 0 && dup2(null, 2) < 0))
			goto failed;
		setpgid(0, 0);
	} else {
		for (int fd = 0; fd <= STDERR_FILENO; fd++) {
			int flags = fcntl(fd, F_GETFD);
			if (flags > 0)
				fcntl(fd, F_SETFD, 0);
		}
	}
	beget__sys_close_range(BEGET__CHANNEL_FD + 1, (unsigned)exe - 1);
	beget__sys_close_range((unsigned)exe + 1, ~0u);
	syscall(SYS_execveat, exe, "", l->argv, l->envp, AT_EMPTY_PATH);
failed:
	l->error = errno;
	_exit(127);
}

NOT_WATCHED static int middle(void *data)
{
	struct launch *l = data;
	pid_t pid = beget__sys_vfork(execute, l, SIGCHLD, l->pidfd);

	if (pid < 0)
		l->error = -pid;
	*l->pid = pid;
	_exit(0);
}

static int start(struct launch *l)
{
	sigset_t all, before;
	pid_t pid;
	int none, status;

	int error = beget__image_ready(l->other);
	if (error)
		return error;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (l->helper) {
		/* Exit signal 0: no SIGCHLD in the host, and invisible to its wait(-1). */
		pid = beget__sys_vfork(middle, l, 0, &none);
		if (pid > 0)
			while (waitpid(pid, &status, (int)__WCLONE) < 0 && errno == EINTR)
				;
	} else {
		pid = beget__sys_vfork(execute, l, SIGCHLD, l->pidfd);
		if (pid > 0 && l->error)
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return beget__fail(-pid, "cannot make a process");
	if (l->error) {
		beget__sys_close(l->pidfd);
		return l->other      ? beget__fail(l->error, "cannot execute %.150s", l->other->path)
		       : image.known ? beget__fail(l->error, "cannot execute the program's image")
		                     : beget__fail(l->error, "cannot execute the host program %.120s", host_path());
	}
	if (!l->helper)
		*l->pid = pid;
	return 0;
}

extern char **environ;

static char *name_of(const struct beget__program *other)
{
	return other ? other->path : image.name;
}

static int spawn(const struct beget__program *other, char *mark, int socket, pid_t *pid, int *pidfd)
{
	return start(&(struct launch){
		.other = other,
		.socket = socket,
		.argv = (char *[]){name_of(other), mark, NULL},
		.envp = environ,
		.pid = pid,
		.pidfd = pidfd,
	});
}

int beget__image_spawn(const struct beget__program *other, int socket, pid_t *pid, int *pidfd)
{
	char mark[] = CHILD_MARK;

	return spawn(other, mark, socket, pid, pidfd);
}

int beget__image_spare(int socket, pid_t *pid, int *pidfd)
{
	char mark[] = SPARE_MARK;

	return spawn(NULL, mark, socket, pid, pidfd);
}

int beget__image_helper(const struct beget__program *other, int socket, pid_t *pid)
{
	char mark[] = HELPER_MARK, bind[] = BIND_NOW "=" OUR_BINDING;
	size_t n = 0;
	int none = -1; /* the middle process has it, and ends */

	while (environ && environ[n])
		n++;
	char **envp = beget__sys_alloc((n + 2) * sizeof(*envp));
	if (!envp)
		return beget__fail(ENOMEM, "cannot launch the helper");
	/* What the helper binds eagerly, its children need not bind one by one. */
	if (!getenv(BIND_NOW))
		envp[n] = bind;
	if (n)
		memcpy(envp, environ, n * sizeof(*envp));
	struct launch l = {
		.other = other,
		.socket = socket,
		.helper = true,
		.argv = (char *[]){name_of(other), mark, NULL},
		.envp = envp,
		.pid = pid,
		.pidfd = &none,
	};
	int error = start(&l);
	free(envp);
	return error;
}

bool beget__image_trusted(void)
{
	struct ucred maker;
	uid_t real, effective, saved;
	int type;
	socklen_t size = sizeof(maker), type_size = sizeof(type);

	return getsockopt(BEGET__CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(BEGET__CHANNEL_FD, SOL_SOCKET, SO_PEERCRED, &maker, &size) == 0 &&
	       getresuid(&real, &effective, &saved) == 0 && maker.uid == real && maker.uid == effective &&
	       maker.uid == saved && fcntl(BEGET__CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0;
}
