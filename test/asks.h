/* A target that requests children from the helper's sockets, which only the library should do. */
#ifndef ASKS_H
#define ASKS_H

#include "message/report.h"
#include "message/request.h"
#include "os/fd.h"
#include "os/sock.h"

#include <poll.h>
#include <unistd.h>

/* 1: a child was born of it. */
static inline int asks(int fd, int patience_ms)
{
	struct beget__request request = {.caller = getpid(), .within_ms = 100};
	char buffer[BEGET__PACKET_SIZE];
	struct beget__frame frame;
	int pair[2], born = 0;

	if (beget__sock_pair(pair))
		return 0;
	if (fd != pair[0] && fd != pair[1] && beget__request_send_start(fd, pair[1], &request) == 0) {
		beget__fd_close(&pair[1]);
		beget__frame_init(&frame, buffer, NULL);
		if (poll(&(struct pollfd){.fd = pair[0], .events = POLLIN}, 1, patience_ms) == 1 &&
		    beget__frame_receive(pair[0], &frame, 0) == 1) {
			born = frame.kind == BEGET__BORN;
			beget__frame_clear(&frame);
		}
	}
	beget__fd_close(&pair[1]);
	beget__fd_close(&pair[0]);
	return born;
}

/* Asks over every descriptor, and returns the number of children born. */
static inline int asks_everybody(int patience_ms)
{
	struct ucred maker;
	int born = 0;

	for (int fd = 3; fd < 200; fd++)
		if (beget__sock_maker(fd, &maker) == 0)
			born += asks(fd, patience_ms);
	return born;
}

#endif
