/* Shows the three methods at work: counts the words of a text, one chunk per child, and checks the sum; shows one child
 * of each method from inside; then measures a start (cost.c).
 * demo [-n ROUNDS] [FILE]: without a file, run it from the project's root; it then uses the project's own files,
 * repeated up to 32 MiB. */
#include "demo.h"

#include <beget.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { DEFAULT_ROUNDS = 500, DEFAULT_MIB = 32, CPUS_MAX = 64, CHUNKS_PER_CPU = 4 };

static const enum beget_method methods[] = {BEGET_FORK, BEGET_FORKSERVER, BEGET_SPAWN};
static const char *const names[] = {[BEGET_FORK] = "fork", [BEGET_FORKSERVER] = "forkserver", [BEGET_SPAWN] = "spawn"};

_Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "demo: %s: %s\n", what, why);
	exit(1);
}

/* The targets are ordinary functions that can also be called directly. */

static size_t words(struct beget_fd text, size_t from, size_t to)
{
	char buffer[65536], before = ' ';
	size_t count = 0;

	if (from > 0 && pread(text.fd, &before, 1, (off_t)from - 1) != 1)
		exit(1);
	while (from < to) {
		size_t room = to - from < sizeof(buffer) ? to - from : sizeof(buffer);
		ssize_t n = pread(text.fd, buffer, room, (off_t)from);
		if (n <= 0)
			exit(1);
		for (ssize_t i = 0; i < n; before = buffer[i++])
			count += !isspace((unsigned char)buffer[i]) && isspace((unsigned char)before);
		from += (size_t)n;
	}
	return count;
}

static int entries(const char *folder)
{
	int n = 0;
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

struct view {
	pid_t pid, parent;
	int threads, descriptors;
};

static struct beget_bytes look(void)
{
	static struct view v;

	v.pid = getpid();
	v.parent = getppid();
	v.threads = entries("/proc/self/task");
	v.descriptors = entries("/proc/self/fd") - 1; /* without the open directory */
	return BEGET_BYTES(&v, sizeof(v));
}

/* The text. */

struct text {
	int fd;
	size_t size;
};

static void append_file(FILE *out, const char *path)
{
	char buffer[65536];
	FILE *in = fopen(path, "r");

	for (size_t n; in && (n = fread(buffer, 1, sizeof(buffer), in)) > 0;)
		fwrite(buffer, 1, n, out);
	if (in)
		fclose(in);
}

static struct text own_texts(void)
{
	static const char *const patterns[] = {"README.md",       "LICENSE",      "man/*",
	                                       "include/beget.h", "lib/*/*.[ch]", "test/*.[ch]"};
	char *once = NULL;
	size_t size = 0, copies;
	FILE *all = open_memstream(&once, &size), *file = tmpfile();
	glob_t found = {0};

	if (!all || !file)
		die("cannot make a temporary file", strerror(errno));
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		glob(patterns[i], i > 0 ? GLOB_APPEND : 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		append_file(all, found.gl_pathv[i]);
	fclose(all);
	globfree(&found);
	if (size == 0)
		die("cannot find a text", "name a file, or run it from the project's root");
	for (copies = ((size_t)DEFAULT_MIB << 20) / size + 1; copies > 0; copies--)
		fwrite(once, 1, size, file);
	free(once);
	if (fflush(file))
		die("cannot write a temporary file", strerror(errno));
	return (struct text){fileno(file), (size_t)ftello(file)};
}

static struct text open_text(const char *path)
{
	struct stat st;

	if (!path)
		return own_texts();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		die(path, fd < 0 ? strerror(errno) : "not a file");
	return (struct text){fd, (size_t)st.st_size};
}

/* Part 1: counts words, with one child per processor at a time. */

static size_t collect(struct beget_process *process)
{
	size_t count;

	if (beget_result(process, &count) < 0) {
		char what[300] = "a child";
		beget_describe(process, what, sizeof(what));
		die(what, beget_error());
	}
	beget_free(process);
	return count;
}

static size_t words_in_children(enum beget_method method, struct text text, size_t cpus)
{
	struct beget_process *running[CPUS_MAX] = {NULL};
	size_t chunks = cpus * CHUNKS_PER_CPU, started = 0, done = 0, count = 0;

	for (; done < chunks; done++) {
		for (size_t i = 0; i < cpus && started < chunks; i++) {
			if (running[i])
				continue;
			size_t from = text.size / chunks * started++;
			size_t to = started == chunks ? text.size : text.size / chunks * started;
			if (beget_start(&running[i], BEGET_OPTIONS(.method = method),
			                BEGET_CALL(words, BEGET_FD(text.fd), from, to)) < 0)
				die("beget_start", beget_error());
		}
		int ended = beget_wait(running, cpus, BEGET_FOREVER);
		if (ended < 0)
			die("beget_wait", beget_error());
		count += collect(running[ended]);
		running[ended] = NULL;
	}
	return count;
}

static int count_words(struct text text, size_t cpus)
{
	int differ = 0;
	int64_t begin = clock_ns();
	size_t expected = words(BEGET_FD(text.fd), 0, text.size);

	printf("The words of %.1f MiB, %zu children, %zu at a time\n\n", (double)text.size / (1 << 20),
	       cpus * CHUNKS_PER_CPU, cpus);
	printf("  %-24s %12zu %8.1f ms\n", "one process", expected, (double)(clock_ns() - begin) / 1e6);
	for (size_t i = 0; i < 3; i++) {
		begin = clock_ns();
		size_t count = words_in_children(methods[i], text, cpus);
		printf("  %-24s %12zu %8.1f ms   %s\n", names[methods[i]], count, (double)(clock_ns() - begin) / 1e6,
		       count == expected ? "the same" : "NOT THE SAME");
		differ += count != expected;
	}
	return differ;
}

/* Part 2: shows one child of each method. */

static void show_child(enum beget_method method)
{
	struct beget_process *process;
	struct beget_bytes bytes;
	struct view v;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(look)) < 0 ||
	    beget_join(process, BEGET_FOREVER, NULL) < 0 || beget_result(process, &bytes) < 0 ||
	    bytes.size != sizeof(v))
		die(names[method], beget_error());
	memcpy(&v, bytes.data, sizeof(v));
	printf("  %-12s %9d %9d, %-12s %8d %12d\n", names[method], (int)v.pid, (int)v.parent,
	       v.parent == getpid() ? "this program" : "the helper", v.threads, v.descriptors);
	beget_free(process);
}

static void show_children(void)
{
	printf("\nOne child of each, seen from inside (this program is %d)\n\n", (int)getpid());
	printf("  %-12s %9s %-23s %8s %12s\n", "", "pid", "   parent", "threads", "descriptors");
	for (size_t i = 0; i < 3; i++)
		show_child(methods[i]);
}

static int usage(void)
{
	fprintf(stderr, "usage: demo [-n ROUNDS] [FILE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	if (argc == 3 && strcmp(argv[1], "--exit") == 0)
		return leave_at_once(atoi(argv[2]));

	int option, rounds = DEFAULT_ROUNDS;
	while ((option = getopt(argc, argv, "n:")) != -1)
		if (option != 'n' || (rounds = atoi(optarg)) < 1 || rounds > ROUNDS_MAX)
			return usage();
	if (argc - optind > 1)
		return usage();

	struct utsname host;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	size_t cpus = online < 1 ? 1 : online > CPUS_MAX ? CPUS_MAX : (size_t)online;
	uname(&host);
	printf("beget %s, Linux %s, %zu processors\n\n", beget_version(), host.release, cpus);
	int differ = count_words(open_text(argv[optind]), cpus);
	show_children();
	show_costs(rounds);
	return differ != 0;
}
