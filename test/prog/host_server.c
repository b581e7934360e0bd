/* A program that never calls beget_init opens a server, which a function of a plugin prepares: host_server MODULE.
 * Prints what that changed in children with each method. Or host_server MODULE FUNCTION: the module is preloaded, and
 * the function's result in a child is printed. */
#include <beget.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int call(struct beget_server *server, enum beget_method method, int (*function)(void))
{
	struct beget_process *process;
	int number = -1;

	if (beget_start(&process, BEGET_OPTIONS(.server = server, .method = method), BEGET_CALL(function)) < 0 ||
	    beget_join(process, 30000, NULL) < 0 || beget_result(process, &number) < 0) {
		printf("%s\n", beget_error());
		exit(1);
	}
	beget_free(process);
	return number;
}

static int preloaded(const char *path, void *module, const char *name)
{
	int (*function)(void) = module ? (int (*)(void))(uintptr_t)dlsym(module, name) : NULL;
	struct beget_server *server;

	if (!function)
		return 2;
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.preload = (const char *[]){path, NULL})) < 0) {
		printf("%s\n", beget_error());
		return 1;
	}
	printf("preloaded: %d\n", call(server, BEGET_FORKSERVER, function));
	beget_server_close(server);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"forkserver", "spawn"};
	void *module = argc >= 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	int (*keep)(int) = module ? (int (*)(int))(uintptr_t)dlsym(module, "plugin_keep") : NULL;
	int (*kept)(void) = module ? (int (*)(void))(uintptr_t)dlsym(module, "plugin_kept") : NULL;
	struct beget_server *server;

	if (argc == 3)
		return preloaded(argv[1], module, argv[2]);
	if (!keep || !kept)
		return 2;
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(keep, 42), .spares = 1,
	                                                    .spawn_spares = 1)) < 0) {
		printf("%s\n", beget_error());
		return 1;
	}
	for (int i = 0; i < 6; i++) {
		printf("%s: %d\n", names[i % 2], call(server, i % 2 ? BEGET_SPAWN : BEGET_FORKSERVER, kept));
		usleep(5000);
	}
	beget_server_close(server);
	return 0;
}
