/* Serves POST /predict with libmicrohttpd. Runs in the children of the service, which accept on the same socket. */
#include "http.h"

#include <beget/service.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_MAX = 100, TIMEOUT_S = 10 };

/* A child has one connection at a time, so that its crash costs one request at most. */
struct worker {
	validator *validate;
	predictor *predict;
	char body[BODY_MAX + 1];
	size_t size;
};

int http_listen(int port, int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Connection", "close");
	enum MHD_Result queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* Only valid input reaches the predictor. */
static enum MHD_Result answer(struct worker *w, struct MHD_Connection *connection)
{
	struct point p;
	char text[20];

	if (w->size > BODY_MAX || strlen(w->body) != w->size || w->validate(w->body, &p) < 0)
		return reply(connection, MHD_HTTP_BAD_REQUEST, "the body must be two numbers\n");
	snprintf(text, sizeof(text), "%d\n", w->predict(p));
	return reply(connection, MHD_HTTP_OK, text);
}

/* Keeps a part of the body; of a body that is too long, only the size. */
static void keep(struct worker *w, const char *data, size_t size)
{
	if (w->size <= BODY_MAX && size <= BODY_MAX - w->size)
		memcpy(w->body + w->size, data, size);
	w->size += size;
}

/* libmicrohttpd calls this once for the head of a request, then for each part of its body, then at its end. */
static enum MHD_Result handle(void *worker, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **request)
{
	struct worker *w = worker;

	(void)version;
	if (!*request) {
		memset(w->body, 0, sizeof(w->body));
		w->size = 0;
		*request = w;
		return MHD_YES;
	}
	if (*size > 0) {
		keep(w, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (strcmp(url, "/predict") != 0)
		return reply(connection, MHD_HTTP_NOT_FOUND, "only /predict is here\n");
	if (strcmp(method, "POST") != 0)
		return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only POST is possible\n");
	return answer(w, connection);
}

static bool has_connection(struct MHD_Daemon *daemon)
{
	return MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections > 0;
}

static int timeout_of(struct MHD_Daemon *daemon)
{
	MHD_UNSIGNED_LONG_LONG ms;

	return MHD_get_timeout(daemon, &ms) == MHD_YES ? (int)ms : -1;
}

/* Serves until this child is asked to finish, then accepts nothing new and completes the request that is open. */
static void serve(struct MHD_Daemon *daemon, int stopping)
{
	struct pollfd fds[] = {
		{.fd = stopping, .events = POLLIN},
		{.fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, .events = POLLIN},
	};
	bool finishing = false;

	while (!finishing || has_connection(daemon)) {
		poll(fds, 2, timeout_of(daemon));
		if (fds[0].revents && !finishing) {
			finishing = true;
			fds[0].fd = -1;
			MHD_quiesce_daemon(daemon);
		}
		MHD_run(daemon);
		if (!has_connection(daemon))
			MHD_run(daemon); /* at the limit it did not watch the listener; now it does */
	}
}

int http_serve(struct beget_fd listener, validator *validate, predictor *predict)
{
	struct worker w = {.validate = validate, .predict = predict};
	int stopping = beget_stopping();

	signal(SIGPIPE, SIG_IGN); /* a client may leave before its answer */
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, handle, &w, MHD_OPTION_LISTEN_SOCKET, listener.fd,
		MHD_OPTION_CONNECTION_LIMIT, 1u, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
	if (!daemon)
		return -EIO;
	int error = stopping < 0 ? stopping : beget_ready();
	if (error == 0)
		serve(daemon, stopping);
	MHD_stop_daemon(daemon);
	return error;
}
