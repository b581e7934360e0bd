/* Common code of the fuzzers. Each is LLVMFuzzerTestOneInput in fuzz_<file>.c, linked either with libFuzzer (make fuzz)
 * or with replay.c, which runs the seeds and the corpus as a test (make test).
 *
 * A finding is an abort: by a check of the fuzzer, by a sanitizer, or by an allocation beyond the budget. */
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

/* An input, read from front to back; zeros follow its end. */
struct fuzz_input {
	const uint8_t *at, *end;
};
unsigned fuzz_byte(struct fuzz_input *);
uint64_t fuzz_number(struct fuzz_input *, size_t bytes);

/* Memory for one message, with the strictest alignment; the address sanitizer checks accesses past its end. */
enum { FUZZ_MOST = 1 << 18 };
struct fuzz_room {
	_Alignas(BEGET__ALIGN_MAX) char bytes[FUZZ_MOST];
	size_t size;
};
char *fuzz_place(struct fuzz_room *, const void *data, size_t size); /* truncated to FUZZ_MOST */
bool fuzz_place_written(struct fuzz_room *, struct beget__writer *); /* also frees the writer; false: too large */
void fuzz_expect_inside(const struct fuzz_room *, const void *, size_t);
void fuzz_expect_string(const struct fuzz_room *, const char *); /* may be NULL */

/* From now on, the library may allocate this much (SIZE_MAX: no limit), and its n-th allocation fails (0: none). */
void fuzz_budget(size_t bytes);
void fuzz_budget_for(size_t message); /* as much as a message of that size justifies */
void fuzz_no_memory(unsigned n);

/* The memory that the library has mapped and not unmapped. It must unmap exactly what it has mapped. */
size_t fuzz_mapped(void);

/* The type codes to try: more than there are, so that a new one is tried without a change here. */
enum { FUZZ_LAST = BEGET_TYPE_STRINGS, FUZZ_TYPES = FUZZ_LAST + 16 };

/* Numbers that are not open descriptors; no system call uses them. */
enum { FUZZ_FD = 100000, FUZZ_FDS = 64 };
struct fuzz_fds {
	int numbers[FUZZ_FDS];
	struct beget__fds fds;
};
struct beget__fds *fuzz_fds(struct fuzz_fds *, unsigned n); /* n descriptors that were received */

/* Derives a value of that type from the input; the memory that it points to stays valid. False: a writer does not
 * accept the type, or fuzz.c cannot create it. */
bool fuzz_derive(struct fuzz_input *, unsigned type, struct beget_arg *, union beget__value *);

/* Checks that a value that was read points into its message; and that two values are equal. Each type with pointers has
 * a case in both. */
void fuzz_expect_value(const struct fuzz_room *, const struct beget_arg *, const union beget__value *);
bool fuzz_same(const struct beget_arg *, const union beget__value *, const union beget__value *);

/* True if a value that was read can be written again: not if it only refers to something. */
bool fuzz_writes(const struct beget_arg *, const union beget__value *);

/* Counts the open descriptors; later checks expect the same number, because the fuzzing engine has some of its own. */
void fuzz_count_descriptors(void);
void fuzz_expect_descriptors(void);

#endif
