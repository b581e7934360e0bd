/* Buffers: shared memory, whichever process created it and however the processes were started; once sealed, it never
 * changes. Nothing of a buffer stays behind: no descriptor, which the fence checks, and no mapping. */
#include "call/buffer.h"
#include "fault.h"
#include "harness.h"
#include "os/libc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static const size_t sizes[] = {1, 4095, 4096, 4097, 65535, 65536, 65537, 16 << 20};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

static struct beget_buffer *make(size_t size)
{
	struct beget_buffer *b = NULL;

	if (beget_buffer_create(&b, size) < 0)
		fail_msg("%s", beget_error());
	return b;
}

static unsigned char *bytes_of(struct beget_buffer *b)
{
	return beget_buffer_data(b);
}

static bool is_all(const struct beget_buffer *b, unsigned char byte)
{
	const unsigned char *p = beget_buffer_data((struct beget_buffer *)b);
	size_t n = beget_buffer_size(b);

	return p && p[0] == byte && memcmp(p, p + 1, n - 1) == 0;
}

static void seal(struct beget_buffer *b)
{
	if (beget_buffer_seal(b) < 0)
		fail_msg("%s", beget_error());
	assert_true(beget_buffer_sealed(b));
}

static void expect_busy(struct beget_buffer *b)
{
	assert_int_equal(beget_buffer_seal(b), -EBUSY);
	assert_non_null(strstr(beget_error(), "mapped for writing elsewhere"));
	assert_false(beget_buffer_sealed(b));
	bytes_of(b)[0]++; /* and the contents are unchanged */
	bytes_of(b)[0]--;
}

static int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4500];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, "memfd:beget ") || strstr(line, "/dev/shm/") || strstr(line, "/tmp/#");
	if (f)
		fclose(f);
	return n;
}

static struct beget_buffer *buffer_of(struct beget_process *p)
{
	struct beget_buffer *b = NULL;

	if (beget_result(p, &b) < 0)
		fail_msg("%s", beget_error());
	return b;
}

/* Targets. */

/* -1: the contents are not the caller's, or the address is wrong. */
static int replaces(struct beget_buffer *b, int from, int to)
{
	if (!is_all(b, (unsigned char)from) || (uintptr_t)beget_buffer_data(b) % 4096 || beget_buffer_sealed(b))
		return -1;
	memset(beget_buffer_data(b), to, beget_buffer_size(b));
	return to;
}

static int sum_of_ends(struct beget_buffer *b)
{
	const unsigned char *p = beget_buffer_data(b);

	return p[0] + p[beget_buffer_size(b) - 1] + (beget_buffer_sealed(b) ? 1000 : 0);
}

static int writes(struct beget_buffer *b, int whence)
{
	signal(SIGSEGV, SIG_DFL); /* a copy of this process has cmocka's handler */
	bytes_of(b)[whence < 0 ? beget_buffer_size(b) - 1 : (size_t)whence] = 'w';
	return 1;
}

static struct beget_buffer *makes(size_t n, int byte, int sealed)
{
	struct beget_buffer *b = NULL;

	if (beget_buffer_create(&b, n) < 0)
		exit(9);
	memset(beget_buffer_data(b), byte, n);
	if (sealed && beget_buffer_seal(b) < 0)
		exit(8);
	return b;
}

static struct beget_buffer *gives_back(struct beget_buffer *b)
{
	return b;
}

static int holds(struct beget_buffer *b, struct beget_fd said, struct beget_fd go)
{
	char c;

	return write(said.fd, "s", 1) == 1 && read(go.fd, &c, 1) == 1 ? bytes_of(b)[0] : -1;
}

/* Sharing. */

static void each_size(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		struct beget_buffer *b = make(sizes[i]);
		assert_int_equal(beget_buffer_size(b), sizes[i]);
		assert_false(beget_buffer_sealed(b));
		assert_int_equal((uintptr_t)beget_buffer_data(b) % 4096, 0);
		assert_int_equal(int_result(method, BEGET_CALL(replaces, b, 0, 5)), 5);
		assert_true(is_all(b, 5));
		assert_int_equal(int_result(method, BEGET_CALL(replaces, b, 5, 6)), 6);
		assert_true(is_all(b, 6));
		beget_buffer_free(b);
	}
	assert_int_equal(mappings(), 0);
}

static void a_gibibyte_is_what_is_touched(enum beget_method method)
{
	struct beget_buffer *b = make((size_t)1 << 30);

	bytes_of(b)[0] = 3;
	bytes_of(b)[((size_t)1 << 30) - 1] = 4;
	assert_int_equal(int_result(method, BEGET_CALL(sum_of_ends, b)), 7);
	assert_int_equal(int_result(method, BEGET_CALL(writes, b, -1)), 1);
	assert_int_equal(bytes_of(b)[((size_t)1 << 30) - 1], 'w');
	seal(b);
	assert_int_equal(int_result(method, BEGET_CALL(sum_of_ends, b)), 1003 + 'w');
	beget_buffer_free(b);
}

/* Takes turns with the caller: the child writes odd numbers. */
static int counts(struct beget_buffer *b, int to)
{
	atomic_int *n = beget_buffer_data(b);

	for (int seen; (seen = *n) < to;)
		if (seen % 2 == 1)
			++*n;
		else
			usleep(10);
	return *n;
}

static void both_see_both_at_once(enum beget_method method)
{
	struct beget_buffer *b = make(sizeof(atomic_int));
	atomic_int *n = beget_buffer_data(b);
	int64_t end = now_ms() + 20000;

	struct beget_process *p = start(method, BEGET_CALL(counts, b, 200));
	for (int seen; (seen = *n) < 200 && now_ms() < end;)
		if (seen % 2 == 0)
			++*n;
		else
			usleep(10);
	expect_exit(p, 0);
	assert_int_equal(*n, 200);
	beget_buffer_free(b);
}

static int adds(struct beget_buffer *b, size_t index, int times)
{
	atomic_int *n = beget_buffer_data(b);

	for (int i = 0; i < times; i++) {
		n[0]++;
		n[index]++;
	}
	return 0;
}

static void two_children_share(enum beget_method method)
{
	struct beget_buffer *b = make(10000);
	const atomic_int *n = beget_buffer_data(b);
	struct beget_process *p[2];

	p[0] = start(method, BEGET_CALL(adds, b, (size_t)1, 100000));
	p[1] = start(method, BEGET_CALL(adds, b, (size_t)2, 100000));
	expect_exit(p[0], 0);
	expect_exit(p[1], 0);
	assert_true(n[0] == 200000 && n[1] == 100000 && n[2] == 100000);
	beget_buffer_free(b);
}

static int which_are_null(struct beget_buffer *a, struct beget_buffer *b, struct beget_buffer *c)
{
	return !a << 0 | !b << 1 | !c << 2;
}

static struct beget_buffer *null_buffer(void)
{
	return NULL;
}

static void no_buffer(enum beget_method method)
{
	struct beget_buffer *b = make(1), *none = NULL;

	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, none, b, none)), 5);
	assert_int_equal(int_result(method, BEGET_CALL(which_are_null, b, BEGET_NULL(struct beget_buffer *), b)), 2);
	struct beget_process *p = returned(method, BEGET_CALL(null_buffer));
	assert_null(buffer_of(p));
	beget_free(p);
	p = returned(method, BEGET_CALL(gives_back, none));
	assert_null(buffer_of(p));
	beget_free(p);
	beget_buffer_free(b);
	beget_buffer_free(none);
	assert_null(beget_buffer_data(none));
	assert_int_equal(beget_buffer_size(none), 0);
	assert_false(beget_buffer_sealed(none));
	assert_null(beget_buffer_ref(none));
	assert_int_equal(beget_buffer_seal(none), -EINVAL);
	assert_non_null(strstr(beget_error(), "buffer is NULL"));
}

/* One buffer in as many arguments as possible, and one more. */
static void as_many_as_descriptors(enum beget_method method)
{
	struct beget_buffer *b = make(10);
	struct beget_arg args[BEGET_FDS_MAX + 1];
	struct beget_process *p = NULL;
	int result = 0;

	for (int i = 0; i <= BEGET_FDS_MAX; i++)
		args[i] = (struct beget_arg){.type = BEGET_TYPE_BUFFER, .value = &b};
	struct beget_call call = {
		.function = (void (*)(void))sum_of_ends, .result = BEGET_TYPE_INT, .n = BEGET_FDS_MAX, .args = args};
	bytes_of(b)[9] = 7;
	p = returned(method, &call);
	assert_int_equal(beget_result(p, &result), 0);
	assert_int_equal(result, 7);
	beget_free(p);
	call.n++;
	p = NULL;
	assert_int_equal(beget_start(&p, BEGET_OPTIONS(.method = method), &call), -EMSGSIZE);
	assert_non_null(strstr(beget_error(), "253 descriptors, not 254"));
	assert_null(p);
	beget_buffer_free(b);
}

/* Sealing. */

static void sealed_before(enum beget_method method)
{
	struct beget_buffer *b = make(10000);

	memset(beget_buffer_data(b), 2, 10000);
	const void *where = beget_buffer_data(b);
	seal(b);
	seal(b);
	assert_ptr_equal(beget_buffer_data(b), where);
	assert_true(is_all(b, 2));
	assert_int_equal(int_result(method, BEGET_CALL(sum_of_ends, b)), 1004);
	expect_end(start(method, BEGET_CALL(writes, b, 0)), BEGET_SIGNALED, SIGSEGV);
	expect_end(start(method, BEGET_CALL(writes, b, -1)), BEGET_SIGNALED, SIGSEGV);
	seal(b);
	assert_true(is_all(b, 2));
	beget_buffer_free(b);
}

/* A bit for each way in which the memory can be changed; a mapping that can be made writable is a copy. */
static int breaks_in(struct beget_buffer *b)
{
	int fd = beget__buffer_lend(b), open = 0;
	void *data = beget_buffer_data(b);
	size_t n = beget_buffer_size(b);

	open |= (mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) << 0;
	open |= (pwrite(fd, "b", 1, 0) == 1) << 1;
	open |= (ftruncate(fd, (off_t)n * 2) == 0) << 2;
	open |= (ftruncate(fd, (off_t)n / 2) == 0) << 3;
	open |= (fcntl(fd, F_ADD_SEALS, 0) == 0) << 4;
	open |= (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0) << 5;
	if (mprotect(data, n, PROT_READ | PROT_WRITE) == 0)
		memset(data, 'm', n);
	return open;
}

static void no_way_in(enum beget_method method)
{
	struct beget_buffer *b = make(10000);

	memset(beget_buffer_data(b), 2, 10000);
	seal(b);
	assert_int_equal(int_result(method, BEGET_CALL(breaks_in, b)), 0);
	assert_true(is_all(b, 2));
	assert_int_equal(breaks_in(b), 0);
	assert_int_equal(int_result(method == BEGET_FORK ? BEGET_SPAWN : method, BEGET_CALL(sum_of_ends, b)), 1004);
	beget_buffer_free(b);
}

/* The size of an unsealed buffer does not change either. */
static int resizes(struct beget_buffer *b)
{
	int fd = beget__buffer_lend(b);

	return (ftruncate(fd, 100000) == 0) << 0 | (ftruncate(fd, 1) == 0) << 1;
}

static void never_another_size(enum beget_method method)
{
	struct beget_buffer *b = make(10000);

	assert_int_equal(int_result(method, BEGET_CALL(resizes, b)), 0);
	beget_buffer_free(b);
}

static void busy_while_another_can_write(enum beget_method method)
{
	struct beget_buffer *b = make(10000);
	int said[2], go[2];
	char c;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(go), 0);
	bytes_of(b)[0] = 9;
	struct beget_process *p = start(method, BEGET_CALL(holds, b, BEGET_FD(said[1]), BEGET_FD(go[0])));
	assert_int_equal(read(said[0], &c, 1), 1);
	expect_busy(b);
	expect_busy(b);
	assert_int_equal(write(go[1], "g", 1), 1);
	expect_exit(p, 0);
	seal(b);
	assert_int_equal(bytes_of(b)[0], 9);
	beget_buffer_free(b);
	for (int i = 0; i < 2; i++)
		close(said[i]), close(go[i]);
}

static int seals(struct beget_buffer *b)
{
	int error = beget_buffer_seal(b);

	if (!error || beget_buffer_sealed(b))
		return error;
	bytes_of(b)[0] = 'o'; /* not sealed yet */
	return error;
}

static void the_caller_is_in_the_way(enum beget_method method)
{
	struct beget_buffer *b = make(10);

	assert_int_equal(int_result(method, BEGET_CALL(seals, b)), -EBUSY);
	assert_int_equal(bytes_of(b)[0], 'o');
	seal(b);
	assert_int_equal(int_result(method, BEGET_CALL(seals, b)), 0);
	beget_buffer_free(b);
}

/* The buffer is sealed before the child receives it: it arrives in either case. */
static void sealed_on_the_way(enum beget_method method)
{
	for (int i = 0; i < often(60); i++) {
		struct beget_buffer *b = make(10);
		struct beget_process *p = start(method, BEGET_CALL(sum_of_ends, b));
		sleep_ms(i % 5 == 4);
		int error = beget_buffer_seal(b), sum = -1;
		assert_true(error == 0 || error == -EBUSY);
		assert_int_equal(beget_join(p, 10000, NULL), 0);
		if (beget_result(p, &sum) < 0)
			fail_msg("%s", beget_error());
		assert_true(sum == 0 || (sum == 1000 && !error));
		beget_free(p);
		beget_buffer_free(b);
	}
}

/* Results. */

static void made_by_the_child(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++)
		for (int sealed = 0; sealed < 2; sealed++) {
			struct beget_process *p = returned(method, BEGET_CALL(makes, sizes[i], 100 + i, sealed));
			struct beget_buffer *b = buffer_of(p);
			assert_int_equal(beget_buffer_size(b), sizes[i]);
			assert_int_equal(beget_buffer_sealed(b), sealed);
			assert_true(is_all(b, (unsigned char)(100 + i)));
			if (!sealed)
				bytes_of(b)[0] = 1;
			else
				assert_int_equal(breaks_in(b), 0);
			assert_ptr_equal(buffer_of(p), b);
			seal(b);
			beget_free(p);
		}
	assert_int_equal(mappings(), 0);
}

static void kept_beyond_the_handle(enum beget_method method)
{
	struct beget_process *p = returned(method, BEGET_CALL(makes, (size_t)5000, 'k', true));
	struct beget_buffer *b = buffer_of(p);

	assert_ptr_equal(beget_buffer_ref(b), b);
	beget_free(p);
	assert_true(is_all(b, 'k'));
	assert_int_equal(int_result(method, BEGET_CALL(sum_of_ends, b)), 1000 + 2 * 'k');
	assert_ptr_equal(beget_buffer_ref(b), b);
	beget_buffer_free(b);
	assert_true(is_all(b, 'k'));
	beget_buffer_free(b);
	assert_int_equal(mappings(), 0);
}

static void there_and_back(enum beget_method method)
{
	struct beget_buffer *b = make(5000);

	struct beget_process *p = returned(method, BEGET_CALL(gives_back, b));
	struct beget_buffer *again = buffer_of(p);
	assert_ptr_not_equal(again, b);
	assert_int_equal(beget_buffer_size(again), 5000);
	bytes_of(b)[7] = 7;
	assert_int_equal(bytes_of(again)[7], 7); /* the same memory */
	expect_busy(b);
	expect_busy(again);
	beget_free(p);
	seal(b);
	p = returned(method, BEGET_CALL(gives_back, b));
	again = buffer_of(p);
	assert_true(beget_buffer_sealed(again));
	assert_int_equal(bytes_of(again)[7], 7);
	beget_buffer_free(b);
	assert_int_equal(bytes_of(again)[7], 7);
	beget_free(p);
	assert_int_equal(mappings(), 0);
}

static void nobody_asks_for_it(enum beget_method method)
{
	struct beget_process *p = returned(method, BEGET_CALL(makes, (size_t)5000, 'k', true));

	beget_free(p);
	p = start(method, BEGET_CALL(makes, (size_t)5000, 'k', true));
	pid_t pid = beget_pid(p);
	beget_free(p);
	assert_true(process_gone(pid, 10000));
	expect_exit(start(method, BEGET_CALL(abs, 1)), 0); /* reaps */
	assert_int_equal(mappings(), 0);
}

static struct beget_buffer *makes_and_fails(int how)
{
	struct beget_buffer *b = makes(10, 1, true);

	if (how)
		exit(how);
	raise(SIGKILL);
	return b;
}

static void none_of_a_bad_end(enum beget_method method)
{
	struct beget_process *p = start(method, BEGET_CALL(makes_and_fails, 3));
	struct beget_buffer *b = NULL;

	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &b), -ENODATA);
	expect_exit(p, 3);
	expect_end(start(method, BEGET_CALL(makes_and_fails, 0)), BEGET_SIGNALED, SIGKILL);
	assert_null(b);
}

/* What a child with fork inherits. */

static int has_descriptor(struct beget_buffer *b, int count)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		char path[40], name[100];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, name, sizeof(name) - 1);
		name[length > 0 ? length : 0] = '\0';
		n += strstr(name, "memfd:beget") != NULL;
	}
	bytes_of(b)[0] = 'h';
	return count ? n : fcntl(beget__buffer_lend(b), F_GETFD);
}

static void only_the_buffers_of_the_call(enum beget_method method)
{
	struct beget_buffer *b = make(10), *other = make(10);
	struct beget_process *unasked = returned(method, BEGET_CALL(makes, (size_t)10, 'u', true));
	const struct beget_options *o = BEGET_OPTIONS(.method = method, .flags = BEGET_CLOSE_FDS);

	assert_int_equal(int_result_with(o, BEGET_CALL(has_descriptor, b, 1)), 1);
	assert_int_equal(int_result_with(o, BEGET_CALL(has_descriptor, b, 0)), FD_CLOEXEC);
	/* and without the flag it has all except the result's, which the handle owns */
	assert_int_equal(int_result(method, BEGET_CALL(has_descriptor, b, 1)), method == BEGET_FORK ? 2 : 1);
	assert_int_equal(bytes_of(b)[0], 'h');
	assert_true(is_all(buffer_of(unasked), 'u'));
	beget_free(unasked);
	beget_buffer_free(b);
	beget_buffer_free(other);
}

/* Lifetime. */

static void freed_while_a_child_has_it(enum beget_method method)
{
	struct beget_buffer *b = make(10000);
	int said[2], go[2], result = 0;
	char c;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(go), 0);
	bytes_of(b)[0] = 9;
	struct beget_process *p = start(method, BEGET_CALL(holds, b, BEGET_FD(said[1]), BEGET_FD(go[0])));
	beget_buffer_free(b);
	assert_int_equal(mappings(), 0);
	assert_int_equal(read(said[0], &c, 1), 1);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(beget_join(p, 10000, NULL), 0);
	assert_int_equal(beget_result(p, &result), 0);
	assert_int_equal(result, 9);
	beget_free(p);
	for (int i = 0; i < 2; i++)
		close(said[i]), close(go[i]);
}

/* A child passes it to its own child, with each method. */
static int passes_on(struct beget_buffer *b, int method)
{
	struct beget_process *p = NULL, *q = NULL;
	struct beget_buffer *made = NULL;
	int sum = -1;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method), BEGET_CALL(replaces, b, 1, 2)) < 0 ||
	    beget_join(p, 10000, NULL) < 0 || beget_result(p, &sum) < 0 || sum != 2)
		return -1;
	beget_free(p);
	if (beget_start(&q, BEGET_OPTIONS(.method = (enum beget_method)method),
	                BEGET_CALL(makes, (size_t)10, 5, true)) < 0 ||
	    beget_join(q, 10000, NULL) < 0 || beget_result(q, &made) < 0)
		return -2;
	sum = sum_of_ends(made);
	beget_free(q);
	return is_all(b, 2) ? sum : -3;
}

static void nested(enum beget_method method)
{
	struct beget_buffer *b = make(70000);

	for (int inner = 0; inner < 3; inner++) {
		memset(beget_buffer_data(b), 1, 70000);
		assert_int_equal(int_result(method, BEGET_CALL(passes_on, b, inner)), 1010);
		assert_true(is_all(b, 2));
	}
	seal(b);
	beget_buffer_free(b);
}

/* The result of a grandchild is returned to the caller. */
static struct beget_buffer *gets_one(int method)
{
	struct beget_process *p = NULL;
	struct beget_buffer *b = NULL;

	if (beget_start(&p, BEGET_OPTIONS(.method = (enum beget_method)method),
	                BEGET_CALL(makes, (size_t)70000, 'g', true)) < 0 ||
	    beget_join(p, 10000, NULL) < 0 || beget_result(p, &b) < 0)
		return NULL;
	return b; /* the handle of the process is not freed */
}

static void from_a_grandchild(enum beget_method method)
{
	for (int inner = 0; inner < 3; inner++) {
		struct beget_process *p = returned(method, BEGET_CALL(gets_one, inner));
		assert_true(is_all(buffer_of(p), 'g'));
		assert_true(beget_buffer_sealed(buffer_of(p)));
		beget_free(p);
	}
}

static void *owns_for_a_while(void *b)
{
	for (int i = 0; i < 10000; i++)
		beget_buffer_free(beget_buffer_ref(b));
	beget_buffer_free(b);
	return NULL;
}

static void owners_in_threads(enum beget_method method)
{
	struct beget_buffer *b = make(4096);
	pthread_t threads[4];

	(void)method;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, owns_for_a_while, beget_buffer_ref(b)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(bytes_of(b)[0], 0);
	beget_buffer_free(b);
	assert_int_equal(mappings(), 0);
}

/* What cannot be created. */

static void expect_none(size_t size, int error, const char *words)
{
	struct beget_buffer *const untouched = (void *)&error, *b = untouched;
	int got = beget_buffer_create(&b, size);

	if (got != error || b != untouched || !strstr(beget_error(), words))
		fail_msg("%d, not %d: %s", got, error, beget_error());
}

static void sizes_that_cannot_be(enum beget_method method)
{
	not_under_valgrind("it has another errno for a mapping that is too large");
	(void)method;
	expect_none(0, -EINVAL, "size is 0");
	expect_none(SIZE_MAX, -EFBIG, "of 18446744073709551615 bytes: the size exceeds the address space");
	expect_none(PTRDIFF_MAX, -EFBIG, "exceeds the address space");
	expect_none((size_t)PTRDIFF_MAX / 2 + 1, -EFBIG, "exceeds the address space");
	expect_none((size_t)PTRDIFF_MAX / 2, -ENOMEM, "of 4611686018427387903 bytes: ");
	assert_int_equal(beget_buffer_create(NULL, 1), -EINVAL);
	assert_non_null(strstr(beget_error(), "ret is NULL"));
}

static int create_under(beget__libc_resource resource, rlim_t n, size_t size)
{
	struct beget_buffer *b = NULL;
	struct rlimit before, limit;

	getrlimit(resource, &before);
	limit = (struct rlimit){n, before.rlim_max};
	setrlimit(resource, &limit);
	int error = beget_buffer_create(&b, size);
	setrlimit(resource, &before);
	beget_buffer_free(b);
	return error;
}

static void limits(enum beget_method method)
{
	(void)method;
	not_under_valgrind("it has descriptors and memory of its own");
	assert_int_equal(create_under(RLIMIT_NOFILE, 0, 10), -EMFILE);
	assert_non_null(strstr(beget_error(), strerror(EMFILE)));
#ifndef __SANITIZE_ADDRESS__ /* the address sanitizer allocates memory at any time */
	assert_int_equal(create_under(RLIMIT_AS, 4096, 64 << 20), -ENOMEM);
#endif
	assert_int_equal(create_under(RLIMIT_FSIZE, 4096, 4097), -EFBIG);
	assert_non_null(strstr(beget_error(), "of 4097 bytes"));
	assert_int_equal(create_under(RLIMIT_FSIZE, 4096, 4096), 0);
	assert_int_equal(mappings(), 0);
}

static void each_call_fails(enum beget_method method)
{
	static const struct {
		const char *call;
		int error;
	} calls[] = {{" alloc ", ENOMEM},
	             {" ftruncate ", ENOSPC},
	             {" mmap ", ENOMEM},
	             {" memfd_create open ", EMFILE},
	             {" seal ", EPERM}};

	(void)method;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		fault_every(calls[i].call, calls[i].error);
		if (calls[i].error == EPERM) {
			struct beget_buffer *b = make(10);
			assert_int_equal(beget_buffer_seal(b), -EPERM);
			assert_false(beget_buffer_sealed(b));
			bytes_of(b)[0] = 1; /* it is not sealed and usable as before */
			beget_buffer_free(b);
		} else {
			expect_none(10, -calls[i].error, "cannot create a buffer of 10 bytes: ");
		}
		assert_int_equal(fault_off() > 0, 1);
	}
	struct beget_buffer *b = make(10);
	fault_nth(" mmap ", 1, ENOMEM);
	assert_int_equal(beget_buffer_seal(b), -ENOMEM);
	fault_off();
	bytes_of(b)[0] = 1;
	seal(b);
	beget_buffer_free(b);
	assert_int_equal(mappings(), 0);
}

/* There is no descriptor number for the result: everything else arrives. */
static struct beget_buffer *makes_and_tells(int *n, struct beget_fd go)
{
	char c;

	*n = read(go.fd, &c, 1) == 1 ? 6 : 7;
	return makes(10, 1, true);
}

static void no_place_for_the_result(enum beget_method method)
{
	struct beget_buffer *b = NULL;
	struct rlimit before;
	int n = 5, fds[1100], used = 0, go[2];

	not_under_valgrind("it has descriptors of its own");
	assert_int_equal(pipe(go), 0);
	struct beget_process *p = start(method, BEGET_CALL(makes_and_tells, BEGET_OUT(&n), BEGET_FD(go[0])));
	(void)beget_pid(p); /* it has reported its birth */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, before.rlim_max});
	while (used < 1100 && (fds[used] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		used++;
	bool sent = write(go[1], "g", 1) == 1;
	int joined = beget_join(p, 10000, NULL), error = beget_result(p, &b), again = beget_result(p, &b);
	bool said = strstr(beget_error(), strerror(EMFILE)) != NULL;
	while (used > 0)
		close(fds[--used]);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_true(sent);
	assert_int_equal(joined, 0);
	if (n != 6 || error != -EMFILE || again != -EMFILE || !said)
		fail_msg("%d, %d, %d, %d", n, error, again, said);
	assert_null(b);
	expect_exit(p, 0);
	close(go[0]);
	close(go[1]);
}

/* Without memfd_create: the same results. */

static struct beget_buffer *makes_without(size_t n, int byte, int sealed)
{
	fault_every(" memfd_create ", ENOSYS);
	return makes(n, byte, sealed);
}

static struct beget_buffer *make_without(size_t size)
{
	fault_every(" memfd_create ", ENOSYS);
	struct beget_buffer *b = make(size);
	assert_int_equal(fault_off(), 1);
	return b;
}

static void temporary_files(enum beget_method method)
{
	for (int i = 0; i < SIZES; i++) {
		struct beget_buffer *b = make_without(sizes[i]);
		assert_int_equal(int_result(method, BEGET_CALL(replaces, b, 0, 5)), 5);
		assert_true(is_all(b, 5));
		expect_busy(b); /* permanently, because another process had it */
		beget_buffer_free(b);
		b = make_without(sizes[i]);
		memset(beget_buffer_data(b), 6, sizes[i]);
		seal(b);
		seal(b);
		assert_int_equal(int_result(method, BEGET_CALL(sum_of_ends, b)), 1012);
		expect_end(start(method, BEGET_CALL(writes, b, 0)), BEGET_SIGNALED, SIGSEGV);
		assert_true(is_all(b, 6));
		beget_buffer_free(b);
		struct beget_process *p = returned(method, BEGET_CALL(makes_without, sizes[i], 7, i % 2));
		assert_true(is_all(buffer_of(p), 7));
		assert_int_equal(beget_buffer_sealed(buffer_of(p)), i % 2);
		beget_free(p);
	}
	assert_int_equal(mappings(), 0);
}

/* A forked child has it as well. */
static void a_temporary_file_that_is_shared(enum beget_method method)
{
	struct beget_buffer *b = make_without(10);
	int said[2], go[2];
	char c;

	assert_int_equal(pipe(said), 0);
	assert_int_equal(pipe(go), 0);
	struct beget_process *p = start(method, BEGET_CALL(holds, b, BEGET_FD(said[1]), BEGET_FD(go[0])));
	assert_int_equal(read(said[0], &c, 1), 1);
	expect_busy(b);
	assert_int_equal(write(go[1], "g", 1), 1);
	expect_exit(p, 0);
	assert_int_equal(int_result(method, BEGET_CALL(seals, b)), -EBUSY);
	assert_int_equal(bytes_of(b)[0], 'o');
	beget_buffer_free(b);
	for (int i = 0; i < 2; i++)
		close(said[i]), close(go[i]);
}

int main(int argc, char **argv)
{
	static const struct behaviour table[] = {
		BEHAVIOUR(each_size),
		BEHAVIOUR(a_gibibyte_is_what_is_touched),
		BEHAVIOUR(both_see_both_at_once),
		BEHAVIOUR(two_children_share),
		BEHAVIOUR(no_buffer),
		BEHAVIOUR(as_many_as_descriptors),
		BEHAVIOUR(sealed_before),
		BEHAVIOUR(no_way_in),
		BEHAVIOUR(never_another_size),
		BEHAVIOUR(busy_while_another_can_write),
		BEHAVIOUR(the_caller_is_in_the_way),
		BEHAVIOUR(sealed_on_the_way),
		BEHAVIOUR(made_by_the_child),
		BEHAVIOUR(kept_beyond_the_handle),
		BEHAVIOUR(there_and_back),
		BEHAVIOUR(nobody_asks_for_it),
		BEHAVIOUR(none_of_a_bad_end),
		BEHAVIOUR(only_the_buffers_of_the_call),
		BEHAVIOUR(freed_while_a_child_has_it),
		BEHAVIOUR(nested),
		BEHAVIOUR(from_a_grandchild),
		BEHAVIOUR_OF(owners_in_threads, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(sizes_that_cannot_be, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(limits, BY(BEGET_FORKSERVER)),
		BEHAVIOUR_OF(each_call_fails, BY(BEGET_FORKSERVER)),
		BEHAVIOUR(no_place_for_the_result),
		BEHAVIOUR(temporary_files),
		BEHAVIOUR(a_temporary_file_that_is_shared),
	};

	beget_init(argc, argv);
	return run_behaviours(table, sizeof(table) / sizeof(*table));
}
