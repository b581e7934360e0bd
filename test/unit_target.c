/* Functions by module, build-id and offset: a function that was found is found again, code in no module is refused, and
 * a name that does not fit the loaded modules is an error, never an address. */
#include "os/fail.h"
#include "program/target.h"
#include "library.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

static int some_data = 5;

static int twice(int n)
{
	return 2 * n;
}

static struct beget__target found(function f)
{
	struct beget__target t;

	memset(&t, 0x55, sizeof(t));
	if (beget__target_find(f, false, &t))
		fail_msg("%s", beget_error());
	return t;
}

static void expect_again(const struct beget__target *t, function f)
{
	function here = NULL;

	assert_int_equal(beget__target_resolve(t, &here), 0);
	assert_ptr_equal(here, f);
}

static void expect_none(const struct beget__target *t, int error)
{
	function here = NULL;
	int got = beget__target_resolve(t, &here);

	if (got != error)
		fail_msg("%d, not %d: %s", got, error, beget_error());
	assert_null(here);
	assert_int_equal(beget__fail_last()->code, error);
}

static void in_the_program(void)
{
	struct beget__target t = found((function)twice);

	assert_string_equal(t.module, "");
	assert_true(t.build.size > 0);
	expect_again(&t, (function)twice);
}

static void in_a_library(void)
{
	struct beget__target t = found((function)div), other = found((function)ldiv);

	assert_non_null(strstr(t.module, "/" LIBC_NAME));
	expect_again(&t, (function)div);
	expect_again(&other, (function)ldiv);
	assert_memory_equal(t.build.id, other.build.id, t.build.size); /* both have the same build-id */
	assert_true(t.offset != other.offset);
}

/* A library is recognised under any path. */
static void by_another_path(void)
{
	struct beget__target t = found((function)div);

	t.module = "/somewhere/else/libc.so.6";
	expect_again(&t, (function)div);
}

static void in_no_module(void)
{
	struct beget__target t;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *const none[] = {NULL, page, page + 100, &some_data, &t, (void *)1, (void *)UINTPTR_MAX};

	assert_ptr_not_equal(page, MAP_FAILED);
	page[0] = (char)0xc3; /* a closure, as libffi or a JIT compiler would write it */
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		function f;
		memcpy(&f, &none[i], sizeof(f));
		assert_int_equal(beget__target_find(f, false, &t), -EOPNOTSUPP);
	}
	munmap(page, 4096);
}

/* The kernel's own pages (the vDSO) are a module like any other, the same in every process. */
static void in_the_vdso(void)
{
	const ElfW(Ehdr) *e = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct beget__target t;

	if (!e)
		skip();
	function f = (function)((uintptr_t)e + e->e_entry);
	for (const ElfW(Phdr) *p = (const void *)((const char *)e + e->e_phoff), *past = p + e->e_phnum; p < past; p++)
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X))
			f = (function)((uintptr_t)e + p->p_offset + p->p_filesz - 16);
	if (beget__target_find(f, false, &t) == 0)
		expect_again(&t, f);
	else
		assert_int_equal(beget__fail_last()->code, -EOPNOTSUPP);
}

static void another_build(void)
{
	static const function functions[] = {(function)twice, (function)div};

	for (int i = 0; i < 2; i++) {
		struct beget__target t = found(functions[i]);
		t.build.id[0] ^= 1;
		expect_none(&t, -ESTALE);
		t.build.id[0] ^= 1;
		t.build.id[t.build.size - 1] ^= 0x80;
		expect_none(&t, -ESTALE);
		t.build.id[t.build.size - 1] ^= 0x80;
		t.build.size--;
		expect_none(&t, -ESTALE);
		t.build.size = 0;
		expect_none(&t, -ESTALE);
	}
}

static void no_such_module(void)
{
	struct beget__target t = found((function)div);

	t.module = "/no/such/module.so";
	t.build.id[0] ^= 1;
	expect_none(&t, -ENOENT);
	assert_non_null(strstr(beget_error(), "/no/such/module.so"));
}

/* Some linkers put the headers into the segment of the code. */
static bool headers_are_code(void)
{
	const ElfW(Phdr) *p = (const void *)getauxval(AT_PHDR);

	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		if (p[i].p_type == PT_LOAD && p[i].p_offset == 0)
			return p[i].p_flags & PF_X;
	return false;
}

/* Data, headers, the ends of the code, and far away: these are not turned into addresses. */
static void no_code_there(void)
{
	static const uint64_t offsets[] = {0, 16, UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 40};
	struct beget__target t = found((function)twice);
	uint64_t good = t.offset;

	for (size_t i = headers_are_code() ? 2 : 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		t.offset = offsets[i];
		expect_none(&t, -ESTALE);
	}
	t.offset = good + ((uintptr_t)&some_data - (uintptr_t)twice);
	expect_none(&t, -ESTALE);
}

/* A library's function is recognised by its contents. The program is never taken for a library, nor a library for the
 * program. */
static void of_another_module(void)
{
	struct beget__target t = found((function)twice), lib = found((function)div);

	lib.module = "";
	expect_none(&lib, -ESTALE);
	t.module = lib.module;
	t.build.id[0] ^= 1;
	expect_none(&t, -ESTALE);
}

static void without_a_build_id(void)
{
	void *library = load(built("no_build_id.so"));
	function add = symbol(library, "plain_add"), multiply = symbol(library, "plain_multiply");
	struct beget__target t = found(add), other = found(multiply);

	assert_non_null(strstr(t.module, "no_build_id.so"));
	assert_int_equal(t.build.size, 8);
	assert_memory_not_equal(t.build.id, other.build.id, 8); /* by their own first bytes */
	expect_again(&t, add);
	expect_again(&other, multiply);
	struct beget__target moved = t;
	moved.offset = other.offset; /* that offset has another function */
	expect_none(&moved, -ESTALE);
	char module[PATH_MAX];
	snprintf(module, sizeof(module), "%s", t.module);
	t.module = module;
	dlclose(library);
#ifdef __GLIBC__ /* musl never unloads */
	expect_none(&t, -ENOENT);
#endif
}

static void as_bytes(void)
{
	struct beget__target t = found((function)div), back;
	struct beget__writer w = {0};
	const struct iovec *iov = NULL;

	beget__target_put(&w, &t);
	assert_int_equal(beget__bytes_finish(&w, &iov), 1);
	struct beget__reader r = {iov->iov_base, 0, iov->iov_len, false};
	beget__target_get(&r, &back);
	assert_false(r.bad);
	assert_int_equal(r.at, r.size);
	assert_string_equal(back.module, t.module);
	expect_again(&back, (function)div);
	for (size_t n = 0; n < iov->iov_len; n++) {
		r = (struct beget__reader){iov->iov_base, 0, n, false};
		beget__target_get(&r, &back);
		assert_true(r.bad);
	}
	beget__bytes_free(&w);
}

static void bytes_that_lie(void)
{
	static const uint32_t sizes[] = {sizeof(((struct beget__target *)NULL)->build.id) + 1, 1000, UINT32_MAX};
	static const char zeros[2000];
	struct beget__target t;

	for (size_t i = 0; i <= sizeof(sizes) / sizeof(*sizes); i++) {
		struct beget__writer w = {0};
		const struct iovec *iov = NULL;
		bool nameless = i == sizeof(sizes) / sizeof(*sizes);
		beget__bytes_put_string(&w, nameless ? NULL : "module");
		beget__bytes_put_u64(&w, 0);
		beget__bytes_put_u32(&w, nameless ? 8 : sizes[i]);
		beget__bytes_put(&w, zeros, sizeof(zeros));
		assert_int_equal(beget__bytes_finish(&w, &iov), 1);
		struct beget__reader r = {iov->iov_base, 0, iov->iov_len, false};
		beget__target_get(&r, &t);
		assert_true(r.bad);
		beget__bytes_free(&w);
	}
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(in_the_program), UNIT(in_a_library),   UNIT(by_another_path),   UNIT(in_no_module),
		UNIT(in_the_vdso),    UNIT(another_build),  UNIT(no_such_module),    UNIT(no_code_there),
		UNIT(as_bytes),       UNIT(bytes_that_lie), UNIT(of_another_module), UNIT(without_a_build_id),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
