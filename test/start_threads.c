/* Threads: many start and join at once, and nothing is lost or swapped. Fork while other threads run is refused without
 * a flag; with it, the target can print and allocate whatever those threads were doing. */
#include "harness.h"

#include <beget/pool.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 8, STARTS = 250 };

struct worker {
	pthread_t thread;
	enum beget_method method;
	int number;
	char wrong[400];
};

static long mix(int thread, int index)
{
	return thread * 100003L + index * 7L;
}

static bool one_round(struct worker *w, int index)
{
	struct beget_process *p = NULL;
	struct beget_status status;
	long value = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = w->method, .flags = BEGET_UNSAFE_FORK),
	                BEGET_CALL(mix, w->number, index)) < 0 ||
	    beget_join(p, 60000, &status) < 0 || beget_result(p, &value) < 0)
		snprintf(w->wrong, sizeof(w->wrong), "%s", beget_error());
	else if (status.outcome != BEGET_EXITED || status.code != 0 || value != mix(w->number, index))
		snprintf(w->wrong, sizeof(w->wrong), "outcome %d, code %d, %ld", (int)status.outcome, status.code,
		         value);
	beget_free(p);
	return !w->wrong[0];
}

static void *works(void *data)
{
	struct worker *w = data;

	for (int i = 0, n = often(STARTS); i < n && one_round(w, i); i++)
		;
	return NULL;
}

static void all_at_once(enum beget_method method)
{
	static struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.method = method, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, works, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < THREADS; i++)
		if (workers[i].wrong[0])
			fail_msg("thread %d: %s", i, workers[i].wrong);
}

/* All methods in one program at once, and handles that are joined by another thread than the one that started them. */

static struct beget_process *handed[THREADS * 20];

static void *starts_some(void *data)
{
	struct worker *w = data;

	for (int i = 0; i < 20; i++)
		if (beget_start(&handed[w->number * 20 + i],
		                BEGET_OPTIONS(.method = (enum beget_method)((w->number + i) % 3),
		                              .flags = BEGET_UNSAFE_FORK),
		                BEGET_CALL(mix, w->number, i)) < 0)
			snprintf(w->wrong, sizeof(w->wrong), "%s", beget_error());
	return NULL;
}

static void joined_elsewhere(enum beget_method method)
{
	static struct worker workers[THREADS];

	(void)method;
	memset(handed, 0, sizeof(handed));
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, starts_some, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (int i = 0; i < THREADS * 20; i++) {
		long value = -1;
		if (workers[i / 20].wrong[0])
			fail_msg("%s", workers[i / 20].wrong);
		assert_int_equal(beget_join(handed[i], 60000, NULL), 0);
		assert_int_equal(beget_result(handed[i], &value), 0);
		assert_int_equal(value, mix(i / 20, i % 20));
		beget_free(handed[i]);
	}
}

/* Fork while threads hold locks. */

static atomic_bool done;
static atomic_int ready;

static void *holds_stdout(void *unused)
{
	(void)unused;
	flockfile(stdout);
	ready++;
	while (!done)
		sleep_ms(1);
	funlockfile(stdout);
	return NULL;
}

static void *allocates(void *unused)
{
	(void)unused;
	ready++;
	while (!done)
		for (size_t n = 1; n < 100000; n += n)
			free(malloc(n));
	return NULL;
}

static int allocates_and_prints(int n)
{
	char *text = malloc(20000), line[40];

	if (!text)
		return -1;
	memset(text, 'x', 20000);
	free(text);
	FILE *f = fopen("/dev/null", "w");
	if (!f || fprintf(f, "%d\n", n) < 0 || fclose(f) != 0)
		return -2;
	snprintf(line, sizeof(line), "%d", n);
	return atoi(line);
}

static pthread_t beside(void *(*body)(void *))
{
	pthread_t t;

	done = false;
	ready = 0;
	assert_int_equal(pthread_create(&t, NULL, body, NULL), 0);
	while (!ready)
		sleep_ms(1);
	return t;
}

static void end_beside(pthread_t t)
{
	done = true;
	pthread_join(t, NULL);
}

static void fork_beside_threads(enum beget_method method)
{
	struct beget_process *p = NULL;
	bool alone = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(allocates_and_prints, 1)) == 0;
	if (alone)
		expect_exit(p, 0);
	p = NULL;
	pthread_t t = beside(allocates);
	int refused = beget_start(&p, BEGET_OPTIONS(.method = method), BEGET_CALL(allocates_and_prints, 1));
	bool untouched = p == NULL, named = strstr(beget_error(), " threads are running") != NULL;
	int wrong = 0;

	for (int i = 0; i < 100; i++) {
		int value = -1;
		if (beget_start(&p, BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK),
		                BEGET_CALL(allocates_and_prints, i)) < 0)
			break;
		wrong += beget_join(p, 10000, NULL) < 0 || beget_result(p, &value) < 0 || value != i;
		beget_free(p);
	}
	end_beside(t);
	assert_int_equal(refused, -EDEADLK);
	assert_true(untouched);
	assert_true(named);
	assert_int_equal(wrong, 0);
	/* Allowed again once they have ended, but the thread sanitizer has a thread that stays */
	if (alone)
		assert_int_equal(int_result(method, BEGET_CALL(allocates_and_prints, 3)), 3);
}

/* A thread with the smallest stack that the manual permits. */
struct small {
	enum beget_method method;
	const char *failed;
};

static int same(int n)
{
	return n;
}

static const char *use_pool(enum beget_method method)
{
	struct beget_options o = {.size = sizeof(o), .method = method, .flags = BEGET_UNSAFE_FORK};
	struct beget_task *task = NULL;
	struct beget_pool *pool;

	if (beget_pool_open(&pool, BEGET_POOL_OPTIONS(.workers = 1, .start = &o)))
		return "pool";
	bool ran = beget_pool_submit(pool, NULL, NULL, BEGET_CALL(same, 3)) == 0 &&
	           beget_pool_next(pool, scaled(10000), &task, NULL) == 0;
	beget_task_free(task);
	beget_pool_close(pool, 1000);
	beget_pool_free(pool);
	return ran ? NULL : "task";
}

static const char *use_all(enum beget_method method)
{
	struct beget_server *server;
	struct beget_process *p;
	char text[600];

	if (beget_start(&p, BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK | BEGET_CRASH_REPORT),
	                BEGET_CALL(same, 3)))
		return "start";
	bool joined = beget_join(p, scaled(10000), NULL) == 0 && beget_describe(p, text, sizeof(text)) > 0;
	beget_free(p);
	if (!joined || beget_explain(NULL, BEGET_CALL(same, 3), text, sizeof(text)) < 0)
		return "join";
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(same, 3))))
		return "server";
	beget_server_close(server);
	return use_pool(method);
}

static void *with_small_stack(void *data)
{
	struct small *s = data;

	s->failed = use_all(s->method);
	return NULL;
}

static void small_stack(enum beget_method method)
{
	struct small s = {method, "thread"};
	long least = sysconf(_SC_THREAD_STACK_MIN); /* 128 KiB on arm64 */
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	assert_int_equal(pthread_attr_setstacksize(&attributes, least > 65536 ? (size_t)least : 65536), 0);
	assert_int_equal(pthread_create(&thread, &attributes, with_small_stack, &s), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attributes);
	if (s.failed)
		fail_msg("%s: %s", s.failed, beget_error());
}

static int prints(int n)
{
	return printf("%s", "") == 0 && fflush(stdout) == 0 ? n : -1;
}

static void beside_a_held_stream(enum beget_method method)
{
	if (method == BEGET_FORK)
		not_with_musl("its fork leaves the streams locked");
	pthread_t t = beside(holds_stdout);
	struct beget_process *p = NULL;
	int error = beget_start(&p, BEGET_OPTIONS(.method = method, .flags = BEGET_UNSAFE_FORK), BEGET_CALL(prints, 5));
	int joined = error ? error : beget_join(p, 10000, NULL), value = -1;

	end_beside(t);
	assert_int_equal(joined, 0);
	assert_int_equal(beget_result(p, &value), 0);
	assert_int_equal(value, 5);
	beget_free(p);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(small_stack),
		BEHAVIOUR(all_at_once),
		BEHAVIOUR_OF(joined_elsewhere, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(fork_beside_threads, BY(BEGET_FORK)),
		BEHAVIOUR(beside_a_held_stream),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
