/* Signals.
 * Runs in every process; a handler of ours exists only in a child that wants crash reports. */
#include "os/signals.h"

#include "os/fault.h"
#include "os/fd.h"

#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

int beget__signals_mask(sigset_t *ret)
{
	memset(ret, 0, sizeof(*ret)); /* libc sets only the bits that the kernel has */
	return -pthread_sigmask(SIG_SETMASK, NULL, ret);
}

int beget__signals_set_mask(const sigset_t *mask)
{
	return -pthread_sigmask(SIG_SETMASK, mask, NULL);
}

int beget__signals_block_all(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	return -pthread_sigmask(SIG_SETMASK, &all, before);
}

uint64_t beget__signals_ignored(void)
{
	struct sigaction action;
	uint64_t set = 0;

	for (int n = 1; n < NSIG && n <= 64; n++)
		if (sigaction(n, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			set |= UINT64_C(1) << (n - 1);
	return set;
}

void beget__signals_set_ignored(uint64_t set)
{
	for (int n = 1; n < NSIG && n <= 64; n++)
		if (n != SIGKILL && n != SIGSTOP)
			(void)signal(n, set & UINT64_C(1) << (n - 1) ? SIG_IGN : SIG_DFL);
}

void beget__signals_set_default(int n)
{
	(void)signal(n, SIG_DFL);
}

void beget__signals_take_default(int n, struct sigaction *before)
{
	sigaction(n, &(struct sigaction){.sa_handler = SIG_DFL}, before);
}

void beget__signals_put_back(int n, const struct sigaction *before)
{
	sigaction(n, before, NULL);
}

int beget__signals_open(int n)
{
	sigset_t set;

	FAULT("signalfd", -fault);
	sigemptyset(&set);
	sigaddset(&set, n);
	return beget__fd_above_stdio(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void beget__signals_discard(int descriptor)
{
	struct signalfd_siginfo one;

	(void)!read(descriptor, &one, sizeof(one));
}

void beget__signals_catch_once(int n, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler,
	                           .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};
	struct sigaction before;

	if (sigaction(n, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		sigaction(n, &action, NULL);
}

void beget__signals_set_stack(void *base, size_t size)
{
	sigaltstack(&(stack_t){.ss_sp = base, .ss_size = size}, NULL);
}

void beget__signals_raise(int n)
{
	raise(n);
}

void beget__signals_catch(int signal, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

	sigaction(signal, &action, NULL);
}
