// beget.hpp with each method: possible targets, types that can be passed, and outcomes. Exits with 0 on success.
#include <beget.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                                \
			failed = true;                                                                                 \
		}                                                                                                      \
	} while (0)

static bool failed;

struct point {
	double x, y;
};

static double scale(const char *text, int factor) noexcept
{
	return std::atof(text) * factor;
}

static std::vector<point> mirror(const std::vector<point> &points, std::string_view axis)
{
	std::vector<point> mirrored;
	for (const point &p : points)
		mirrored.push_back(axis == "x" ? point{p.x, -p.y} : point{-p.x, p.y});
	return mirrored;
}

static void targets(beget_method method)
{
	int base = 40;
	const point origin = {1, 2};
	double (*pointer)(const char *, int) = scale;

	CHECK(beget::start(method, scale, "2.5", 4).result() == 10);
	CHECK(beget::start(method, pointer, std::string("2.5").c_str(), 4L).result() == 10);
	CHECK(beget::start(
		      method, [base](int more) { return base + more; }, 2)
	              .result() == 42);
	CHECK(beget::start(method, [origin]() mutable { return origin.x + origin.y; }).result() == 3);
	CHECK(beget::start(
		      method, [](double (*f)(const char *, int)) { return f("3", 2); }, pointer)
	              .result() == 6);
	beget::start(method, [] {}).result();
}

static void values(beget_method method)
{
	const std::string with_null("a\0b", 3);
	const auto twice = [](const std::string &s) { return s + s; };
	const auto sum = [](std::vector<long> numbers) {
		long total = 0;
		for (long number : numbers)
			total += number;
		return total;
	};
	const auto mirrored = beget::start(method, mirror, std::vector<point>{{1, 2}, {3, 4}}, "x").result();

	CHECK(mirrored.size() == 2 && mirrored[1].x == 3 && mirrored[1].y == -4);
	CHECK(beget::start(method, mirror, std::vector<point>(), "").result().empty());
	CHECK(beget::start(method, twice, with_null).result() == with_null + with_null);
	CHECK(beget::start(method, twice, "").result().empty());
	CHECK(beget::start(method, sum, std::vector<long>(100000, 3)).result() == 300000);
	CHECK(beget::start(
		      method, [](point p, bool b, char c) { return p.y + b + c; }, point{1, 2}, true, '\1')
	              .result() == 4);
#ifdef __cpp_lib_span
	const std::vector<short> shorts = {1, 2, 3};
	CHECK(beget::start(
		      method, [](std::span<const short> s) { return s[2] + int(s.size()); }, shorts)
	              .result() == 6);
#endif
}

static void shared_things(beget_method method)
{
	beget_buffer *created;
	beget::check(beget_buffer_create(&created, 100));
	beget::buffer buffer(created);
	int pipes[2];
	CHECK(pipe(pipes) == 0);

	beget::start(
		method, [](beget_buffer *b) { std::strcpy(static_cast<char *>(beget_buffer_data(b)), "hi"); },
		buffer.get())
		.result();
	CHECK(std::string(static_cast<char *>(beget_buffer_data(buffer.get()))) == "hi");
	CHECK(beget::start(
		      method, [](beget_fd out) { return write(out.fd, "x", 1); }, beget_fd{pipes[1]})
	              .result() == 1);
	close(pipes[0]);
	close(pipes[1]);
}

template <class E, class F> static std::string text_of(beget_method method, F target)
{
	try {
		beget::start(method, target).result();
	} catch (const E &error) {
		return error.what();
	}
	return "nothing was thrown";
}

static void failures(beget_method method)
{
	const auto thrower = []() -> std::string { throw std::out_of_range("number 7"); };

	CHECK(text_of<beget::target_error>(method, thrower) == "number 7");
	CHECK(text_of<beget::target_error>(method, [] { throw 7; }) == "an exception that is not a std::exception");
	CHECK(text_of<std::system_error>(method, [] { _exit(3); }).find("exited with code 3") != std::string::npos);
	CHECK(text_of<std::system_error>(method, [] { raise(SIGKILL); }).find("signal 9") != std::string::npos);
	try {
		beget::start(
			method, [](beget_fd) {}, beget_fd{-1});
		CHECK(!"refused");
	} catch (const std::system_error &error) {
		CHECK(error.code() == std::errc::bad_file_descriptor);
		CHECK(std::string(error.what()).find("descriptor -1") != std::string::npos);
	}
}

static void handles(beget_method method)
{
	beget::options options = method;
	options.name = "sleeper";
	auto first = beget::start(options, [] { pause(); });
	auto second = std::move(first);

	CHECK(first.get() == nullptr);
	CHECK(second.describe().find("sleeper") != std::string::npos);
	try {
		second.join(0);
		CHECK(!"still running");
	} catch (const std::system_error &error) {
		CHECK(error.code() == std::errc::timed_out);
	}
	beget::check(beget_kill(second.get(), SIGTERM));
	const beget_status status = second.join();
	CHECK(status.outcome == BEGET_SIGNALED && status.code == SIGTERM);
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	for (beget_method method : {BEGET_FORK, BEGET_FORKSERVER, BEGET_SPAWN}) {
		targets(method);
		values(method);
		shared_things(method);
		failures(method);
		handles(method);
	}
	return failed;
}
