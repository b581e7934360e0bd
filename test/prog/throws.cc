// An exception that leaves a target: the child is aborted with every method, and none of the caller's frames, handlers
// or destructors runs in the child. Exits with 0 if so.
#include <beget.h>

#include <cstdio>
#include <cstring>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/resource.h>
#include <unistd.h>

static int witness[2];
static pid_t caller;

struct Scope {
	~Scope()
	{
		if (getpid() != caller && write(witness[1], "x", 1) < 0)
			_exit(9);
	}
};

static void throws()
{
	rlimit none = {1, RLIM_INFINITY};
	setrlimit(RLIMIT_CORE, &none);
	int null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO); // the runtime prints a message
	throw std::runtime_error("left the target");
}

static bool aborted(beget_method method)
{
	Scope scope;
	beget_options options{};
	options.size = sizeof options;
	options.method = method;
	beget_call call = {throws, BEGET_TYPE_VOID, 0, nullptr, 0, 0, 0, nullptr};
	beget_process *process = nullptr;
	beget_status status;

	try {
		if (beget_start(&process, &options, &call) < 0) {
			std::fprintf(stderr, "%s\n", beget_error());
			return false;
		}
	} catch (...) {
		if (write(witness[1], "x", 1) < 0)
			_exit(9);
		return false;
	}
	if (beget_join(process, 30000, &status) < 0)
		return false;
	char text[300];
	beget_describe(process, text, sizeof(text));
	beget_free(process);
	if (status.outcome == BEGET_SIGNALED && status.code == SIGABRT)
		return true;
	std::fprintf(stderr, "%s\n", text);
	return false;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	caller = getpid();
	if (pipe2(witness, O_CLOEXEC | O_NONBLOCK) < 0)
		return 2;
	for (int method = BEGET_FORKSERVER; method <= BEGET_FORK; method++)
		if (!aborted(static_cast<beget_method>(method)))
			return 1;
	if (getpid() != caller && write(witness[1], "x", 1) < 0)
		return 2;
	char byte;
	if (read(witness[0], &byte, 1) != -1) {
		std::fprintf(stderr, "the caller's code ran in a child\n");
		return 1;
	}
	return 0;
}
