/* An HTTP service that predicts with a model. A server loads the model once; the children of the service are forks of
 * this server, which share its memory, and accept on one socket.
 *
 * service train FILE SEED   finds a model and writes it to FILE
 * service predict FILE      predicts the points on standard input, without a service
 * service serve FILE PORT   serves on this port of 127.0.0.1; 0 is any unused port
 *
 * SIGHUP loads the model again, SIGTTIN and SIGTTOU start and stop one child, SIGTERM and SIGINT end the service. */
#include "http.h"
#include "model.h"

#include <beget.h>
#include <beget/service.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { CHILDREN = 4, READY_MS = 10000, GRACE_MS = 10000 };

struct supervisor {
	const char *model;
	struct beget_service *service;
	struct beget_server *server; /* of which the children are forks */
	struct beget_server *next;   /* the one to reload with; NULL: no reload is in progress */
	bool again;                  /* another reload was requested meanwhile */
	unsigned children;
	bool failed; /* no child was ever healthy */
};

/* Does not wait for the model to be loaded; the service does that. */
static int open_server(const char *model, struct beget_server **ret)
{
	return beget_server_open(
		ret, BEGET_SERVER_OPTIONS(.flags = BEGET_SERVER_NO_WAIT, .prepare = BEGET_CALL(model_load, model)));
}

static int report_error(void)
{
	fprintf(stderr, "%s\n", beget_error());
	return 1;
}

/* A new server loads the model while the old children continue; then its children take over. */
static void reload(struct supervisor *s)
{
	struct beget_server *next = NULL;

	if (s->next) {
		s->again = true;
	} else if (open_server(s->model, &next) < 0 ||
	           beget_service_reload(s->service, BEGET_OPTIONS(.server = next), NULL) < 0) {
		report_error();
		beget_server_close(next);
	} else {
		s->next = next;
	}
}

/* Closes the server that no new child needs. */
static void end_reload(struct supervisor *s, struct beget_server *unused)
{
	bool again = s->again;

	beget_server_close(unused);
	s->next = NULL;
	s->again = false;
	if (again)
		reload(s);
}

static void handle_event(struct supervisor *s, const struct beget_service_event *event)
{
	struct beget_server *old = s->server;

	puts(event->text);
	if (event->kind == BEGET_SERVICE_RELOADED) {
		s->server = s->next;
		end_reload(s, old);
	} else if (event->kind == BEGET_SERVICE_RELOAD_FAILED) {
		end_reload(s, s->next);
	}
	s->failed |= event->kind == BEGET_SERVICE_GAVE_UP;
}

static void handle_signal(struct supervisor *s, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP: reload(s); break;
	case SIGTTIN: beget_service_scale(s->service, ++s->children); break;
	case SIGTTOU: beget_service_scale(s->service, s->children > 1 ? --s->children : 1); break;
	default: beget_service_stop(s->service, GRACE_MS);
	}
}

static void supervise(struct supervisor *s, int signals)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN},
		{.fd = beget_service_sentinel(s->service), .events = POLLIN},
	};
	struct beget_service_event event = {0};

	while (event.kind != BEGET_SERVICE_STOPPED) {
		poll(fds, 2, -1);
		if (fds[0].revents)
			handle_signal(s, signals);
		while (beget_service_next(s->service, 0, &event) == 0)
			handle_event(s, &event);
	}
}

/* Blocks the signals of the service and returns a descriptor to read them from. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP), sigaddset(&set, SIGTTIN), sigaddset(&set, SIGTTOU);
	sigaddset(&set, SIGTERM), sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int serve(const char *model, int port)
{
	struct supervisor s = {.model = model, .children = CHILDREN};
	int signals = open_signals(), listener = http_listen(port, &port);

	if (signals < 0 || listener < 0) {
		fprintf(stderr, "cannot listen on port %d: %s\n", port, strerror(listener < 0 ? -listener : errno));
		return 1;
	}
	if (open_server(model, &s.server) < 0)
		return report_error();
	const struct beget_options *start = BEGET_OPTIONS(.server = s.server);
	if (beget_service_open(&s.service,
	                       BEGET_SERVICE_OPTIONS(.children = CHILDREN, .ready_ms = READY_MS, .start = start),
	                       BEGET_CALL(http_serve, BEGET_FD(listener), model_validate, model_predict)) < 0)
		return report_error();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("http://127.0.0.1:%d/predict\n", port);
	supervise(&s, signals);
	beget_service_close(s.service);
	beget_server_close(s.next);
	beget_server_close(s.server);
	return s.failed;
}

static int predict_lines(const char *model)
{
	char line[100];

	if (model_load(model) < 0)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		struct point p;
		line[strcspn(line, "\n")] = '\0';
		if (model_validate(line, &p) < 0)
			return 1;
		printf("%d\n", model_predict(p));
	}
	return 0;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	const char *command = argc > 2 ? argv[1] : "";
	if (argc == 4 && strcmp(command, "train") == 0)
		return model_train(argv[2], (unsigned)atoi(argv[3])) < 0;
	if (argc == 4 && strcmp(command, "serve") == 0)
		return serve(argv[2], atoi(argv[3]));
	if (argc == 3 && strcmp(command, "predict") == 0)
		return predict_lines(argv[2]);
	fprintf(stderr, "usage: service train FILE SEED | predict FILE | serve FILE PORT\n");
	return 1;
}
