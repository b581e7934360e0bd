// C++ cannot use BEGET_CALL: here a template fills in struct beget_call, and the compiler checks the types.
// Add an overload of code() for each type that your targets take or return; BEGET_CALL(3) lists the type codes.
#include <beget.h>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

static unsigned code(int *)
{
	return BEGET_TYPE_INT;
}
static unsigned code(double *)
{
	return BEGET_TYPE_DOUBLE;
}
static unsigned code(const char **)
{
	return BEGET_TYPE_STRING;
}

// Runs function(args...) in a new process and waits for its result.
template <class Result, class... Params>
static Result in_child(beget_method method, Result (*function)(Params...),
                       typename std::common_type<Params>::type... values)
{
	const beget_arg args[] = {{code(static_cast<Params *>(nullptr)), 0, sizeof(Params), &values, nullptr}...};
	beget_call call = {};
	call.function = reinterpret_cast<void (*)()>(function);
	call.result = code(static_cast<Result *>(nullptr));
	call.n = sizeof...(Params);
	call.args = args;
	beget_options options = {};
	options.size = sizeof(options);
	options.method = method;

	beget_process *process;
	if (beget_start(&process, &options, &call) < 0)
		throw std::runtime_error(beget_error());
	Result result;
	if (beget_join(process, BEGET_FOREVER, nullptr) < 0 ||
	    beget_result_as(process, call.result, sizeof(result), &result) < 0) {
		std::runtime_error error(beget_error());
		beget_free(process);
		throw error;
	}
	beget_free(process);
	return result;
}

static double scale(const char *text, int factor)
{
	return std::atof(text) * factor;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	for (beget_method method : {BEGET_FORK, BEGET_FORKSERVER, BEGET_SPAWN})
		std::printf("2.5 * 4 = %g\n", in_child(method, scale, "2.5", 4));
}
