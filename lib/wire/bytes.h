/* Bounded bytes: a writer that gathers a message, a reader that can never leave one.
 * Knows no message and no socket. */
#ifndef BEGET__BYTES_H
#define BEGET__BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Runs of this size and more are not copied: the writer refers to the caller's memory. */
#define BEGET__FAR 4096

/* The most that an object is aligned to in a message. */
#define BEGET__ALIGN_MAX 4096

/* Zero is an empty writer. The first failure sticks in error (-ENOMEM, -EOVERFLOW); later puts do nothing. */
struct beget__writer {
	char *near; /* all that was copied, in order */
	size_t used, room;
	struct iovec *pieces; /* what was copied has no base before the end */
	int n, pieces_room;
	size_t total;
	int error;
	bool foreign;        /* for another program: what this one has loaded, the reader has not */
	struct iovec few[4]; /* small messages allocate nothing */
	char first[1024];
};

void beget__bytes_put(struct beget__writer *, const void *, size_t);
void beget__bytes_put_u32(struct beget__writer *, uint32_t);
void beget__bytes_put_u64(struct beget__writer *, uint64_t);
void beget__bytes_put_align(struct beget__writer *, size_t align);  /* a power of two */
void beget__bytes_put_string(struct beget__writer *, const char *); /* NULL allowed */
/* The message as n pieces; *ret belongs to the writer. */
int beget__bytes_finish(struct beget__writer *, const struct iovec **ret);
/* The message in one piece, to be freed; NULL: no memory. */
char *beget__bytes_flatten(struct beget__writer *, size_t *size);
void beget__bytes_free(struct beget__writer *);

/* A reader over size bytes at base. A read past the end gives zeros and sets bad, which sticks. */
struct beget__reader {
	const char *base;
	size_t at, size;
	bool bad;
};

uint32_t beget__bytes_get_u32(struct beget__reader *);
uint64_t beget__bytes_get_u64(struct beget__reader *);
void beget__bytes_get(struct beget__reader *, void *, size_t);
void beget__bytes_get_align(struct beget__reader *, size_t align);
/* The next n bytes where they lie; NULL if they are not there. */
const void *beget__bytes_get_view(struct beget__reader *, uint64_t n);
/* A string where it lies, checked for its end; NULL for a NULL string. */
const char *beget__bytes_get_string(struct beget__reader *);

/* The alignment that any object of this size can need: C keeps sizes multiples of alignments. */
size_t beget__bytes_align_of(size_t size);

#endif
