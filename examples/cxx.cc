// C++17: beget.hpp starts functions and lambdas, and brings back results and exceptions.
#include <beget.hpp>
#include <cstdio>
#include <cstdlib>

static double scale(const char *text, int factor)
{
	return std::atof(text) * factor;
}

static std::vector<int> primes(int limit)
{
	std::vector<int> found;

	if (limit < 0)
		throw std::invalid_argument("no primes below " + std::to_string(limit));
	for (int n = 2; n < limit; n++) {
		bool prime = true;
		for (int p : found)
			prime = prime && n % p != 0;
		if (prime)
			found.push_back(n);
	}
	return found;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);
	for (beget_method method : {BEGET_FORK, BEGET_FORKSERVER, BEGET_SPAWN})
		std::printf("2.5 * 4 = %g\n", beget::start(method, scale, "2.5", 4).result());

	int first = argc + 99;
	auto size = beget::start(
		{}, [first](const std::string &more) { return first + more.size(); }, "text");
	auto list = beget::start({}, primes, first); // both run at once
	std::printf("%zu characters, %zu primes\n", size.result(), list.result().size());

	try {
		beget::start({}, primes, -1).result();
	} catch (const beget::target_error &error) {
		std::printf("thrown in the child: %s\n", error.what());
	}
}
