/* Digests. */
#ifndef BEGET__DIGEST_H
#define BEGET__DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* An incremental FNV-1a digest; it begins with BEGET__DIGEST. */
#define BEGET__DIGEST UINT64_C(0xcbf29ce484222325)
uint64_t beget__digest_add(uint64_t, const void *, size_t);

#endif
