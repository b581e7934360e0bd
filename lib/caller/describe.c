/* Describes a process in a sentence: which one it is, what became of it, and why.
 * Runs in the caller. */
#include "caller/status.h"
#include "os/fail.h"
#include "os/thread.h"
#include "program/symbol.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE = 512 };

static void describe_crash(const struct beget__crash *c, char *text, size_t size)
{
	char place[160] = "code outside all known modules";

	if (strcmp(c->module, "?") != 0)
		beget__symbol_name(c->module, c->offset, place, sizeof(place));
	/* A signal that was sent has no address, and for some faults the processor does not report one. */
	if ((c->signal == SIGSEGV || c->signal == SIGBUS) && c->code > 0 && c->code != SI_KERNEL)
		snprintf(text, size, " at address %#llx", (unsigned long long)c->address);
	snprintf(text + strlen(text), size - strlen(text), " in %s", place);
}

static void describe_fate(const struct beget_process *p, char *text, size_t size)
{
	const struct beget_status *s = &p->status;
	char where[240] = "";

	if (!p->ended) {
		snprintf(text, size, "is running");
		return;
	}
	switch (s->outcome) {
	case BEGET_EXITED: snprintf(text, size, "exited with code %d", s->code); break;
	case BEGET_SIGNALED:
		if (p->reports.has_crash && p->reports.crash.signal == s->code)
			describe_crash(&p->reports.crash, where, sizeof(where));
		snprintf(text, size, "was terminated by signal %d (%s)%s%s", s->code, strsignal(s->code), where,
		         s->core_dumped ? ", core dumped" : "");
		break;
	case BEGET_TIMED_OUT: snprintf(text, size, "was killed when its limit of %d ms ran out", p->limit_ms); break;
	case BEGET_FAILED: snprintf(text, size, "never reached its target: %s", p->reports.failure.text); break;
	default: snprintf(text, size, "has ended with an unknown status"); break;
	}
}

int beget_describe(const struct beget_process *p, char *text, size_t size)
{
	struct beget_process *changing = (struct beget_process *)p;
	char function[160], pid[32] = "not created", fate[SENTENCE];
	int error = text || size == 0 ? beget__process_check(p, "describe")
	                              : beget__fail(EINVAL, "cannot describe: text is NULL");

	if (error)
		return error;
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&changing->lock);
	beget__status_update(changing);
	describe_fate(p, fate, sizeof(fate));
	beget__process_function(p, function, sizeof(function));
	if (p->pid > 0)
		snprintf(pid, sizeof(pid), "pid %d", (int)p->pid);
	int n = p->named ? snprintf(text, size, "process %s (%s, %s, with %s) %s", p->what, function, pid,
	                            p->method->name, fate)
	                 : snprintf(text, size, "process %s (%s, with %s) %s", function, pid, p->method->name, fate);
	pthread_mutex_unlock(&changing->lock);
	beget__thread_cancel(cancel);
	return n;
}
