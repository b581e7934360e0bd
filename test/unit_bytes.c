/* Bounded bytes: the reader returns what the writer collected, large data are not copied, and no read leaves the
 * message, however hostile the bytes. */
#include "wire/bytes.h"
#include "fault.h"
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

/* The message as one piece; the caller frees it. */
static char *gather(struct beget__writer *w, size_t *size)
{
	const struct iovec *iov = NULL;
	int n = beget__bytes_finish(w, &iov);
	char *all = malloc(w->total + 1), *at = all;

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	*size = (size_t)(at - all);
	assert_int_equal(*size, w->total);
	return all;
}

static void comes_back(void)
{
	struct beget__writer w = {0};
	size_t size;

	beget__bytes_put_u32(&w, 0xfedcba98u);
	beget__bytes_put_string(&w, "name");
	beget__bytes_put_u64(&w, UINT64_MAX - 1);
	beget__bytes_put_string(&w, NULL);
	beget__bytes_put_string(&w, "");
	beget__bytes_put(&w, "xyz", 3);
	char *all = gather(&w, &size);
	struct beget__reader r = {all, 0, size, false};
	char run[3];
	assert_int_equal(beget__bytes_get_u32(&r), 0xfedcba98u);
	assert_string_equal(beget__bytes_get_string(&r), "name");
	assert_true(beget__bytes_get_u64(&r) == UINT64_MAX - 1);
	assert_null(beget__bytes_get_string(&r));
	assert_string_equal(beget__bytes_get_string(&r), "");
	beget__bytes_get(&r, run, sizeof(run));
	assert_memory_equal(run, "xyz", 3);
	assert_false(r.bad);
	assert_int_equal(r.at, r.size);
	free(all);
	beget__bytes_free(&w);
}

static void an_empty_message(void)
{
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;

	beget__bytes_put(&w, NULL, 0);
	assert_int_equal(beget__bytes_finish(&w, &iov), 0);
	beget__bytes_free(&w);
}

static void large_runs_are_not_copied(void)
{
	static char large[BEGET__FAR], less[BEGET__FAR - 1];
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;

	beget__bytes_put_u32(&w, 1);
	beget__bytes_put(&w, less, sizeof(less));
	beget__bytes_put(&w, large, sizeof(large));
	beget__bytes_put_u32(&w, 2);
	assert_int_equal(beget__bytes_finish(&w, &iov), 3);
	assert_int_equal(iov[0].iov_len, 4 + sizeof(less));
	assert_ptr_not_equal(iov[0].iov_base, less);
	assert_ptr_equal(iov[1].iov_base, large);
	assert_int_equal(iov[1].iov_len, sizeof(large));
	assert_int_equal(iov[2].iov_len, 4);
	assert_memory_equal(iov[2].iov_base, &(uint32_t){2}, 4); /* it may have any alignment */
	beget__bytes_free(&w);
}

/* Copied bytes move as they grow, while pieces point into them and large data are in between. */
static void many_of_both(void)
{
	enum { N = 2000 };
	static char large[BEGET__FAR];
	struct beget__writer w = {0};
	size_t size;

	for (uint32_t i = 0; i < N; i++) {
		beget__bytes_put_u32(&w, i);
		if (i % 7 == 0)
			beget__bytes_put(&w, large, sizeof(large));
	}
	char *all = gather(&w, &size);
	struct beget__reader r = {all, 0, size, false};
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(beget__bytes_get_u32(&r), i);
		if (i % 7 == 0)
			assert_memory_equal(beget__bytes_get_view(&r, sizeof(large)), large, sizeof(large));
	}
	assert_false(r.bad);
	assert_int_equal(r.at, r.size);
	free(all);
	beget__bytes_free(&w);
}

static void both_sides_align_alike(void)
{
	for (size_t align = 1; align <= BEGET__ALIGN_MAX; align *= 2)
		for (size_t before = 0; before < 70; before += 3) {
			static const char junk[70];
			struct beget__writer w = {0};
			size_t size;
			beget__bytes_put(&w, junk, before);
			beget__bytes_put_align(&w, align);
			assert_int_equal(w.total % align, 0);
			assert_true(w.total - before < align);
			beget__bytes_put_u32(&w, 7);
			char *all = gather(&w, &size);
			struct beget__reader r = {all, before, size, false};
			beget__bytes_get_align(&r, align);
			assert_int_equal(beget__bytes_get_u32(&r), 7);
			assert_false(r.bad);
			free(all);
			beget__bytes_free(&w);
		}
}

static void the_end_is_the_end(void)
{
	char seven[7] = {1, 2, 3, 4, 5, 6, 7}, out[8];
	struct beget__reader r = {seven, 0, sizeof(seven), false};

	assert_true(beget__bytes_get_u32(&r) != 0);
	assert_int_equal(beget__bytes_get_u32(&r), 0);
	assert_true(r.bad);
	memset(out, 0xff, sizeof(out));
	beget__bytes_get(&r, out, 1); /* the data are there, but the message is already bad */
	assert_int_equal(out[0], 0);
	assert_null(beget__bytes_get_view(&r, 0));
	assert_null(beget__bytes_get_string(&r));
	r = (struct beget__reader){seven, 0, sizeof(seven), false};
	assert_int_equal(beget__bytes_get_u64(&r), 0);
	assert_true(r.bad);
	r = (struct beget__reader){seven, 3, sizeof(seven), false};
	beget__bytes_get_align(&r, 8);
	assert_true(r.bad);
}

static void lengths_that_lie(void)
{
	static const uint64_t lies[] = {UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63, UINT64_C(1) << 32, 9};
	struct {
		uint64_t size;
		char text[8];
	} m = {.text = "1234567"};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		struct beget__reader r = {(const char *)&m, 0, sizeof(m), false};
		m.size = lies[i];
		assert_null(beget__bytes_get_string(&r));
		assert_true(r.bad);
		r = (struct beget__reader){(const char *)&m, 8, sizeof(m), false};
		assert_null(beget__bytes_get_view(&r, lies[i]));
		assert_true(r.bad);
	}
}

static void strings_that_lie(void)
{
	static const char *const texts[] = {"1234567x",
	                                    "123\0"
	                                    "567",
	                                    "\0"
	                                    "234567"};
	struct {
		uint64_t size;
		char text[8];
	} m = {.size = 8};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct beget__reader r = {(const char *)&m, 0, sizeof(m), false};
		memcpy(m.text, texts[i], 8); /* unterminated, or terminated too early */
		assert_null(beget__bytes_get_string(&r));
		assert_true(r.bad);
	}
}

static void failures_stick(void)
{
	static char large[BEGET__FAR];

	for (int n = 1;; n++) {
		struct beget__writer w = {0};
		const struct iovec *iov = NULL;
		fault_nth(" alloc ", n, ENOMEM);
		for (uint32_t i = 0; i < 1000; i++) {
			beget__bytes_put_u32(&w, i);
			beget__bytes_put(&w, large, i % 10 ? 0 : sizeof(large));
		}
		int hit = fault_off();
		size_t total = w.total;
		beget__bytes_put_u32(&w, 1);
		int pieces = beget__bytes_finish(&w, &iov);
		if (hit) {
			assert_int_equal(pieces, -ENOMEM);
			assert_int_equal(w.total, total);
		}
		beget__bytes_free(&w);
		if (!hit) {
			assert_true(n > 5 && pieces > 0);
			break;
		}
	}
}

static void too_large_to_count(void)
{
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;

	beget__bytes_put(&w, "", SIZE_MAX / 2);
	beget__bytes_put_u32(&w, 1);
	assert_int_equal(beget__bytes_finish(&w, &iov), -EOVERFLOW);
	beget__bytes_free(&w);
}

static void alignment_of_sizes(void)
{
	static const size_t pairs[][2] = {{0, 1},   {1, 1},       {2, 2},       {3, 1},    {12, 4},
	                                  {64, 64}, {4096, 4096}, {8192, 4096}, {8200, 8}, {SIZE_MAX, 1}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		assert_int_equal(beget__bytes_align_of(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(comes_back),         UNIT(an_empty_message),   UNIT(large_runs_are_not_copied),
		UNIT(many_of_both),       UNIT(the_end_is_the_end), UNIT(both_sides_align_alike),
		UNIT(lengths_that_lie),   UNIT(strings_that_lie),   UNIT(failures_stick),
		UNIT(too_large_to_count), UNIT(alignment_of_sizes),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
