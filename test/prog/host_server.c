/* A program that never calls beget_init opens a server, which is prepared by a function of a plugin: host_server
 * MODULE. Prints what that left in children by each method. */
#include <beget.h>

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char *const names[] = {"forkserver", "spawn"};
	void *module = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
	int (*keep)(int) = module ? (int (*)(int))(uintptr_t)dlsym(module, "plugin_keep") : NULL;
	int (*kept)(void) = module ? (int (*)(void))(uintptr_t)dlsym(module, "plugin_kept") : NULL;
	struct beget_server *server;

	if (!keep || !kept)
		return 2;
	if (beget_server_open(&server, BEGET_SERVER_OPTIONS(.prepare = BEGET_CALL(keep, 42), .spares = 1,
	                                                    .spawn_spares = 1)) < 0) {
		printf("%s\n", beget_error());
		return 1;
	}
	for (int i = 0; i < 6; i++) {
		struct beget_process *process;
		int number = -1;
		if (beget_start(&process,
		                BEGET_OPTIONS(.server = server, .method = i % 2 ? BEGET_SPAWN : BEGET_FORKSERVER),
		                BEGET_CALL(kept)) < 0 ||
		    beget_join(process, 30000, NULL) < 0 || beget_result(process, &number) < 0) {
			printf("%s\n", beget_error());
			return 1;
		}
		beget_free(process);
		printf("%s: %d\n", names[i % 2], number);
		usleep(5000);
	}
	beget_server_close(server);
	return 0;
}
