/* Reports where a fatal signal occurred, then lets the signal take effect: the caller sees the same status as without.
 * The list of modules is read beforehand, because a handler must not call the loader.
 * Runs in the child. */
#include "child/crash.h"

#include "message/report.h"
#include "os/fd.h"
#include "os/libc.h"
#include "os/mem.h"
#include "os/signals.h"

#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { MODULES = 128, STACK = 65536 };

static struct module {
	uintptr_t start, end, load;
	char path[sizeof(((struct beget__crash *)0)->module)];
} * modules;
static int count, socket_;
static pid_t target; /* a forked copy of it has its handlers but must not report */
static struct beget__identity birth;
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

static int note(struct dl_phdr_info *m, size_t size, void *unused)
{
	(void)size, (void)unused;
	for (int i = 0; i < m->dlpi_phnum && count < MODULES; i++) {
		const ElfW(Phdr) *p = &m->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		struct module *ret = &modules[count++];
		ret->load = m->dlpi_addr;
		ret->start = m->dlpi_addr + p->p_vaddr;
		ret->end = ret->start + p->p_memsz;
		strncpy(ret->path, beget__libc_module_name(m), sizeof(ret->path) - 1);
	}
	return count == MODULES;
}

static uintptr_t instruction(const ucontext_t *context)
{
#if defined(__x86_64__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (uintptr_t)context->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (uintptr_t)context->uc_mcontext.pc;
#else
	(void)context;
	return 0;
#endif
}

/* Async-signal-safe. */
static void report(int signal, siginfo_t *info, void *context)
{
	uintptr_t pc = instruction(context);
	struct beget__crash crash = {
		.signal = signal,
		.code = info->si_code,
		.address = signal == SIGSEGV || signal == SIGBUS ? (uint64_t)(uintptr_t)info->si_addr : pc,
		.offset = pc,
		.module = "?",
	};

	for (int i = 0; i < count; i++)
		if (pc >= modules[i].start && pc < modules[i].end) {
			crash.offset = pc - modules[i].load;
			memcpy(crash.module, modules[i].path, sizeof(crash.module));
		}
	if (getpid() == target && beget__fd_is(socket_, &birth))
		beget__report_send_crashed(socket_, &crash);
	/* The disposition is the default again. A fault occurs again when the handler returns; a trap, a refused system
	 * call or a signal that was sent must be raised again. */
	if (info->si_code <= 0 || signal == SIGTRAP || signal == SIGSYS)
		beget__signals_raise(signal);
}

void beget__crash_arm(int channel)
{
	void *stack = beget__mem_alloc(STACK);

	modules = beget__mem_alloc(MODULES * sizeof(*modules));
	if (!modules || !stack)
		return; /* no report in this case */
	count = 0;      /* inherited from a caller that is a child itself */
	dl_iterate_phdr(note, NULL);
	target = getpid();
	socket_ = channel;
	birth = beget__fd_identity(channel);
	beget__signals_set_stack(stack, STACK); /* so that a stack overflow is reported too */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		beget__signals_catch_once(fatal[i], report);
}
