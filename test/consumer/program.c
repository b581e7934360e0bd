/* A program that a user could write from the manual. It is built against an installed copy with cc, pkg-config and
 * CMake. Everything in it is documented in beget(3), BEGET_CALL(3), beget_options(3) and beget_join(3). */
#include <beget.h>
#include <stdio.h>
#include <string.h>

struct range {
	long from, to;
};

static long sum(const struct range *r, const char *label, struct beget_bytes bytes)
{
	long n = (long)strlen(label) + (long)bytes.size;
	for (long i = r->from; i < r->to; i++)
		n += i;
	return n;
}

int main(int argc, char **argv)
{
	beget_init(argc, argv);

	static const char *const names[] = {"forkserver", "spawn", "fork"};
	struct range r = {1, 101};
	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++) {
		struct beget_process *process;
		if (beget_start(&process, BEGET_OPTIONS(.method = (enum beget_method)m),
		                BEGET_CALL(sum, &r, "abc", BEGET_BYTES("12345", (size_t)5))) < 0) {
			fprintf(stderr, "%s\n", beget_error());
			return 1;
		}
		struct beget_status status;
		long result = 0;
		if (beget_join(process, BEGET_FOREVER, &status) < 0 || beget_result(process, &result) < 0)
			fprintf(stderr, "%s\n", beget_error());
		printf("%s %ld\n", names[m], result);
		beget_free(process);
	}
	return 0;
}
