/* Frames. An input is a list of steps of a sender without our code, of a sender with it, and of the receiver: packets
 * that are headers, parts or arbitrary bytes, each with descriptors; bodies in files that are shorter than announced,
 * or in something else; frames between the packets of other frames; a full descriptor table; failing allocations.
 *
 * Every received frame lies in its buffer, its allocation or its mapping, its descriptors are open, and its memory is
 * what the received bytes justify. Afterwards, the socket carries a valid frame, and no descriptor is left. */
#include "fuzz.h"
#include "../wire_format.h"

#include "os/fd.h"
#include "os/file.h"
#include "os/sock.h"
#include "wire/bytes.h"
#include "wire/frame.h"
#include "wire/send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_FDS = 253, STEPS = 64 };

/* The steps; in brackets, the bytes of the input that belong to each. */
enum step {
	FIRST,   /* [kind, number of descriptors, length 3, bytes 2, descriptors] the first packet of a frame */
	PART,    /* [bytes 2, descriptors] the next one */
	HEADER,  /* [a header, bytes 2, descriptors] any packet */
	RAW,     /* [length, as many bytes, descriptors] any bytes */
	LIE,     /* [file, difference 2, descriptors, more] a body in a file that may be too short */
	GOOD,    /* [length 3, descriptors] a frame from our writer */
	NOW,     /* [length 2, descriptors] and from the writer that never waits */
	RECEIVE, /* until there is no more */
	BETWEEN, /* from now on there is one, or none */
	TAKE,    /* [which] a descriptor of the frame */
	FULL,    /* [places] the table has only this many free numbers for the next receive */
	POOR,    /* [n] the n-th allocation fails */
	CHANGE,  /* [file, size 2] changes the file of a body in flight */
	HANG_UP, /* the sender closes */
	ALL_STEPS
};

static int sides[2]; /* sender, receiver */

/* Bodies. The last ones are files that can change at any time. */
enum { EMPTY, ONE, PAGE, LARGE, SEALED, A_PIPE, A_NULL, A_FOLDER, FILES };
static int files[FILES];
static const size_t sizes[FILES] = {0, 1, 4096, 100000, 70000, 0, 0, 0};

static struct inbox {
	struct beget__frame frame;
	_Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__PACKET_SIZE];
	char behind[64]; /* stays zero */
} in, other;

static size_t arrived; /* maximum: what was sent */

static void open_files(void)
{
	static const char text[70000] = "sealed";
	int ends[2];

	if (files[EMPTY])
		return;
	for (int i = EMPTY; i <= SEALED; i++) {
		CHECK((files[i] = beget__file_create(0)) >= 0);
		CHECK(ftruncate(files[i], (off_t)(i == SEALED ? 0 : sizes[i])) == 0);
	}
	CHECK(beget__file_write(files[SEALED], &(struct iovec){(void *)text, sizeof(text)}, 1) == 0);
	beget__file_seal(files[SEALED]);
	CHECK(beget__fd_pipe(ends) == 0);
	files[A_PIPE] = ends[0];
	CHECK((files[A_NULL] = beget__fd_open("/dev/null", O_RDWR)) >= 0);
	CHECK((files[A_FOLDER] = beget__fd_open("/", O_RDONLY | O_DIRECTORY)) >= 0);
}

static void set_sizes(bool right)
{
	for (int i = EMPTY; i < SEALED; i++)
		CHECK(ftruncate(files[i], right ? (off_t)sizes[i] : 0) == 0);
}

static void init(struct inbox *box, struct beget__frame *between)
{
	beget__frame_init(&box->frame, box->buffer, between);
}

/* Sends one packet; it is lost if the socket is full. */
static void send_raw(const void *data, size_t size, const int *fds, unsigned nfds)
{
	char control[CMSG_SPACE(MOST_FDS * sizeof(int))] = {0};
	struct iovec iov = {(void *)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		m.msg_control = control;
		m.msg_controllen = (socklen_t)CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	if (sendmsg(sides[0], &m, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		arrived += size;
}

/* The number of descriptors that the input asks for, mostly small. */
static unsigned descriptors(struct fuzz_input *input, int *fds, unsigned most)
{
	unsigned n = fuzz_byte(input);

	n = n < 0xf0 ? n % 4 : n + 14;
	if (n > most)
		n = most;
	for (unsigned i = 0; i < n; i++)
		fds[i] = files[i % FILES];
	return n;
}

static void send_packet(struct header header, size_t body, struct fuzz_input *input)
{
	static char packet[BEGET__PACKET_SIZE + 64];
	int fds[BEGET__FRAME_FDS];
	unsigned nfds = descriptors(input, fds, MOST_FDS);

	memcpy(packet, &header, sizeof(header));
	send_raw(packet, sizeof(header) + body % (PAYLOAD + 64), fds, nfds);
}

static void expect_frame(const struct inbox *box)
{
	const struct beget__frame *f = &box->frame;
	unsigned sum = 0;

	if (f->outside)
		set_sizes(false); /* it no longer belongs to the sender */

	CHECK(f->nfds == f->want_fds && f->nfds >= 0 && f->nfds <= BEGET__FRAME_FDS);
	CHECK(f->got == f->size && !f->started);
	if (f->outside || f->room)
		CHECK(f->body && f->body != f->buffer && (f->outside || f->room >= f->size));
	else
		CHECK(f->body == f->buffer && f->size <= PAYLOAD);
	for (size_t i = 0, step = f->size > 4096 ? 509 : 1; i < f->size; i += step)
		sum += (unsigned char)f->body[i];
	if (f->size) {
		sum += (unsigned char)f->body[f->size - 1];
		f->body[sum % f->size] = 'x'; /* it belongs to the receiver */
	}
	if (f->outside)
		set_sizes(true);
	for (int i = 0; i < f->nfds; i++)
		CHECK(f->dropped ? f->fds[i] == -1 || f->fds[i] > 2 : fcntl(f->fds[i], F_GETFD) == FD_CLOEXEC);
}

static void expect_room(const struct inbox *box)
{
	CHECK(box->frame.room <= 4 * arrived + BEGET__FRAME_INLINE);
	CHECK(box->frame.nfds <= BEGET__FRAME_FDS);
	for (size_t i = 0; i < sizeof(box->behind); i++)
		CHECK(box->behind[i] == 0);
}

/* One call of the receiver. False: there is no more. */
static bool receive(bool between)
{
	fuzz_budget(16 * arrived + 4 * BEGET__FRAME_INLINE);
	int got = beget__frame_receive(sides[1], &in.frame, MSG_DONTWAIT);
	fuzz_budget(SIZE_MAX);
	expect_room(&in);
	expect_room(&other);
	switch (got) {
	case 0:
	case -EAGAIN: return false;
	case 1:
		expect_frame(&in);
		CHECK(!in.frame.dropped);
		return true;
	case 2:
		CHECK(between);
		if (!other.frame.dropped)
			expect_frame(&other);
		beget__frame_clear(&other.frame);
		return true;
	case -EMFILE:
		CHECK(in.frame.dropped);
		CHECK(!in.frame.size || in.frame.body);
		break;
	case -EBADMSG:
	case -ENOMEM:
	case -ECONNRESET: break;
	default: CHECK(got > 0 && got < 0); /* not a valid result */
	}
	beget__frame_clear(&in.frame);
	return true;
}

/* The frame is complete; an incomplete one waits for its rest. */
static void done(void)
{
	if (!in.frame.started)
		beget__frame_clear(&in.frame);
}

static void receive_all(bool between)
{
	while (receive(between))
		done();
}

/* With only this many free numbers. */
static void receive_with(unsigned places, bool between)
{
	struct rlimit before, now;
	int lowest = fcntl(0, F_DUPFD_CLOEXEC, 0);

	CHECK(lowest >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
	close(lowest);
	now = before;
	now.rlim_cur = (rlim_t)lowest + places;
	CHECK(setrlimit(RLIMIT_NOFILE, &now) == 0);
	receive(between);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	done();
}

static void lie(struct fuzz_input *input)
{
	int fds[BEGET__FRAME_FDS];
	unsigned file = fuzz_byte(input) % FILES;
	uint64_t difference = (uint64_t)(int64_t)(int16_t)fuzz_number(input, 2);
	unsigned nfds = descriptors(input, fds + 1, MOST_FDS - 1) + 1;
	uint32_t more = fuzz_byte(input) % 4; /* announced for later packets */
	struct header header = {MAGIC, 7, OUTSIDE, nfds + more, 0, sizes[file] + difference};

	fds[0] = files[file];
	send_raw(&header, sizeof(header), fds, nfds);
}

static void good(struct fuzz_input *input, bool between)
{
	static char body[1 << 17];
	int fds[BEGET__FRAME_FDS];
	size_t length = fuzz_number(input, 3) % sizeof(body);
	unsigned nfds = descriptors(input, fds, BEGET__FRAME_FDS - 1);

	receive_all(between); /* into an empty socket, sending does not wait */
	int error = beget__send_frame(sides[0], 5, &(struct iovec){body, length}, 1, fds, (int)nfds);
	CHECK(error == 0 || error == -EPIPE || error == -EBADF || error == -EMFILE);
	arrived += length;
}

/* A frame of one packet, sent without waiting. */
static void now(struct fuzz_input *input)
{
	static char body[PAYLOAD];
	int fds[BEGET__FRAME_FDS];
	size_t length = fuzz_number(input, 2) % sizeof(body);
	unsigned nfds = descriptors(input, fds, MOST_FDS);
	int error = nfds ? beget__send_within(sides[0], 6, &(struct iovec){body, length}, 1, fds, (int)nfds, 0)
	                 : beget__send_now(sides[0], 6, body, length);

	CHECK(error == 0 || error == -EAGAIN || error == -ETIMEDOUT || error == -EPIPE || error == -EBADF ||
	      error == -EMFILE);
	arrived += length;
}

static void take_step(struct fuzz_input *input, bool *between)
{
	struct header header = {MAGIC, MORE, 0, 0, 0, 0};
	int fds[BEGET__FRAME_FDS], fd;
	unsigned n;

	switch (fuzz_byte(input) % ALL_STEPS) {
	case FIRST:
		header.kind = (uint16_t)fuzz_byte(input);
		header.fds = fuzz_byte(input);
		header.length = fuzz_number(input, 3);
		send_packet(header, fuzz_number(input, 2), input);
		break;
	case PART: send_packet(header, fuzz_number(input, 2), input); break;
	case HEADER:
		header.magic = fuzz_byte(input) == 0xff ? 0 : MAGIC;
		header.kind = (uint16_t)fuzz_number(input, 2);
		header.flags = (uint16_t)fuzz_number(input, 2);
		header.fds = (uint32_t)fuzz_number(input, 4);
		header.length = fuzz_number(input, 8);
		send_packet(header, fuzz_number(input, 2), input);
		break;
	case RAW:
		n = fuzz_byte(input);
		if (n > (size_t)(input->end - input->at))
			n = (unsigned)(input->end - input->at);
		const uint8_t *bytes = input->at;
		input->at += n;
		send_raw(bytes, n, fds, descriptors(input, fds, MOST_FDS));
		break;
	case LIE: lie(input); break;
	case GOOD: good(input, *between); break;
	case NOW: now(input); break;
	case RECEIVE: receive_all(*between); break;
	case BETWEEN:
		*between = !*between;
		beget__frame_clear(&other.frame);
		in.frame.between = *between ? &other.frame : NULL;
		break;
	case TAKE:
		n = fuzz_byte(input);
		if (receive(*between) && !in.frame.started && (int)n < in.frame.nfds) {
			fd = beget__frame_take(&in.frame, (int)n);
			CHECK(in.frame.fds[n] == -1);
			beget__fd_close(&fd);
		}
		done();
		break;
	case FULL: receive_with(fuzz_byte(input) % 32, *between); break;
	case POOR: fuzz_no_memory(fuzz_byte(input) % 8); break;
	case CHANGE:
		n = fuzz_byte(input) % SEALED;
		CHECK(ftruncate(files[n], (off_t)fuzz_number(input, 2)) == 0);
		break;
	case HANG_UP: beget__fd_close(&sides[0]); break;
	}
}

/* After any steps, a valid frame is received. */
static void expect_service(void)
{
	static const int two[] = {0, 1};

	fuzz_no_memory(0);
	receive_all(in.frame.between);
	beget__frame_clear(&in.frame);
	beget__frame_clear(&other.frame);
	if (sides[0] < 0)
		return;
	CHECK(beget__send_frame(sides[0], 9, &(struct iovec){(void *)"good", 5}, 1, two, 2) == 0);
	CHECK(beget__frame_receive(sides[1], &in.frame, MSG_DONTWAIT) == 1);
	CHECK(in.frame.kind == 9 && in.frame.size == 5 && in.frame.nfds == 2 && !memcmp(in.frame.body, "good", 5));
	beget__frame_clear(&in.frame);
	CHECK(beget__frame_receive(sides[1], &in.frame, MSG_DONTWAIT) == -EAGAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, data + size};
	bool between = false;

	open_files();
	fuzz_count_descriptors();
	CHECK(beget__sock_pair(sides) == 0);
	init(&other, NULL);
	init(&in, NULL);
	arrived = 0;
	set_sizes(true);
	for (int i = 0; i < STEPS && input.at < input.end; i++)
		take_step(&input, &between);
	expect_service();
	beget__fd_close(&sides[0]);
	beget__fd_close(&sides[1]);
	CHECK(fuzz_mapped() == 0);
	fuzz_expect_descriptors();
	return 0;
}

/* Seeds: what the receiver must handle, expressed as steps. */
#define SEED(name, ...) fuzz_seed(name, (uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))
#define TWO(n)          (n) & 0xff, (n) >> 8
#define THREE(n)        (n) & 0xff, (n) >> 8 & 0xff, (n) >> 16

void fuzz_seeds(void)
{
	SEED("small", NOW, TWO(4), 2, RECEIVE, NOW, TWO(PAYLOAD - 1), 0xff, RECEIVE);
	SEED("packets", GOOD, THREE(30000), 1, RECEIVE, GOOD, THREE(65536), 0xff, RECEIVE);
	SEED("outside", GOOD, THREE(65537), 0, RECEIVE, GOOD, THREE(100000), 3, TAKE, 1, RECEIVE);
	SEED("descriptors", GOOD, THREE(0), 0xfe, RECEIVE, GOOD, THREE(100), 0xff, RECEIVE);
	SEED("parts", FIRST, 5, 1, THREE(1000), TWO(400), 1, RECEIVE, PART, TWO(300), 0, RECEIVE, PART, TWO(300), 0);
	SEED("parts-at-once", FIRST, 5, 3, THREE(900), TWO(400), 1, PART, TWO(300), 1, PART, TWO(200), 1, RECEIVE);
	SEED("too-much", FIRST, 5, 0, THREE(100), TWO(60), 0, PART, TWO(60), 0, RECEIVE);
	SEED("too-many", FIRST, 5, 1, THREE(100), TWO(60), 1, PART, TWO(40), 1, RECEIVE);
	SEED("nothing", FIRST, 5, 0, THREE(100), TWO(60), 0, PART, TWO(0), 0, RECEIVE, RAW, 0, 0, RECEIVE);
	SEED("claim", HEADER, 0, TWO(5), TWO(0), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, TWO(5000), 0, RECEIVE, PART,
	     TWO(5000), 0, PART, TWO(5000), 0, RECEIVE);
	SEED("header", HEADER, 0, TWO(7), TWO(1), 1, 0, 0, 0, 0x88, 0x13, 0, 0, 0, 0, 0, 0, TWO(0), 1, RECEIVE);
	SEED("no-magic", HEADER, 0xff, TWO(7), TWO(0), 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, TWO(1), 1, RECEIVE);
	SEED("raw", RAW, 30, 'b', 'e', 'g', '1', 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 'b', 'o',
	     'd', 'y', '.', '.', 1, RECEIVE, RAW, 5, 1, 2, 3, 4, 5, 2, RECEIVE);
	SEED("oversized", FIRST, 5, 1, THREE(60000), TWO(PAYLOAD + 20), 1, RECEIVE);
	for (uint8_t file = 0; file < FILES; file++) {
		char name[32];
		snprintf(name, sizeof(name), "file%u", file);
		SEED(name, LIE, file, TWO(0), 0, 0, RECEIVE, LIE, file, TWO(1), 1, 0, RECEIVE, LIE, file, 0xff, 0xff, 0,
		     0, RECEIVE);
	}
	SEED("changed", LIE, LARGE, TWO(0), 0, 0, CHANGE, LARGE, TWO(5), RECEIVE, CHANGE, PAGE, TWO(4097), LIE, PAGE,
	     TWO(1), 0, RECEIVE);
	SEED("file-more", LIE, SEALED, TWO(0), 0, 1, PART, TWO(0), 1, RECEIVE, LIE, PAGE, TWO(0), 1, 2, RECEIVE, PART,
	     TWO(0), 2);
	SEED("file-part", LIE, LARGE, TWO(0), 0, 1, PART, TWO(500), 0, RECEIVE, PART, TWO(0), 1, RECEIVE);
	SEED("file-whole-part", LIE, PAGE, TWO(0), 0, 1, PART, TWO(4096), 0, RECEIVE);
	SEED("dead-half", FIRST, 5, 3, THREE(60000), TWO(100), 2, PART, TWO(1000), 0, NOW, TWO(6), 2, RECEIVE);
	SEED("between", BETWEEN, FIRST, 5, 2, THREE(200), TWO(100), 1, NOW, TWO(6), 2, RECEIVE, FIRST, 9, 1, THREE(100),
	     TWO(50), 1, RECEIVE, PART, TWO(100), 1, RECEIVE);
	SEED("between-large", BETWEEN, FIRST, 5, 0, THREE(20000), TWO(8000), 0, LIE, SEALED, TWO(0), 1, 0, PART,
	     TWO(8000), 0, FIRST, 6, 0, THREE(9000), TWO(8000), 0, RECEIVE, PART, TWO(4000), 0, RECEIVE);
	SEED("full", NOW, TWO(4), 0xf0, NOW, TWO(4), 2, FULL, 3, RECEIVE);
	SEED("full-for-body", LIE, SEALED, TWO(0), 2, 0, FULL, 0, RECEIVE, LIE, SEALED, TWO(0), 2, 0, FULL, 1, RECEIVE);
	SEED("full-between", BETWEEN, FIRST, 5, 9, THREE(600), TWO(100), 3, FULL, 2, NOW, TWO(6), 2, FULL, 1, PART,
	     TWO(500), 3, RECEIVE);
	SEED("poor", POOR, 1, FIRST, 5, 0, THREE(20000), TWO(8000), 0, PART, TWO(8000), 0, RECEIVE);
	SEED("gone", FIRST, 5, 1, THREE(900), TWO(400), 1, HANG_UP, RECEIVE);
	SEED("gone-whole", NOW, TWO(4), 2, LIE, PAGE, TWO(0), 0, 0, HANG_UP, RECEIVE);
}
