/* Runs several processes at once: counts the primes below a million in eight ranges.
 * beget_wait returns the processes in the order in which they end; NULL marks a finished entry. */
#include <beget.h>
#include <stdbool.h>
#include <stdio.h>

enum { LIMIT = 1000000, PARTS = 8 };

static bool is_prime(unsigned n)
{
	for (unsigned divisor = 2; divisor * divisor <= n; divisor++)
		if (n % divisor == 0)
			return false;
	return n >= 2;
}

static unsigned primes(unsigned from, unsigned to)
{
	unsigned count = 0;

	for (unsigned n = from; n < to; n++)
		count += is_prime(n);
	return count;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	struct beget_process *processes[PARTS] = {NULL};
	for (unsigned i = 0; i < PARTS; i++) {
		unsigned from = LIMIT / PARTS * i, to = LIMIT / PARTS * (i + 1);
		if (beget_start(&processes[i], NULL, BEGET_CALL(primes, from, to)) < 0) {
			fprintf(stderr, "%s\n", beget_error());
			return 1;
		}
	}

	unsigned sum = 0;
	for (unsigned done = 0; done < PARTS; done++) {
		unsigned count;
		int i = beget_wait(processes, PARTS, BEGET_FOREVER);
		if (i < 0 || beget_result(processes[i], &count) < 0) {
			fprintf(stderr, "%s\n", beget_error());
			return 1;
		}
		printf("part %d: %u\n", i, count);
		sum += count;
		beget_free(processes[i]);
		processes[i] = NULL;
	}
	printf("primes below %d: %u\n", LIMIT, sum);
	return 0;
}
