/* A buffer over a file from another process: sealed or not, even if that changes meanwhile. A file that does not match
 * what was announced is refused and closed. */
#include "call/buffer.h"
#include "os/fault.h"
#include "fault.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct beget_buffer *make(size_t size)
{
	struct beget_buffer *b = NULL;

	assert_int_equal(beget_buffer_create(&b, size), 0);
	return b;
}

static int sent(struct beget_buffer *b)
{
	return fcntl(beget__buffer_lend(b), F_DUPFD_CLOEXEC, 3);
}

static void adopted(void)
{
	struct beget_buffer *b = make(5000), *other = NULL;

	assert_int_equal(beget__buffer_adopt(sent(b), 5000, &other), 0);
	((char *)beget_buffer_data(b))[4999] = 'x';
	assert_int_equal(((char *)beget_buffer_data(other))[4999], 'x');
	assert_false(beget_buffer_sealed(other));
	beget_buffer_free(other);
	assert_int_equal(beget_buffer_seal(b), 0);
	assert_int_equal(beget__buffer_adopt(sent(b), 5000, &other), 0);
	assert_true(beget_buffer_sealed(other));
	assert_int_equal(((char *)beget_buffer_data(other))[4999], 'x');
	beget_buffer_free(other);
	beget_buffer_free(b);
}

/* The sender cannot truncate the file later. */
static void not_cut_later(void)
{
	int fd = memfd_create("cut", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct beget_buffer *b = NULL;

	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(beget__buffer_adopt(fcntl(fd, F_DUPFD_CLOEXEC, 3), 8192, &b), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(((char *)beget_buffer_data(b))[8191], 0);
	beget_buffer_free(b);
	close(fd);
}

static struct beget_buffer *seals_it;

/* Called before the mapping, after the library has seen that the file is writable. */
static int seal_meanwhile(const char *call)
{
	struct beget_buffer *b = seals_it;

	if (b && strcmp(call, "mmap") == 0) {
		seals_it = NULL;
		beget_buffer_seal(b);
	}
	return 0;
}

static void sealed_meanwhile(void)
{
	struct beget_buffer *b = make(5000), *other = NULL;

	((char *)beget_buffer_data(b))[4999] = 'y';
	seals_it = b;
	beget__fault_hook = seal_meanwhile;
	int error = beget__buffer_adopt(sent(b), 5000, &other);
	beget__fault_hook = NULL;
	assert_null(seals_it);
	assert_true(beget_buffer_sealed(b));
	assert_int_equal(error, 0);
	assert_true(beget_buffer_sealed(other));
	assert_int_equal(((char *)beget_buffer_data(other))[4999], 'y');
	beget_buffer_free(other);
	beget_buffer_free(b);
}

static void expect_refused(int fd, size_t size, int error)
{
	struct beget_buffer *const untouched = (void *)&error, *b = untouched;

	assert_true(fd >= 0);
	assert_int_equal(beget__buffer_adopt(fd, size, &b), error);
	assert_ptr_equal(b, untouched);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* it is closed */
}

static void what_is_no_buffer(void)
{
	struct beget_buffer *b = make(5000);
	int ends[2];

	expect_refused(sent(b), 0, -EBADMSG);
	expect_refused(sent(b), 5001, -EINVAL);
	expect_refused(sent(b), SIZE_MAX, -EINVAL);
	expect_refused(sent(b), (size_t)1 << 63, -EINVAL);
	assert_int_equal(pipe(ends), 0);
	expect_refused(ends[0], 10, -EINVAL);
	expect_refused(ends[1], 10, -EINVAL);
	expect_refused(open("/", O_RDONLY | O_DIRECTORY), (size_t)1 << 40, -EINVAL);
	expect_refused(open("/dev/null", O_RDWR), 10, -EINVAL);
	fault_nth(" alloc ", 1, ENOMEM);
	expect_refused(sent(b), 5000, -ENOMEM);
	fault_nth(" mmap ", 1, ENOMEM);
	expect_refused(sent(b), 5000, -ENOMEM);
	fault_off();
	beget_buffer_free(b);
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(adopted),
		UNIT(not_cut_later),
		UNIT(sealed_meanwhile),
		UNIT(what_is_no_buffer),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
