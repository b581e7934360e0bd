/* Values. An input is a type, the position of the value in its message, the number of descriptors (high bits: flags),
 * and the message.
 *
 * Every type is read from the message, which may have any contents. A value that is accepted lies in the message and is
 * the same after it was written and read again. Then a value of the type is derived from the input and must survive
 * that too. */
#include "fuzz.h"
#include "call/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fuzz_room message, again;

/* Written and read again, after the same number of bytes as before. */
static void expect_back(const struct beget_arg *arg, const union beget__value *v, size_t before)
{
	static const char zeros[64];
	struct fuzz_fds out, in;
	struct beget__writer w = {0};
	struct beget_arg back = {.type = arg->type, .flags = arg->flags};
	struct beget__arena arena = {0};
	union beget__value value;

	fuzz_fds(&out, 0);
	beget__bytes_put(&w, zeros, before);
	CHECK(beget__value_put(&w, arg, &out.fds, false) == 0);
	if (!fuzz_place_written(&again, &w))
		return;
	int written = out.fds.n;
	fuzz_fds(&in, (unsigned)written);
	struct beget__reader r = {again.bytes, before, again.size, false};
	fuzz_budget_for(again.size);
	CHECK(beget__value_get(&r, &back, &in.fds, &arena, &value));
	fuzz_budget(SIZE_MAX);
	CHECK(r.at == r.size);
	fuzz_expect_value(&again, &back, &value);
	CHECK(arg->type != BEGET_TYPE_FD || (written == 1 && out.numbers[0] == v->fd.fd && value.fd.fd == FUZZ_FD));
	CHECK((arg->type != BEGET_TYPE_OBJECT && arg->type != BEGET_TYPE_STRUCT) || back.size == arg->size);
	CHECK(fuzz_same(arg, v, &value));
	beget__arena_free(&arena);
}

static void read_as(unsigned type, unsigned flags, size_t before, unsigned nfds, bool round)
{
	struct beget__reader r = {message.bytes, before < message.size ? before : message.size, message.size, false};
	struct beget_arg arg = {.type = type, .flags = flags};
	struct fuzz_fds fds;
	struct beget__arena arena = {0};
	union beget__value v;

	fuzz_fds(&fds, nfds);
	fuzz_budget_for(message.size);
	bool good = beget__value_get(&r, &arg, nfds ? &fds.fds : NULL, &arena, &v);
	fuzz_budget(SIZE_MAX);
	CHECK(good == !r.bad);
	CHECK(r.at <= r.size);
	CHECK(!good || !flags || type == BEGET_TYPE_OBJECT);
	if (good) {
		fuzz_expect_value(&message, &arg, &v);
		arg.value = type == BEGET_TYPE_STRUCT ? v.pointer : &v;
		if (round && fuzz_writes(&arg, &v))
			expect_back(&arg, &v, before);
	}
	beget__arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	unsigned type = fuzz_byte(&in) % FUZZ_TYPES;
	size_t before = fuzz_byte(&in) % 64;
	unsigned how = fuzz_byte(&in), nfds = how % FUZZ_FDS, flags = how / FUZZ_FDS;
	struct beget_arg arg;
	union beget__value v;

	fuzz_place(&message, in.at, (size_t)(in.end - in.at));
	for (unsigned t = 0; t < FUZZ_TYPES; t++)
		read_as(t, 0, before, nfds, t == type);
	read_as(type, flags, before, nfds, true);
	if (fuzz_derive(&in, type, &arg, &v))
		expect_back(&arg, &v, before);
	return 0;
}

/* Every type, as it is written, at two positions; NULL or not, small and large. */
static void seed(unsigned type, unsigned before, unsigned present, unsigned length)
{
	static const char zeros[64];
	uint8_t source[] = {(uint8_t)present, (uint8_t)length, (uint8_t)(length >> 8), 1, 2, 3, 4, 5, 6, 7, 8};
	struct fuzz_input in = {source, source + sizeof(source)};
	uint8_t head[] = {(uint8_t)type, (uint8_t)before, 1};
	struct beget__writer w = {0};
	struct fuzz_fds out;
	struct beget_arg arg;
	union beget__value v;
	char name[40];
	size_t size;

	if (!fuzz_derive(&in, type, &arg, &v))
		return;
	fuzz_fds(&out, 0);
	beget__bytes_put(&w, head, sizeof(head));
	struct beget__writer body = {0};
	beget__bytes_put(&body, zeros, before);
	CHECK(beget__value_put(&body, &arg, &out.fds, false) == 0);
	char *flat = beget__bytes_flatten(&body, &size);
	beget__bytes_put(&w, flat, size);
	size_t all;
	char *whole = beget__bytes_flatten(&w, &all);
	snprintf(name, sizeof(name), "type%u-%u-%u-%u", type, before, present, length);
	fuzz_seed(name, whole, all);
	beget__bytes_free(&w);
	beget__bytes_free(&body);
	free(flat);
	free(whole);
}

void fuzz_seeds(void)
{
	for (unsigned type = 0; type < FUZZ_TYPES; type++) {
		seed(type, 0, 1, 5);
		if (type < BEGET_TYPE_STRING)
			continue;
		seed(type, 5, 0, 0);
		seed(type, 12, 1, 0);
		seed(type, 1, 1, 64);
	}
}
