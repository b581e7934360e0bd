/* An incremental digest: FNV-1a.
 * Runs in every process. */
#include "wire/digest.h"

uint64_t beget__digest_add(uint64_t h, const void *data, size_t n)
{
	for (const unsigned char *p = data; n-- > 0; p++)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}
