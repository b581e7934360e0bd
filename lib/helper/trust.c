/* Children of the helper hold its socket for their own starts. A child that has restricted itself must not get code run
 * outside its restrictions, so the helper compares the child with itself as the kernel shows both. A child that follows
 * the protocol is never refused, because it makes the same comparison and uses another helper. Runs in the helper. */
#include "helper/trust.h"

#include "state/state.h"

#include <unistd.h>

bool beget__trust_equal(pid_t pid)
{
	static struct beget__state ours;
	static bool known;
	struct beget__state theirs;

	known = known || !beget__state_read_birth(getpid(), &ours);
	return known && !beget__state_read_birth(pid, &theirs) && beget__state_same_rights(&ours, &theirs);
}
