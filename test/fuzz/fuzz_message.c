/* Messages. An input is a kind, the number of descriptors (bit 7: the protocol number also comes from the input), and
 * the body of the frame.
 *
 * The reader of that kind (or every reader, if the kind is invalid) gets the frame. A message that is refused must not
 * have written anything. An accepted message must lie in the frame, and a call must be the same after it was written
 * and read again. The parts of a CALL are also read alone, so that none depends on a valid one before it. State is read
 * but not applied; a target is looked up but not called. */
#include "fuzz.h"

#include "message/order.h"
#include "message/report.h"
#include "message/request.h"
#include "os/fd.h"
#include "os/sock.h"
#include "state/rows.h"
#include "state/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_STATE = 200, A_CALL = 201, AS_IT_IS = 0x80, PID = 4711 };

static struct fuzz_room message, again;

static struct beget__frame *frame_of(unsigned kind, unsigned nfds)
{
	static struct beget__frame f;

	beget__frame_init(&f, message.bytes, NULL);
	f.kind = kind;
	f.body = message.bytes;
	f.size = f.got = message.size;
	f.nfds = f.want_fds = (int)nfds;
	for (unsigned i = 0; i < nfds; i++)
		f.fds[i] = FUZZ_FD + (int)i;
	return &f;
}

static bool all_are(const void *p, size_t size, char what)
{
	const char *at = p;

	for (size_t i = 0; i < size; i++)
		if (at[i] != what)
			return false;
	return true;
}

/* Reads into x, which must be unchanged if the message is refused. */
#define READ(x, call) (memset(&(x), 0x5a, sizeof(x)), (call) || (CHECK(all_are(&(x), sizeof(x), 0x5a)), false))

static void read_start(const struct beget__frame *f)
{
	struct beget__request request;

	if (READ(request, beget__request_get_start(f, &request)))
		CHECK(request.tied <= 1 && request.spare <= BEGET__FRESH && f->nfds == 1);
}

static void read_tie(const struct beget__frame *f)
{
	pid_t pid;

	if (READ(pid, beget__request_get_tie(f, &pid)))
		CHECK(pid > 0 && f->nfds == 0);
}

static void read_question(const struct beget__frame *f)
{
	static struct beget__frame copy;
	struct beget__question q;

	copy = *f; /* the reader takes descriptors from it */
	if (!READ(q, beget__request_get_setup(&copy, &q)))
		return;
	CHECK(q.fds[0] >= FUZZ_FD);
	fuzz_expect_string(&message, q.text);
}

static void read_health(const struct beget__frame *f)
{
	struct beget__health health;

	(void)READ(health, beget__request_get_health(f, &health));
}

static void read_born(const struct beget__frame *f)
{
	pid_t pid;

	if (READ(pid, beget__report_get_born(f, &pid)))
		CHECK(pid > 0 && f->nfds <= 1);
}

static void read_failed(const struct beget__frame *f)
{
	struct beget__failure failure;

	if (!READ(failure, beget__report_get_failed(f, &failure)))
		return;
	CHECK(failure.code < 0);
	CHECK(memchr(failure.text, '\0', sizeof(failure.text)));
}

static void read_result(const struct beget__frame *f)
{
	struct beget__frame mine = *f; /* the next reader must find the descriptors that this one takes */
	struct beget__answer x;

	if (!READ(x, beget__order_get_result(&mine, &x)))
		return;
	switch (x.type) {
	case BEGET_TYPE_VOID: break;
	case BEGET_TYPE_OBJECT:
	case BEGET_TYPE_FD:
	case BEGET_TYPE_FUNCTION:
	case BEGET_TYPE_RAW: CHECK(x.type == BEGET_TYPE_VOID); break;
	case BEGET_TYPE_STRUCT:
		if (x.value.pointer)
			fuzz_expect_inside(&message, x.value.pointer, x.size);
		break;
	default: fuzz_expect_value(&message, &(struct beget_arg){.type = x.type, .size = x.size}, &x.value);
	}
	for (uint32_t i = 0; i < x.outs; i++) {
		size_t size;
		const void *out = beget__order_next_out(&x, &size);
		CHECK(out && !x.rest.bad);
		fuzz_expect_inside(&message, out, size);
	}
	CHECK(x.rest.at == x.rest.size);
}

static void read_crashed(const struct beget__frame *f)
{
	struct beget__crash crash;

	if (READ(crash, beget__report_get_crashed(f, &crash)))
		CHECK(memchr(crash.module, '\0', sizeof(crash.module)));
}

static void read_sign(const struct beget__frame *f)
{
	enum beget__sign sign;

	if (READ(sign, beget__report_get_sign(f, &sign)))
		CHECK(sign >= BEGET__SIGN_READY && sign <= BEGET__SIGN_BEAT);
}

static void read_ended(const struct beget__frame *f)
{
	struct beget__exit end;

	(void)READ(end, beget__report_get_ended(f, &end));
}

static bool is_ours(int fd)
{
	return fd >= FUZZ_FD && fd < FUZZ_FD + FUZZ_FDS;
}

static int read_head(struct beget__reader *r, struct beget__fds *fds)
{
	struct beget__head head, back;
	struct beget__writer w = {0};
	struct fuzz_fds out, in;

	int error = beget__order_get_head(r, fds, &head);
	CHECK(error <= 0 && (error || !r->bad));
	if (error)
		return error;
	fuzz_expect_string(&message, head.name);
	CHECK((head.tie == -1 || is_ours(head.tie)) && (head.control == -1 || is_ours(head.control)));
	CHECK(head.claims == -1 || is_ours(head.claims));
	CHECK(head.tie == -1 || head.tie != head.control);

	fuzz_budget(SIZE_MAX);
	fuzz_fds(&out, 0);
	CHECK(beget__order_put_head(&w, &head, &out.fds) == 0);
	CHECK(out.fds.n == (head.tie >= 0) + (head.control >= 0) + (head.claims >= 0));
	CHECK(fuzz_place_written(&again, &w));
	fuzz_fds(&in, (unsigned)out.fds.n);
	struct beget__reader second = {again.bytes, 0, again.size, false};
	CHECK(beget__order_get_head(&second, &in.fds, &back) == 0 && second.at == second.size);
	CHECK(back.caller == head.caller && back.caller_started == head.caller_started && back.flags == head.flags);
	CHECK(back.helper == head.helper && (head.name ? strcmp(back.name, head.name) == 0 : !back.name));
	fuzz_budget_for(message.size);
	return 0;
}

static int read_state(struct beget__reader *r, struct beget__fds *fds)
{
	struct beget__state s;
	unsigned char own;
	uint32_t which;

	int error = beget__state_get(r, fds, &which, &s);
	CHECK(error <= 0 && (error || !r->bad));
	if (error)
		return error;
	CHECK(which >> BEGET__ROWS == 0);
	for (int i = 0; i < BEGET__ROWS; i++)
		CHECK(!(which & 1u << i) || beget__rows[i].apply);
	for (size_t i = 0; s.env && s.env[i]; i++)
		fuzz_expect_string(&message, s.env[i]);
	for (int i = 0; i < 3; i++)
		CHECK(s.stream[i] == BEGET__AS_IS || s.stream[i] == -1 || is_ours(s.stream[i]));
	CHECK(s.cwd_fd == -1 || is_ours(s.cwd_fd));
	memcpy(&own, &s.own_session, sizeof(own));
	CHECK(own <= 1);
	beget__state_free(&s);
	return 0;
}

/* A function of this program, for targets of this build. */
static void someone(void)
{
}

/* A target that was found is code of a module with that id and offset. */
static void expect_found(const struct beget__target *target)
{
	struct beget__target found = {0};
	void (*function)(void) = NULL;

	int error = beget__target_resolve(target, &function);
	CHECK(error == 0 || error == -ENOENT || error == -ESTALE);
	CHECK(strlen(beget_error()) < sizeof(struct beget__failure));
	if (error)
		return;
	CHECK(beget__target_find(function, false, &found) == 0);
	CHECK(found.offset == target->offset);
	CHECK(target->module[0] || !found.module[0]); /* a library may have another path here */
	CHECK(found.build.size == target->build.size &&
	      memcmp(found.build.id, target->build.id, found.build.size) == 0);
}

/* Resolves it as it came, and then with more and more of it corrected, because no input can guess the values. */
static void resolve(const struct beget__target *target)
{
	struct beget__target own = {0}, t = *target;

	CHECK(beget__target_find(someone, false, &own) == 0);
	expect_found(&t);
	t.build.size = own.build.size;
	memcpy(t.build.id, own.build.id, sizeof(own.build.id));
	expect_found(&t);
	t.offset = own.offset + target->offset % 4096;
	expect_found(&t);
	t.module = own.module;
	expect_found(&t);
}

static void expect_call_back(const struct beget__order *order)
{
	struct beget__writer w = {0};
	struct fuzz_fds out, in;
	struct beget__order back = {0};
	struct beget__arena arena = {0};

	for (unsigned i = 0; i < order->call.n; i++)
		if (!fuzz_writes(&order->args[i], &order->values[i]))
			return;
	fuzz_fds(&out, 0);
	int error = beget__order_put_call(&w, &order->target, &order->call, &out.fds);
	if (error || !fuzz_place_written(&again, &w)) { /* bytes with a strict alignment may not fit */
		CHECK(error == 0 || error == -EMSGSIZE);
		beget__bytes_free(&w);
		return;
	}
	fuzz_fds(&in, (unsigned)out.fds.n);
	struct beget__reader r = {again.bytes, 0, again.size, false};
	CHECK(beget__order_get_call(&r, &in.fds, &arena, &back) == 0);
	CHECK(strcmp(back.target.module, order->target.module) == 0 && back.target.offset == order->target.offset);
	CHECK(back.target.build.size == order->target.build.size);
	CHECK(memcmp(back.target.build.id, order->target.build.id, order->target.build.size) == 0);
	CHECK(back.call.result == order->call.result && back.call.n == order->call.n);
	CHECK(back.call.named == order->call.named && back.call.size == order->call.size);
	for (unsigned i = 0; i < back.call.n; i++) {
		const struct beget_arg *a = &order->args[i], *b = &back.args[i];
		CHECK(a->type == b->type && a->flags == b->flags && a->size == b->size);
		fuzz_expect_value(&again, b, &back.values[i]);
		CHECK(fuzz_same(a, &order->values[i], &back.values[i]));
	}
	beget__arena_free(&arena);
}

static int read_call(struct beget__reader *r, struct beget__fds *fds)
{
	struct beget__order order = {0};
	struct beget__arena arena = {0};

	int error = beget__order_get_call(r, fds, &arena, &order);
	CHECK(error <= 0 && (error || (!r->bad && r->at == r->size)));
	fuzz_budget(SIZE_MAX);
	if (!error) {
		fuzz_expect_string(&message, order.target.module);
		CHECK(order.target.module && order.target.build.size <= sizeof(order.target.build.id));
		CHECK(order.call.args == order.args && order.call.named <= order.call.n);
		for (unsigned i = 0; i < order.call.n; i++) {
			CHECK(order.args[i].type != BEGET_TYPE_VOID);
			fuzz_expect_value(&message, &order.args[i], &order.values[i]);
		}
		expect_call_back(&order);
		resolve(&order.target);
	}
	beget__arena_free(&arena);
	return error;
}

static void read_whole_call(const struct beget__frame *f)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct fuzz_fds fds;

	fuzz_fds(&fds, (unsigned)f->nfds);
	(void)(read_head(&r, &fds.fds) || read_state(&r, &fds.fds) || read_call(&r, &fds.fds));
	CHECK(r.at <= r.size);
}

static void read_task(const struct beget__frame *f)
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct fuzz_fds fds;

	fuzz_fds(&fds, (unsigned)f->nfds);
	(void)(beget__order_get_limit(&r) < 0 || read_call(&r, &fds.fds));
	CHECK(r.at <= r.size);
}

static void read_part(const struct beget__frame *f, int (*part)(struct beget__reader *, struct beget__fds *))
{
	struct beget__reader r = {f->body, 0, f->size, false};
	struct fuzz_fds fds;

	fuzz_fds(&fds, (unsigned)f->nfds);
	(void)part(&r, &fds.fds);
	CHECK(r.at <= r.size);
}

static void read_any(const struct beget__frame *f)
{
	static void (*const readers[])(const struct beget__frame *) = {
		[BEGET__START] = read_start,      [BEGET__CALL] = read_whole_call,  [BEGET__BORN] = read_born,
		[BEGET__FAILED] = read_failed,    [BEGET__RESULT] = read_result,    [BEGET__CRASHED] = read_crashed,
		[BEGET__SIGN] = read_sign,        [BEGET__ENDED] = read_ended,      [BEGET__TIE] = read_tie,
		[BEGET__PRELOAD] = read_question, [BEGET__PREPARE] = read_question, [BEGET__READY] = read_question,
		[BEGET__ASK] = read_question,     [BEGET__HEALTH] = read_health,    [BEGET__TASK] = read_task,
	};
	const size_t n = sizeof(readers) / sizeof(*readers);

	for (size_t kind = 0; kind < n; kind++)
		if (readers[kind] && (f->kind == kind || f->kind >= n || !readers[f->kind])) {
			fuzz_budget_for(f->size);
			readers[kind](f);
		}
}

/* The protocol number, with which START and CALL begin. */
static uint32_t protocol(void)
{
	static uint32_t number;
	struct beget__head head = {.tie = -1, .control = -1, .claims = -1};
	struct beget__writer w = {0};

	if (!number && beget__order_put_head(&w, &head, NULL) == 0)
		memcpy(&number, w.near, sizeof(number));
	beget__bytes_free(&w);
	return number;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	unsigned kind = fuzz_byte(&in), how = fuzz_byte(&in), nfds = how % FUZZ_FDS;
	uint32_t number = protocol();

	fuzz_place(&message, in.at, (size_t)(in.end - in.at));
	if (!(how & AS_IT_IS) && message.size >= sizeof(number) && (kind == BEGET__START || kind == BEGET__CALL))
		memcpy(message.bytes, &number, sizeof(number)); /* so that inputs stay valid when the number changes */
	struct beget__frame *f = frame_of(kind, nfds);
	fuzz_budget_for(message.size);
	if (kind == A_STATE)
		read_part(f, read_state);
	else if (kind == A_CALL)
		read_part(f, read_call);
	else
		read_any(f);
	fuzz_budget(SIZE_MAX);
	return 0;
}

/* Seeds: what is sent over a socket is received from it. */

static void seed(const char *name, unsigned kind, int nfds, const void *body, size_t size)
{
	uint8_t head[] = {(uint8_t)kind, (uint8_t)nfds};
	char *whole = malloc(sizeof(head) + size);

	memcpy(whole, head, sizeof(head));
	if (size)
		memcpy(whole + sizeof(head), body, size);
	fuzz_seed(name, whole, sizeof(head) + size);
	free(whole);
}

static void seed_sent(const char *name, int socket)
{
	static struct beget__frame f;
	static _Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__PACKET_SIZE];

	beget__frame_init(&f, buffer, NULL);
	CHECK(beget__frame_receive(socket, &f, MSG_DONTWAIT) == 1);
	seed(name, f.kind, f.nfds, f.body, f.size);
	beget__frame_clear(&f);
}

static void seed_written(const char *name, unsigned kind, int nfds, struct beget__writer *w)
{
	size_t size;
	char *flat = beget__bytes_flatten(w, &size);

	CHECK(flat);
	seed(name, kind, nfds, flat, size);
	free(flat);
	beget__bytes_free(w);
}

static void seed_small(int sides[2])
{
	struct beget__failure failure = {-EMFILE, "helper: cannot create a child"};
	struct beget__crash crash = {.signal = 11, .code = 1, .address = 8, .offset = 64, .module = "libc.so.6"};
	struct beget__exit end = {.wait_status = 0x8b, .user_us = 1, .system_us = 2, .peak_kib = 3};

	struct beget__health health = {.children = 1, .threads = 1, .started = 2};

	beget__request_send_start(sides[0], sides[0],
	                          &(struct beget__request){.caller = PID, .tied = true, .spare = BEGET__WARM});
	seed_sent("start", sides[1]);
	beget__request_send_tie(sides[0], PID);
	seed_sent("tie", sides[1]);
	beget__request_send_setup(sides[0], BEGET__PRELOAD, "libm.so.6", 0, (int[]){sides[0], 0, 1, 2});
	seed_sent("preload", sides[1]);
	beget__request_send_setup(sides[0], BEGET__READY, NULL, 1, (int[]){sides[0], -1, -1, -1});
	seed_sent("ready", sides[1]);
	beget__request_send_health(sides[0], &health);
	seed_sent("health", sides[1]);
	beget__request_send_plain(sides[0], BEGET__RETIRE);
	seed_sent("retire", sides[1]);
	beget__request_send_plain(sides[0], BEGET__GO);
	seed_sent("go", sides[1]);
	beget__report_send_born(sides[0], PID, sides[0]);
	seed_sent("born", sides[1]);
	beget__report_send_born(sides[0], PID, -1);
	seed_sent("born-alone", sides[1]);
	beget__report_send_failed(sides[0], &failure);
	seed_sent("failed", sides[1]);
	beget__report_send_refused(sides[0], 7, &failure);
	seed_sent("refused", sides[1]);
	beget__report_send_waits(sides[0]);
	seed_sent("waits", sides[1]);
	beget__report_send_expired(sides[0], 7);
	seed_sent("expired", sides[1]);
	beget__report_send_crashed(sides[0], &crash);
	seed_sent("crashed", sides[1]);
	beget__report_send_ended(sides[0], &end);
	seed_sent("ended", sides[1]);
}

static void seed_results(int sides[2])
{
	for (unsigned type = 0; type < FUZZ_TYPES; type++) {
		uint8_t source[] = {1, 5, 0, 1, 2, 3, 4, 5, 6, 7};
		struct fuzz_input in = {source, source + sizeof(source)};
		union beget__value value = {0};
		struct beget_arg arg = {0};
		char name[32];
		if ((type != BEGET_TYPE_VOID && !fuzz_derive(&in, type, &arg, &value)) || type == BEGET_TYPE_FD ||
		    type == BEGET_TYPE_OBJECT || type == BEGET_TYPE_RAW || type == BEGET_TYPE_FUNCTION)
			continue;
		/* and what is sent back */
		union beget__value pointer = {.pointer = "out"};
		const struct beget_arg out = {BEGET_TYPE_OBJECT, BEGET_ARG_OUT, 4, &pointer, NULL};
		struct beget_call call = {
			.result = type, .n = type % 2, .args = &out, .size = arg.size, .layout = arg.layout};
		snprintf(name, sizeof(name), "result%u", type);
		beget__order_send_result(sides[0], 0, &call, &value);
		seed_sent(name, sides[1]);
	}
}

/* A state that differs in every row and is the same on every machine. */
static void put_state(struct beget__writer *w, struct beget__fds *fds, bool all)
{
	static char *env[] = {(char *)"HOME=/", (char *)"EMPTY=", (char *)"LANG=C", NULL};
	struct beget__state now, born;
	int opened;

	beget__state_none(&now);
	now.env = env;
	now.cwd_fd = FUZZ_FD;
	for (int i = 0; i < 3; i++)
		now.stream[i] = i ? FUZZ_FD : -1;
	born = now;
	born.only_birth = all;
	born.umask = 022;
	CHECK(beget__state_put(w, &now, &born, fds, &opened) == 0 && opened == -1);
}

static void put_call(struct beget__writer *w, struct beget__fds *fds, unsigned first, unsigned n)
{
	struct beget__target target = {
		.module = "", .offset = 0x1234, .build = {.size = 20, .id = "0123456789abcdefghi"}};
	static struct beget_arg args[FUZZ_TYPES];
	static union beget__value values[FUZZ_TYPES];
	struct beget_call call = {.result = BEGET_TYPE_INT, .args = args};

	for (unsigned type = first; type < first + n && type < FUZZ_TYPES; type++) {
		uint8_t source[] = {1, 9, 0, 4, 3, 2, 1};
		struct fuzz_input in = {source, source + sizeof(source)};
		if (fuzz_derive(&in, type, &args[call.n], &values[call.n]))
			call.n++;
	}
	call.named = call.n / 2;
	CHECK(beget__order_put_call(w, &target, &call, fds) == 0);
}

static void seed_calls(void)
{
	for (int i = 0; i < 6; i++) {
		struct beget__head head = {
			.caller = PID, .caller_started = 99, .flags = 1, .name = i & 1 ? "name" : NULL, .helper = 5};
		struct beget__writer w = {0};
		struct fuzz_fds out;
		char name[32];
		head.tie = i & 1 ? FUZZ_FD : -1;
		head.control = i & 2 ? FUZZ_FD : -1;
		head.claims = -1;
		fuzz_fds(&out, 0);
		CHECK(beget__order_put_head(&w, &head, &out.fds) == 0);
		put_state(&w, &out.fds, i == 1);
		put_call(&w, &out.fds, 1, i < 2 ? FUZZ_TYPES : 0);
		snprintf(name, sizeof(name), "call%d", i);
		seed_written(name, BEGET__CALL, out.fds.n, &w);
	}
	for (unsigned type = 0; type < FUZZ_TYPES; type += 5) {
		struct beget__writer w = {0};
		struct fuzz_fds out;
		char name[32];
		fuzz_fds(&out, 0);
		beget__order_put_limit(&w, type % 2 ? 0 : 500);
		put_call(&w, &out.fds, type, 5);
		snprintf(name, sizeof(name), "task%u", type);
		seed_written(name, BEGET__TASK, out.fds.n, &w);
	}
	for (unsigned type = 0; type < FUZZ_TYPES; type++) {
		struct beget__writer w = {0};
		struct fuzz_fds out;
		char name[32];
		fuzz_fds(&out, 0);
		put_call(&w, &out.fds, type, 1);
		snprintf(name, sizeof(name), "part%u", type);
		if (type <= FUZZ_LAST)
			seed_written(name, A_CALL, out.fds.n, &w);
		beget__bytes_free(&w);
	}
}

static void seed_states(void)
{
	for (int all = 0; all < 2; all++) {
		struct beget__writer w = {0};
		struct fuzz_fds out;
		fuzz_fds(&out, 0);
		put_state(&w, &out.fds, all);
		seed_written(all ? "state-all" : "state-umask", A_STATE, out.fds.n, &w);
	}
}

void fuzz_seeds(void)
{
	int sides[2];

	CHECK(beget__sock_pair(sides) == 0);
	seed_small(sides);
	seed_results(sides);
	seed_calls();
	seed_states();
	beget__fd_close(&sides[0]);
	beget__fd_close(&sides[1]);
}
