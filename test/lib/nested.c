/* A plugin that uses the library itself: it starts its own functions, even if it runs in a child. */
#include <beget.h>

#include <unistd.h>

int nested_number(void);
int nested_family(void);

static int answer(int n)
{
	return beget_caller_pid() > 0 ? n : -1;
}

/* The sum over all methods, computed by children of this process. */
int nested_number(void)
{
	int sum = 0;

	for (int m = BEGET_FORKSERVER; m <= BEGET_FORK; m++) {
		struct beget_process *process;
		int n = -1000;
		if (beget_start(&process, BEGET_OPTIONS(.method = (enum beget_method)m), BEGET_CALL(answer, 1 << m)) <
		    0)
			return -10 - m;
		if (beget_join(process, 30000, NULL) < 0 || beget_result(process, &n) < 0)
			n = -1000;
		beget_free(process);
		sum += n;
	}
	return sum;
}

/* In a child: 1 if the library knows which process started it. */
int nested_family(void)
{
	return beget_caller_pid() > 0 && beget_start_method() >= 0;
}
