/* What the fuzzers share. Each is LLVMFuzzerTestOneInput of one fuzz_<file>.c, linked either with libFuzzer (make fuzz)
 * or with replay.c, which runs the seeds and the corpus as a test (make test).
 *
 * A finding is an abort: a check of a fuzzer, a sanitizer, or more memory than the budget. */
#ifndef FUZZ_H
#define FUZZ_H

#include "call/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes inputs with the library's own writers, so that they follow every change of a format. */
void fuzz_seeds(void);
extern void (*fuzz_seed)(const char *name, const void *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : fuzz_stop(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_stop(const char *what, const char *file, int line);

/* An input, read front to back; zeros behind its end. */
struct fuzz_input {
	const uint8_t *at, *end;
};
unsigned fuzz_byte(struct fuzz_input *);
uint64_t fuzz_number(struct fuzz_input *, size_t bytes);

/* A place for one message, as aligned as any: behind its end the address sanitizer watches. */
enum { FUZZ_MOST = 1 << 18 };
struct fuzz_room {
	_Alignas(BEGET__ALIGN_MAX) char bytes[FUZZ_MOST];
	size_t size;
};
char *fuzz_place(struct fuzz_room *, const void *data, size_t size); /* cut to FUZZ_MOST */
bool fuzz_place_written(struct fuzz_room *, struct beget__writer *); /* and frees the writer; false: too large */
void fuzz_expect_inside(const struct fuzz_room *, const void *, size_t);
void fuzz_expect_string(const struct fuzz_room *, const char *); /* NULL allowed */

/* What the library may allocate from here on; SIZE_MAX: no matter. The n-th allocation from here fails; 0: none. */
void fuzz_budget(size_t bytes);
void fuzz_budget_for(size_t message); /* what a message of that size justifies */
void fuzz_no_memory(unsigned n);

/* What the library has mapped and not unmapped; it unmaps what it mapped and nothing else. */
size_t fuzz_mapped(void);

/* The type codes that are tried: more than there are, so that a new one is tried without a change here. */
enum { FUZZ_LAST = BEGET_TYPE_STRINGS, FUZZ_TYPES = FUZZ_LAST + 16 };

/* Descriptors that no call of the kernel is made with. */
enum { FUZZ_FD = 100000, FUZZ_FDS = 64 };
struct fuzz_fds {
	int numbers[FUZZ_FDS];
	struct beget__fds fds;
};
struct beget__fds *fuzz_fds(struct fuzz_fds *, unsigned n); /* n that arrived */

/* A value of that type, made of the input; what it points to stays. False: it is no type that a writer takes, or one
 * that fuzz.c does not know to make. */
bool fuzz_derive(struct fuzz_input *, unsigned type, struct beget_arg *, union beget__value *);

/* What a value that was read points to lies in its message; two values are the same. A type that points to something
 * gets a line in each. */
void fuzz_expect_value(const struct fuzz_room *, const struct beget_arg *, const union beget__value *);
bool fuzz_same(const struct beget_arg *, const union beget__value *, const union beget__value *);

/* Whether a value that was read can be written as it is: not one that only names something. */
bool fuzz_writes(const struct beget_arg *, const union beget__value *);

/* The descriptors that are open are those that were when they were counted: the fuzzer's engine has its own. */
void fuzz_count_descriptors(void);
void fuzz_expect_descriptors(void);

#endif
