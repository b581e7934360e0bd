/* A plugin whose constructor opens a server and starts its own function with all methods, wherever it is loaded. */
#include <beget.h>

#include <stdlib.h>
#include <string.h>

int starter_said(void);

static int
	said; /* a digit for the server and each method: 1 worked, 2 refused as it should be, 9 neither */

static int one(void)
{
	return 1;
}

static int refused(void)
{
	return strstr(beget_error(), "constructor") ? 2 : 9;
}

static int serve(void)
{
	struct beget_server *server;

	if (beget_server_open(&server, NULL) < 0)
		return refused();
	beget_server_close(server);
	return 1;
}

static int start_by(enum beget_method method)
{
	struct beget_process *process;
	int n = 9;

	if (beget_start(&process, BEGET_OPTIONS(.method = method), BEGET_CALL(one)) < 0)
		return refused();
	beget_join(process, 30000, NULL);
	if (beget_result(process, &n) < 0)
		n = 9;
	beget_free(process);
	return n;
}

/* Stops the recursion if children were permitted to start. */
__attribute__((constructor)) static void loaded(void)
{
	const char *depth = getenv("STARTER_DEPTH");

	if (depth && strcmp(depth, "3") == 0)
		return;
	setenv("STARTER_DEPTH", !depth ? "1" : depth[0] == '1' ? "2" : "3", 1);
	said = 1000 * serve() + 100 * start_by(BEGET_FORK) + 10 * start_by(BEGET_SPAWN) + start_by(BEGET_FORKSERVER);
}

int starter_said(void)
{
	return said;
}
