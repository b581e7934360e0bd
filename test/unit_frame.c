/* Frames over a socket pair: what is sent arrives complete with its descriptors, in every way in which a frame can be
 * sent. What is not a frame is an error, leaks nothing, and leaves the socket usable. */
#include "fault.h"
#include "harness.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/libc.h"
#include "os/sock.h"
#include "wire/frame.h"
#include "wire/send.h"
#include "wire_format.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KIND = 7 };

static int sides[2]; /* sender, receiver */

static struct {
	struct beget__frame frame;
	char buffer[BEGET__PACKET_SIZE];
} in;

static void up(void)
{
	assert_int_equal(beget__sock_pair(sides), 0);
	beget__frame_init(&in.frame, in.buffer, NULL);
}

static void down(void)
{
	beget__frame_clear(&in.frame);
	beget__fd_close(&sides[0]);
	beget__fd_close(&sides[1]);
}

/* Bytes that depend on their position. */
static char *pattern(size_t size)
{
	char *p = malloc(size + 1);

	assert_non_null(p);
	for (size_t i = 0; i < size; i++)
		p[i] = (char)(i * 31 + (i >> 8) + (i >> 16));
	return p;
}

static int send_bytes(const void *data, size_t size, const int *fds, int nfds)
{
	return beget__send_frame(sides[0], KIND, &(struct iovec){(void *)data, size}, 1, fds, nfds);
}

static int send_within(const void *data, size_t size, const int *fds, int nfds, int timeout_ms)
{
	return beget__send_within(sides[0], KIND, &(struct iovec){(void *)data, size}, 1, fds, nfds, timeout_ms);
}

static int receive(void)
{
	return beget__frame_receive(sides[1], &in.frame, MSG_DONTWAIT);
}

static void expect_frame(const char *body, size_t size, int nfds)
{
	assert_int_equal(receive(), 1);
	assert_int_equal(in.frame.kind, KIND);
	assert_int_equal(in.frame.size, size);
	assert_int_equal(in.frame.nfds, nfds);
	assert_true(size == 0 || memcmp(in.frame.body, body, size) == 0);
}

/* The socket still carries frames. */
static void expect_service(void)
{
	beget__frame_clear(&in.frame);
	assert_int_equal(send_bytes("good", 5, (int[]){sides[0]}, 1), 0);
	expect_frame("good", 5, 1);
	beget__frame_clear(&in.frame);
	assert_int_equal(receive(), -EAGAIN);
}

/* One packet, as a peer without our code would send it. */
static void send_raw(const void *data, size_t size, const int *fds, int nfds)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = {0};
	struct iovec iov = {(void *)data, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nfds) {
		m.msg_control = control;
		m.msg_controllen = (socklen_t)CMSG_SPACE((size_t)nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = (socklen_t)CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	assert_int_equal(beget__libc_sendmsg(sides[0], &m, MSG_DONTWAIT), size);
}

static void send_packet(struct header header, size_t body, int nfds)
{
	static char packet[2 * BEGET__PACKET_SIZE];
	int fds[253];

	memcpy(packet, &header, sizeof(header));
	for (int i = 0; i < nfds; i++)
		fds[i] = sides[1];
	send_raw(packet, sizeof(header) + body, fds, nfds);
}

/* Up to 64 KiB the sender does not wait for the receiver; a larger body is sent as a file. */
static void every_size(void)
{
	static const size_t sizes[] = {
		0,
		1,
		PAYLOAD - 1,
		PAYLOAD,
		PAYLOAD + 1,
		2 * PAYLOAD - 1,
		2 * PAYLOAD,
		3 * PAYLOAD,
		BEGET__FRAME_INLINE - 1,
		BEGET__FRAME_INLINE,
		BEGET__FRAME_INLINE + 1,
		1 << 20,
	};

	up();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *body = pattern(sizes[i]);
		assert_int_equal(send_bytes(body, sizes[i], NULL, 0), 0);
		expect_frame(body, sizes[i], 0);
		assert_int_equal(in.frame.outside, sizes[i] > BEGET__FRAME_INLINE);
		beget__frame_clear(&in.frame);
		free(body);
	}
	expect_service();
	down();
}

static void expect_tagged(size_t size, int nfds)
{
	char *body = pattern(size);

	assert_int_equal(beget__send_tagged(sides[0], KIND, 5, &(struct iovec){body, size}, 1, sides, nfds), 0);
	expect_frame(body, size, nfds);
	assert_int_equal(in.frame.tag, 5);
	assert_false(in.frame.outside && size <= 4 << 20);
	beget__frame_clear(&in.frame);
	free(body);
}

/* Frames with a tag travel in one packet if the socket allows it. A larger body is read into the buffer, which grows.
 */
static void with_a_tag(void)
{
	static const size_t sizes[] = {0,       1,      BEGET__PACKET_ONE - 1, BEGET__PACKET_ONE, BEGET__PACKET_ONE + 1,
	                               1 << 20, 5 << 20};
	const int limits[] = {0, 16 << 10};

	for (int i = 0; i < 2; i++) {
		up();
		beget__frame_init(&in.frame, malloc(BEGET__PACKET_WIDE), NULL);
		in.frame.space = BEGET__PACKET_WIDE;
		if (limits[i])
			assert_int_equal(setsockopt(sides[0], SOL_SOCKET, SO_SNDBUF, &limits[i], sizeof(limits[i])), 0);
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			for (int nfds = 0; nfds < 3; nfds++)
				expect_tagged(sizes[k], nfds);
		expect_service();
		beget__frame_clear(&in.frame);
		free(in.frame.buffer);
		down();
	}
}

/* A body that is taken out of its frame stays when the next one arrives. */
static void kept(void)
{
	static const size_t sizes[] = {0, 10, PAYLOAD, 2 * PAYLOAD, BEGET__FRAME_INLINE + 1};

	up();
	beget__frame_init(&in.frame, NULL, NULL);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *body = pattern(sizes[i]);
		struct beget__body keep;
		if (!in.frame.buffer)
			in.frame.buffer = malloc(BEGET__PACKET_SIZE);
		assert_int_equal(send_bytes(body, sizes[i], NULL, 0), 0);
		expect_frame(body, sizes[i], 0);
		beget__frame_keep(&in.frame, &keep);
		assert_ptr_equal(in.frame.body, keep.at);
		beget__frame_clear(&in.frame);
		assert_memory_equal(keep.at, body, sizes[i]);
		beget__frame_free(&keep);
		assert_null(keep.at);
		free(body);
	}
	free(in.frame.buffer);
	down();
}

static void gathered_from_many_pieces(void)
{
	struct iovec iov[120];
	char *body = pattern(60000);
	size_t at = 0;

	for (size_t i = 0; i < 120; i++) {
		iov[i] = (struct iovec){body + at, i % 5 ? i * 9 : 0};
		at += iov[i].iov_len;
	}
	assert_true(at > 5 * PAYLOAD && at <= 60000);
	up();
	assert_int_equal(beget__send_frame(sides[0], KIND, iov, 120, NULL, 0), 0);
	expect_frame(body, at, 0);
	beget__frame_clear(&in.frame);
	expect_service();
	down();
	free(body);
}

struct reading {
	const char *body;
	size_t size;
	int nfds;
	bool good;
};

/* A receiver in a thread, which must not assert. */
static void *read_frame(void *data)
{
	struct reading *r = data;

	r->good = beget__frame_receive(sides[1], &in.frame, 0) == 1 && in.frame.size == r->size &&
	          in.frame.nfds == r->nfds && memcmp(in.frame.body, r->body, r->size) == 0;
	return NULL;
}

static void through_a_reader(size_t size, int nfds)
{
	char *body = pattern(size);
	struct reading reading = {body, size, nfds, false};
	pthread_t reader;
	int fds[BEGET__FRAME_FDS];

	for (int i = 0; i < nfds; i++)
		fds[i] = sides[0];
	assert_int_equal(pthread_create(&reader, NULL, read_frame, &reading), 0);
	int sent = send_bytes(body, size, fds, nfds);
	pthread_join(reader, NULL);
	assert_int_equal(sent, 0);
	assert_true(reading.good);
	beget__frame_clear(&in.frame);
	free(body);
}

static void in_packets_where_no_file_can_be_had(void)
{
	up();
	fault_every(" memfd_create open ", EMFILE);
	through_a_reader(BEGET__FRAME_INLINE + 1, 0);
	through_a_reader(1 << 20, 3);
	through_a_reader(16 << 20, 0);
	assert_true(fault_off() >= 9);
	fault_every(" writev ", ENOSPC); /* the file can be created but not filled */
	through_a_reader(1 << 20, 254);
	assert_int_equal(fault_off(), 1);
	expect_service();
	down();
}

static void by_temporary_file_where_no_memory_file_can_be_had(void)
{
	char *body = pattern(1 << 20);

	up();
	fault_every(" memfd_create ", ENOSYS);
	assert_int_equal(send_bytes(body, 1 << 20, NULL, 0), 0);
	assert_int_equal(fault_off(), 1);
	expect_frame(body, 1 << 20, 0);
	assert_true(in.frame.outside);
	in.frame.body[0] = 'x'; /* private memory */
	down();
	free(body);
}

static void expect_descriptors(int n, size_t size)
{
	struct beget__identity identity[2] = {beget__fd_identity(sides[0]), beget__fd_identity(sides[1])};
	char *body = pattern(size);
	int fds[BEGET__FRAME_FDS];

	for (int i = 0; i < n; i++)
		fds[i] = sides[i % 3 == 1];
	assert_int_equal(send_bytes(body, size, fds, n), 0);
	expect_frame(body, size, n);
	for (int i = 0; i < n; i++) {
		assert_true(beget__fd_is(in.frame.fds[i], &identity[i % 3 == 1]));
		assert_int_equal(fcntl(in.frame.fds[i], F_GETFD), FD_CLOEXEC);
	}
	beget__frame_clear(&in.frame);
	free(body);
}

static void every_number_of_descriptors(void)
{
	static const int numbers[] = {1, 2, 252, 253, 254, 255, 256, 270, BEGET__FRAME_FDS - 1};
	int fds[BEGET__FRAME_FDS] = {0};

	up();
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		expect_descriptors(numbers[i], 0);
		expect_descriptors(numbers[i], 100);
		expect_descriptors(numbers[i], 3 * PAYLOAD);
		expect_descriptors(numbers[i], BEGET__FRAME_INLINE + 1);
	}
	assert_int_equal(send_bytes("", 1, fds, BEGET__FRAME_FDS), -EMSGSIZE);
	assert_int_equal(receive(), -EAGAIN);
	down();
}

static void a_descriptor_taken_is_not_closed(void)
{
	up();
	assert_int_equal(send_bytes("", 0, sides, 2), 0);
	expect_frame("", 0, 2);
	int fd = beget__frame_take(&in.frame, 0);
	beget__frame_clear(&in.frame);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(send_bytes("", 0, (int[]){-1}, 1), -EBADF);
	expect_service();
	down();
}

static void small_ones_never_wait(void)
{
	char body[PAYLOAD + 1] = {0};
	int error = 0, fds[254], n = 0;

	up();
	for (int i = 0; i < 254; i++)
		fds[i] = sides[0];
	assert_int_equal(beget__send_now(sides[0], KIND, body, sizeof(body)), -EMSGSIZE);
	assert_int_equal(send_within(body, 1, fds, 254, 0), -EMSGSIZE);
	assert_int_equal(send_within(body, PAYLOAD, fds, 253, 0), 0);
	expect_frame(body, PAYLOAD, 253);
	beget__frame_clear(&in.frame);
	while (send(sides[0], body, PAYLOAD, MSG_DONTWAIT) > 0)
		n++;
	assert_int_equal(beget__send_now(sides[0], KIND, "word", 4), 0); /* nevertheless */
	for (int i = 0; i < 100000 && !error; i++)
		error = beget__send_now(sides[0], KIND, body, PAYLOAD);
	assert_int_equal(error, -EAGAIN);
	while (n-- > 0)
		assert_int_equal(recv(sides[1], body, sizeof(body), 0), PAYLOAD);
	expect_frame("word", 4, 0);
	down();
}

static void in_parts(void)
{
	char *body = pattern(3 * PAYLOAD);

	up();
	for (size_t at = 0; at < 3 * PAYLOAD; at += PAYLOAD) {
		struct header header = {.magic = MAGIC, .kind = MORE};
		char packet[BEGET__PACKET_SIZE];
		if (at == 0)
			header = (struct header){.magic = MAGIC, .kind = KIND, .length = 3 * PAYLOAD};
		assert_int_equal(receive(), -EAGAIN);
		memcpy(packet, &header, sizeof(header));
		memcpy(packet + sizeof(header), body + at, PAYLOAD);
		send_raw(packet, sizeof(packet), NULL, 0);
	}
	expect_frame(body, 3 * PAYLOAD, 0);
	down();
	free(body);
}

static const struct garbage {
	struct header header;
	size_t body; /* after the header */
	int nfds;
	bool after_first; /* after a valid first packet: kind 7, 100 bytes of which 40 have arrived, no descriptor */
} garbage[] = {
	{{MAGIC + 1, KIND, 0, 0, 0, 0}, 0, 0, false},
	{{0, 0, 0, 0, 0, 0}, 0, 0, false},
	{{MAGIC, MORE, 0, 0, 0, 0}, 0, 0, false},
	{{MAGIC, MORE, 0, 0, 0, 9}, 9, 0, false},
	{{MAGIC, KIND, 2, 0, 0, 0}, 0, 0, false},
	{{MAGIC, KIND, 0xffff, 1, 0, 0}, 0, 1, false},
	{{MAGIC, KIND, 0, BEGET__FRAME_FDS + 1, 0, 0}, 0, 1, false},
	{{MAGIC, KIND, 0, UINT32_MAX, 0, 0}, 0, 1, false},
	{{MAGIC, KIND, 0, 0, 0, UINT64_MAX}, 8, 0, false},
	{{MAGIC, KIND, 0, 0, 0, SIZE_MAX / 2}, 8, 0, false},
	{{MAGIC, KIND, 0, 0, 0, 3}, 4, 0, false}, /* more bytes than announced */
	{{MAGIC, KIND, 0, 0, 0, 0}, 1, 0, false},
	{{MAGIC, KIND, 0, 0, 0, 4}, 4, 1, false}, /* more descriptors */
	{{MAGIC, KIND, 0, 1, 0, 4}, 4, 253, false},
	{{MAGIC, KIND, 0, 0, 0, 2 * BEGET__PACKET_SIZE}, PAYLOAD + 1, 1, false}, /* oversized */
	{{MAGIC, KIND, OUTSIDE, 1, 0, 100}, 1, 1, false},                        /* both inside and outside */
	{{MAGIC, KIND, OUTSIDE, 0, 0, 100}, 0, 0, false},
	{{MAGIC, KIND, OUTSIDE, 1, 0, 0}, 0, 1, false},
	{{MAGIC, MORE, 0, 0, 0, 0}, 0, 0, true}, /* no progress */
	{{MAGIC, MORE, 0, 0, 0, 0}, 61, 0, true},
	{{MAGIC, MORE, 0, 0, 0, 60}, 60, 0, true},
	{{MAGIC, MORE, 1, 0, 0, 0}, 60, 0, true},
	{{MAGIC, MORE, 0, 1, 0, 0}, 60, 1, true},
	{{MAGIC, MORE, 0, 0, 0, 0}, 60, 1, true},
	{{MAGIC + 1, MORE, 0, 0, 0, 0}, 60, 0, true},
	{{MAGIC, MORE, 0, 0, 0, 0}, PAYLOAD + 1, 0, true},
};

static void what_is_no_frame(void)
{
	up();
	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		const struct garbage *g = &garbage[i];
		int before = count_descriptors();
		if (g->after_first) {
			send_packet((struct header){MAGIC, KIND, 0, 0, 0, 100}, 40, 0);
			assert_int_equal(receive(), -EAGAIN);
		}
		send_packet(g->header, g->body, g->nfds);
		int got = receive();
		if (got != -EBADMSG)
			fail_msg("garbage %zu: %d", i, got);
		expect_service();
		assert_int_equal(count_descriptors(), before);
	}
	down();
}

static void shorter_than_a_header(void)
{
	static const struct header header = {MAGIC, KIND, 0, 0, 0, 0};

	up();
	for (size_t size = 1; size < sizeof(header); size++) {
		send_raw(&header, size, sides, 1);
		assert_int_equal(receive(), -EBADMSG);
		expect_service();
	}
	down();
}

/* An empty packet reads like the end of the connection. */
static void an_empty_packet_is_not_the_end(void)
{
	up();
	assert_int_equal(send(sides[0], "", 0, 0), 0);
	assert_int_equal(receive(), -EBADMSG);
	expect_service();
	beget__fd_close(&sides[0]);
	assert_int_equal(receive(), 0);
	down();
	up();
	for (int nfds = 0; nfds < 3; nfds++) {
		int before = count_descriptors();
		send_raw("", 0, sides, nfds);
		assert_int_equal(receive(), -EBADMSG);
		assert_int_equal(count_descriptors(), before); /* its descriptors are closed */
	}
	assert_int_equal(send(sides[0], "", 0, 0), 0);
	assert_int_equal(send(sides[0], "", 0, 0), 0);
	assert_int_equal(send_bytes("last", 5, NULL, 0), 0);
	beget__fd_close(&sides[0]); /* earlier messages are still received */
	expect_frame("last", 5, 0);
	beget__frame_clear(&in.frame);
	assert_int_equal(receive(), 0);
	down();
}

/* The kernel may report the end before the last packets are read; to the receiver, an empty packet looks the same. */
static void an_end_before_the_last_packets(void)
{
	struct header first = {MAGIC, KIND, 0, 0, 0, 100}, later = {MAGIC, MORE, 0, 0, 0, 0};

	up();
	send_packet(first, 40, 0);
	assert_int_equal(receive(), -EAGAIN);
	send_raw("", 0, NULL, 0);
	send_packet(later, 60, 0);
	beget__fd_close(&sides[0]);
	assert_int_equal(receive(), 1);
	assert_int_equal(in.frame.size, 100);
	beget__frame_clear(&in.frame);
	assert_int_equal(receive(), 0);
	down();
}

/* A body "in a file" that is not a file, is too short, or cannot be mapped. */
static void outside_bodies_that_lie(void)
{
	struct header header = {MAGIC, KIND, OUTSIDE, 1, 0, 100000};
	int pipes[2], file = beget__file_create(0), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(file >= 0 && null >= 0 && pipe2(pipes, O_CLOEXEC) == 0);
	assert_int_equal(ftruncate(file, 99999), 0);
	up();
	int liars[] = {pipes[0], pipes[1], file, null};
	for (size_t i = 0; i < sizeof(liars) / sizeof(*liars); i++) {
		send_raw(&header, sizeof(header), &liars[i], 1);
		int got = receive();
		if (got != -EBADMSG && got != -ENODEV && got != -EACCES)
			fail_msg("liar %zu: %d", i, got);
		expect_service();
	}
	header.length = SIZE_MAX / 4;
	send_raw(&header, sizeof(header), &file, 1);
	assert_true(receive() < 0);
	expect_service();
	down();
	beget__fd_close(&file);
	close(null);
	close(pipes[0]);
	close(pipes[1]);
}

/* The sender can still write or truncate the file: the received body stays as it was. */
static void a_file_that_changes_under_the_reader(void)
{
	static const int seals[] = {0, F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE | F_SEAL_SHRINK};
	struct header header = {MAGIC, KIND, OUTSIDE, 1, 0, 100000};
	char *body = pattern(100000);

	up();
	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++) {
		int file = beget__file_create(0);
		assert_int_equal(write(file, body, 100000), 100000);
		assert_int_equal(fcntl(file, F_ADD_SEALS, seals[i]), 0);
		send_raw(&header, sizeof(header), &file, 1);
		assert_int_equal(receive(), 1);
		(void)!pwrite(file, "changed", 7, 0);
		(void)!ftruncate(file, 0);
		assert_memory_equal(in.frame.body, body, 100000);
		in.frame.body[99999] = 'x'; /* private memory */
		beget__frame_clear(&in.frame);
		beget__fd_close(&file);
	}
	expect_service();
	down();
	free(body);
}

/* A file size does not mean that as many bytes have arrived. */
static void a_file_of_holes(void)
{
	struct header header = {MAGIC, KIND, OUTSIDE, 1, 0, (1 << 28) + 7};
	int file = beget__file_create(0);
	struct rusage before, after;

	up();
	assert_int_equal(pwrite(file, "in the middle", 14, 1 << 27), 14);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ftruncate(file, (1 << 28) + 7 - i), 0);
		getrusage(RUSAGE_SELF, &before);
		send_raw(&header, sizeof(header), &file, 1);
		assert_int_equal(receive(), i ? -EBADMSG : 1);
		getrusage(RUSAGE_SELF, &after);
		assert_true(i || memcmp(in.frame.body + (1 << 27), "in the middle", 14) == 0);
		assert_true(i || in.frame.body[(1 << 28) + 6] == 0);
		assert_true(after.ru_maxrss - before.ru_maxrss < 1 << 16); /* KiB */
		expect_service();
	}
	down();
	beget__fd_close(&file);
}

/* A body is either in a file or in packets, never in both. */
static void a_body_in_a_file_has_no_packets(void)
{
	static const size_t sizes[] = {1, 4095, 4096};
	int fds[2] = {beget__file_create(0), 0};

	assert_true(fds[0] >= 0 && ftruncate(fds[0], 4096) == 0);
	up();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct header header = {MAGIC, KIND, OUTSIDE, 2, 0, 4096};
		send_raw(&header, sizeof(header), fds, 1);
		assert_int_equal(receive(), -EAGAIN);
		send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, sizes[i], 0);
		assert_int_equal(receive(), -EBADMSG);
		expect_service();
		send_raw(&header, sizeof(header), fds, 1);
		/* The missing descriptor may arrive with this packet. */
		send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, 0, 1);
		assert_int_equal(receive(), 1);
		assert_int_equal(in.frame.nfds, 1);
		expect_service();
	}
	down();
	beget__fd_close(&fds[0]);
}

static void a_length_alone_allocates_nothing(void)
{
	up();
	send_packet((struct header){MAGIC, KIND, 0, 0, 0, SIZE_MAX / 8}, 10, 0);
	assert_int_equal(receive(), -EAGAIN);
	assert_int_equal(in.frame.room, 0);
	for (size_t got = 10; got < 500000; got += 1000) {
		send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, 1000, 0);
		assert_int_equal(receive(), -EAGAIN);
		assert_true(in.frame.room <= 4 * (got + 1000));
	}
	beget__frame_clear(&in.frame);
	expect_service();
	down();
}

static void the_sender_ends(void)
{
	up();
	send_packet((struct header){MAGIC, KIND, 0, 1, 0, 3 * PAYLOAD}, PAYLOAD, 1);
	send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, PAYLOAD, 0);
	beget__fd_close(&sides[0]);
	assert_int_equal(receive(), 0);
	assert_int_equal(receive(), 0);
	down();
}

static void the_receiver_is_gone(void)
{
	char *body = pattern(1 << 20);

	up();
	beget__fd_close(&sides[1]);
	assert_int_equal(send_bytes("a", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
	assert_int_equal(send_bytes(body, 1 << 20, NULL, 0), -EPIPE);
	assert_int_equal(beget__send_now(sides[0], KIND, "a", 1), -EPIPE);
	down();
	up();
	assert_int_equal(beget__send_frame(sides[1], KIND, NULL, 0, NULL, 0), 0);
	beget__fd_close(&sides[0]); /* with an unread frame */
	assert_int_equal(receive(), -ECONNRESET);
	assert_int_equal(receive(), 0);
	down();
	free(body);
}

/* An incomplete frame from a sender that died, followed by a complete one from another sender on the same socket. */
static void half_a_frame(size_t packets, int nfds)
{
	send_packet((struct header){MAGIC, 5, 0, (uint32_t)nfds + 1, 0, 60000}, 100, nfds);
	for (size_t i = 0; i < packets; i++)
		send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, 1000, 0);
}

static void a_dead_half_frame(void)
{
	up();
	for (size_t packets = 0; packets < 3; packets++)
		for (int nfds = 0; nfds <= 253; nfds += 23) {
			int before = count_descriptors();
			half_a_frame(packets, nfds);
			assert_int_equal(send_bytes("other", 6, sides, 2), 0);
			expect_frame("other", 6, 2);
			expect_service();
			half_a_frame(packets, nfds);
			assert_int_equal(receive(), -EAGAIN);
			expect_descriptors(254, 2 * PAYLOAD);
			expect_service();
			assert_int_equal(count_descriptors(), before);
		}
	down();
}

/* With two senders, a frame of one may arrive between the packets of the other's, and both are received. */
static void between_the_packets(void)
{
	static struct {
		struct beget__frame frame;
		char buffer[BEGET__PACKET_SIZE];
	} other;

	up();
	beget__frame_init(&other.frame, other.buffer, NULL);
	in.frame.between = &other.frame;
	send_packet((struct header){MAGIC, KIND, 0, 2, 0, 200}, 100, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send_bytes("other", 6, sides, 2), 0);
		assert_int_equal(receive(), 2);
		assert_int_equal(other.frame.size, 6);
		assert_memory_equal(other.frame.body, "other", 6);
		assert_int_equal(other.frame.nfds, 2);
		beget__frame_clear(&other.frame);
		send_packet((struct header){MAGIC, 9, 0, 1, 0, 100}, 50, 1); /* incomplete: it is dropped */
		assert_int_equal(receive(), -EAGAIN);
	}
	send_packet((struct header){MAGIC, MORE, 0, 0, 0, 0}, 100, 1);
	assert_int_equal(receive(), 1);
	assert_int_equal(in.frame.size, 200);
	assert_int_equal(in.frame.nfds, 2);
	in.frame.between = NULL;
	expect_service();
	down();
}

static void the_table_is_full(void)
{
	int fds[10];

	not_under_valgrind("it keeps descriptors of its own in the table");
	up();
	for (int i = 0; i < 10; i++)
		fds[i] = sides[0];
	for (int places = 0; places < 10; places++) {
		assert_int_equal(send_bytes("body", 5, fds, 10), 0);
		assert_int_equal(send_bytes("next", 5, NULL, 0), 0);
		struct rlimit before = leave_places(places);
		int got = receive();
		setrlimit(RLIMIT_NOFILE, &before);
		assert_int_equal(got, -EMFILE);
		assert_string_equal(in.frame.body, "body");
		assert_int_equal(in.frame.nfds, 10);
		for (int i = 0; i < 10; i++)
			assert_int_equal(in.frame.fds[i] >= 0, i < places);
		beget__frame_clear(&in.frame);
		expect_frame("next", 5, 0);
		expect_service();
	}
	down();
}

/* The second packet's descriptors find no free numbers: those of a third must not take their places. */
static void the_table_is_full_for_the_rest(void)
{
	int fds[BEGET__FRAME_FDS];

	not_under_valgrind("it keeps descriptors of its own in the table");
	up();
	for (int i = 0; i < 270; i++)
		fds[i] = sides[0];
	assert_int_equal(send_bytes("body", 5, fds, 270), 0);
	struct rlimit before = leave_places(40);
	int got = receive();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(got, -EMFILE);
	assert_int_equal(in.frame.nfds, 270);
	assert_true(in.frame.fds[39] >= 0 && in.frame.fds[40] < 0 && in.frame.fds[269] < 0);
	expect_service();
	down();
}

/* If the file with the body was dropped, there is no body. */
static void no_room_for_the_body(void)
{
	not_under_valgrind("it keeps descriptors of its own in the table");
	char *body = pattern(1 << 20);

	up();
	assert_int_equal(send_bytes(body, 1 << 20, sides, 1), 0);
	struct rlimit before = leave_places(0);
	int got = receive();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(got, -EMFILE);
	assert_int_equal(in.frame.size, 0);
	expect_service();
	assert_int_equal(send_bytes(body, 1 << 20, NULL, 0), 0);
	fault_every(" mmap ", ENOMEM);
	assert_int_equal(receive(), -ENOMEM);
	assert_int_equal(fault_off(), 1);
	expect_service();
	down();
	free(body);
}

/* An incomplete frame that lost descriptors does not affect the next. */
static void a_dead_half_frame_in_a_full_table(void)
{
	up();
	send_packet((struct header){MAGIC, 5, 0, 9, 0, 60000}, 100, 9);
	struct rlimit before = leave_places(3);
	int got = receive();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(got, -EAGAIN);
	assert_int_equal(send_bytes("other", 6, sides, 2), 0);
	expect_frame("other", 6, 2);
	expect_service();
	down();
}

/* Too many descriptors in flight: the receiver gets some time to take them, but not forever. */
static void too_many_on_their_way(void)
{
	up();
	fault_nth(" sendmsg_fds ", 1, ETOOMANYREFS);
	assert_int_equal(send_bytes("some", 4, sides, 2), 0);
	assert_int_equal(fault_off(), 1);
	expect_frame("some", 4, 2);
	beget__frame_clear(&in.frame);
	for (int timeout = -1; timeout < 5000; timeout += 5000) {
		fault_nth(" sendmsg_fds ", 1, ETOOMANYREFS);
		assert_int_equal(send_within("more", 4, sides, 2, timeout), 0);
		assert_int_equal(fault_off(), 1);
		expect_frame("more", 4, 2);
		beget__frame_clear(&in.frame);
	}
	fault_every(" sendmsg_fds ", ETOOMANYREFS);
	int64_t begun = now_ms();
	assert_int_equal(send_within("late", 4, sides, 2, 30), -EMFILE);
	assert_true(now_ms() - begun >= 30);
	assert_int_equal(send_within("late", 4, sides, 2, 0), -EMFILE);
	begun = now_ms();
	assert_int_equal(send_within("late", 4, sides, 2, -1), -EMFILE);
	assert_int_equal(send_bytes("late", 4, sides, 2), -EMFILE);
	assert_true(now_ms() - begun >= 2000);
	fault_off();
	expect_service();
	down();
}

/* A sender that cannot send the rest of a frame sends others. The receiver, which expects frames of a second sender
 * between the packets of one, drops what it has. */
static void a_frame_that_is_given_up(void)
{
	static struct {
		struct beget__frame frame;
		char buffer[BEGET__PACKET_SIZE];
	} other;
	char *body = pattern(60000);

	up();
	beget__frame_init(&other.frame, other.buffer, NULL);
	for (int sent = 0; sent < 7; sent++) {
		in.frame.between = &other.frame;
		fault_nth(" sendmsg ", sent + 1, ENOBUFS);
		assert_int_equal(send_bytes(body, 60000, sides, 2), -ENOBUFS);
		assert_int_equal(fault_off(), 1);
		assert_int_equal(receive(), sent > 0 ? -EBADMSG : -EAGAIN);
		beget__frame_clear(&in.frame);
		assert_int_equal(send_bytes(body, 60000, NULL, 0), 0);
		expect_frame(body, 60000, 0);
		in.frame.between = NULL;
		expect_service();
	}
	down();
	free(body);
}

static void failures_of_the_kernel(void)
{
	up();
	fault_every(" sendmsg ", ENOBUFS);
	assert_int_equal(send_bytes("a", 1, NULL, 0), -ENOBUFS);
	assert_int_equal(beget__send_now(sides[0], KIND, "a", 1), -ENOBUFS);
	fault_every(" recvmsg ", ENOMEM);
	assert_int_equal(receive(), -ENOMEM);
	fault_off();
	expect_service();
	down();
}

int main(void)
{
	static const struct unit table[] = {
		UNIT(every_size),
		UNIT(with_a_tag),
		UNIT(kept),
		UNIT(gathered_from_many_pieces),
		UNIT(in_packets_where_no_file_can_be_had),
		UNIT(by_temporary_file_where_no_memory_file_can_be_had),
		UNIT(every_number_of_descriptors),
		UNIT(a_descriptor_taken_is_not_closed),
		UNIT(small_ones_never_wait),
		UNIT(in_parts),
		UNIT(what_is_no_frame),
		UNIT(shorter_than_a_header),
		UNIT(an_empty_packet_is_not_the_end),
		UNIT(an_end_before_the_last_packets),
		UNIT(outside_bodies_that_lie),
		UNIT(a_file_that_changes_under_the_reader),
		UNIT(a_file_of_holes),
		UNIT(a_body_in_a_file_has_no_packets),
		UNIT(a_length_alone_allocates_nothing),
		UNIT(the_sender_ends),
		UNIT(the_receiver_is_gone),
		UNIT(a_dead_half_frame),
		UNIT(between_the_packets),
		UNIT(the_table_is_full),
		UNIT(the_table_is_full_for_the_rest),
		UNIT(no_room_for_the_body),
		UNIT(a_dead_half_frame_in_a_full_table),
		UNIT(too_many_on_their_way),
		UNIT(a_frame_that_is_given_up),
		UNIT(failures_of_the_kernel),
	};

	return run_units(table, sizeof(table) / sizeof(*table), 0);
}
