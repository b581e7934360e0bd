/* Helpers for tests of servers. */
#ifndef SERVER_TEST_H
#define SERVER_TEST_H

#include "host.h"
#include "library.h"

#include <stdlib.h>

enum { SOON_MS = 3000, OF_A_SERVER = 2 /* descriptors in the caller: its socket and its pidfd */ };

static inline struct beget_server *open_server(const struct beget_server_options *o)
{
	struct beget_server *s = NULL;

	if (beget_server_open(&s, o) < 0)
		fail_msg("open: %s", beget_error());
	assert_non_null(s);
	return s;
}

/* Expects that the options are refused with that code and a sentence with these words, and that the output is
 * untouched. */
static inline void refused(const struct beget_server_options *o, int code, const char *words)
{
	struct beget_server *s = (void *)&code;
	int before = count_descriptors(), error = beget_server_open(&s, o);

	if (error != code || !strstr(beget_error(), words))
		fail_msg("%d, not %d: %s (\"%s\")", error, code, beget_error(), words);
	assert_ptr_equal(s, &code);
	assert_int_equal(count_descriptors(), before);
}

static inline int int_from(struct beget_server *s, const struct beget_call *call)
{
	return int_result_with(BEGET_OPTIONS(.server = s), call);
}

static inline struct beget_server_status status_of(struct beget_server *s)
{
	struct beget_server_status status;

	if (beget_server_status(s, &status) < 0)
		fail_msg("status: %s", beget_error());
	return status;
}

static inline void kill_server(struct beget_server *s)
{
	pid_t pid = status_of(s).pid;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(process_gone(pid, SOON_MS));
}

/* The preload list for one library of test/lib. */
static inline const char *const *preloads(const char *name)
{
	static const char *list[] = {NULL, NULL};

	list[0] = built(name);
	return list;
}

/* Nonzero if a file with such a name is mapped in this process. */
static inline int mapped(const char *name)
{
	char line[5000];
	int found = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof(line), f))
		found |= strstr(line, name) != NULL;
	if (f)
		fclose(f);
	return found;
}

/* Contents for a server: a prepare call, and a target that reads them. */
static char *model;

static inline int loads(const char *name, int size)
{
	model = malloc((size_t)size);
	if (!model)
		return -ENOMEM;
	memset(model, 1, (size_t)size);
	snprintf(model, (size_t)size, "model of %s", name);
	return 0;
}

static inline const char *ask_model(void)
{
	return model ? model : "none";
}

#endif
