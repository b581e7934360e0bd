/* The first words of a process that we executed. They are in a memory file of a fixed size that the process has as its
 * standard error until it reaches beget_init; the launching process maps it, which needs no descriptor.
 * Runs in the caller, and for the arrival in the helper and the child. */
#include "program/words.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/trace.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 4096 };

/* The beginning of the file once the process has reached beget_init. */
static const char mark[] = {'\0', '!'};

struct beget__words {
	atomic_uint refs;
	const char *text;
};

/* Valgrind writes its reports to the standard error that a program begins with. */
static bool is_watched(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return beget__trace_fd >= 0 || (preload && strstr(preload, "vgpreload"));
}

struct beget__words *beget__words_new(int *fd)
{
	struct beget__words *w = is_watched() ? NULL : beget__mem_alloc(sizeof(*w));
	void *text;

	*fd = w ? beget__file_bounded(SIZE, &text) : -1;
	if (*fd < 0) {
		free(w);
		*fd = -1;
		return NULL;
	}
	w->refs = 1;
	w->text = text;
	return w;
}

struct beget__words *beget__words_share(struct beget__words *w)
{
	if (w)
		w->refs++;
	return w;
}

void beget__words_free(struct beget__words **w)
{
	if (*w && --(*w)->refs == 0) {
		beget__file_unmap((void *)(*w)->text, SIZE);
		free(*w);
	}
	*w = NULL;
}

bool beget__words_arrived(const struct beget__words *w)
{
	return w && memcmp(w->text, mark, sizeof(mark)) == 0;
}

/* The beginning of the last whole lines that fit into room bytes, if the end of a line takes two. */
static const char *last_lines(const char *text, const char *end, size_t room)
{
	const char *from = end;

	for (; from > text && room >= 2; from--)
		room -= from[-1] == '\n' ? 2 : 1;
	const char *line = from > text ? strchr(from, '\n') : NULL;
	return line && line[1] ? line + 1 : from;
}

const char *beget__words_quote(const struct beget__words *w, char *text, size_t size)
{
	char all[SIZE + 1] = "", *at = text; /* the process may be writing */

	if (w)
		memcpy(all, w->text, SIZE);
	char *end = all + strlen(all);
	while (end > all && (unsigned char)end[-1] <= ' ')
		*--end = '\0';
	for (const char *from = last_lines(all, end, size - 1); *from; from++)
		if (*from == '\n')
			at = stpcpy(at, "; ");
		else
			*at++ = iscntrl((unsigned char)*from) ? ' ' : *from;
	*at = '\0';
	return text;
}

bool beget__words_contain(const struct beget__words *w, const char *part)
{
	return w && memmem(w->text, SIZE, part, strlen(part));
}

int beget__words_arrive(void)
{
	int fd = beget__file_is_bounded(STDERR_FILENO, SIZE) ? beget__fd_dup(STDERR_FILENO) : -1;

	if (fd < 0)
		return -1;
	int nothing = beget__fd_open_nothing();
	if (nothing >= 0)
		(void)beget__fd_put(nothing, STDERR_FILENO);
	beget__fd_close(&nothing);
	return fd;
}

void beget__words_end(int fd, bool print)
{
	char text[SIZE];
	ssize_t n = fd < 0 || !print ? 0 : beget__fd_read_at(fd, text, sizeof(text), 0);

	if (n > 0)
		(void)beget__fd_write(STDERR_FILENO, text, strnlen(text, (size_t)n));
	if (fd >= 0)
		(void)beget__fd_write_at(fd, mark, sizeof(mark), 0);
	beget__fd_close(&fd);
}
