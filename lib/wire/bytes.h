/* Bounded bytes: a writer that collects a message, and a reader that never reads past its end.
 * Knows no message and no socket. */
#ifndef BEGET__BYTES_H
#define BEGET__BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Data of this size or more is not copied: the writer refers to the caller's memory. */
#define BEGET__FAR 4096

/* The largest alignment of an object in a message. */
#define BEGET__ALIGN_MAX 4096

/* A zeroed writer is empty. The first failure stays in error (-ENOMEM, -EOVERFLOW), and later puts do nothing. */
struct beget__writer {
	char *near; /* all copied data, in order */
	size_t used, room;
	struct iovec *pieces; /* pieces of copied data get their base at the end */
	int n, pieces_room;
	size_t total;
	int error;
	struct iovec few[4]; /* small messages need no allocation */
	char first[1024];
};

void beget__bytes_put(struct beget__writer *, const void *, size_t);
void beget__bytes_put_u32(struct beget__writer *, uint32_t);
void beget__bytes_put_u64(struct beget__writer *, uint64_t);
void beget__bytes_put_align(struct beget__writer *, size_t align);  /* a power of two */
void beget__bytes_put_string(struct beget__writer *, const char *); /* may be NULL */
/* Returns the message as n pieces; *ret belongs to the writer. */
int beget__bytes_finish(struct beget__writer *, const struct iovec **ret);
/* Copies the message as one piece of total bytes to to. 0, or the error of the writer. */
int beget__bytes_copy(struct beget__writer *, char *to);
/* The message as one piece, to be freed. NULL: no memory. */
char *beget__bytes_flatten(struct beget__writer *, size_t *size);
void beget__bytes_free(struct beget__writer *);

/* A reader over size bytes at base. A read past the end returns zeros and sets bad, which stays set. */
struct beget__reader {
	const char *base;
	size_t at, size;
	bool bad;
};

uint32_t beget__bytes_get_u32(struct beget__reader *);
uint64_t beget__bytes_get_u64(struct beget__reader *);
void beget__bytes_get(struct beget__reader *, void *, size_t);
void beget__bytes_get_align(struct beget__reader *, size_t align);
/* The next n bytes, in place. NULL if there are fewer. */
const void *beget__bytes_get_view(struct beget__reader *, uint64_t n);
/* A string in place, checked to be terminated. NULL for a NULL string. */
const char *beget__bytes_get_string(struct beget__reader *);

/* The largest alignment that an object of this size can need: in C a size is a multiple of the alignment. */
size_t beget__bytes_align_of(size_t size);

#endif
