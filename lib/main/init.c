/* beget_init: in the caller, it pins the image; a process that we executed never leaves it.
 * Runs first in every process. */
#include "child/child.h"
#include "helper/helper.h"
#include "os/fd.h"
#include "os/trace.h"
#include "program/image.h"
#include "program/launch.h"
#include "program/target.h"
#include "wire/frame.h"

#include <beget.h>
#include <sys/auxv.h>
#include <unistd.h>

static _Noreturn void refuse(void)
{
	static const char why[] = "beget: this argument is reserved for processes that beget starts\n";

	_exit(beget__fd_write(STDERR_FILENO, why, sizeof(why) - 1) ? 126 : 127);
}

/* Serves as what we executed. Messages are received into this buffer, aligned as strictly as any argument can require.
 * It is used for the rest of the process, and by its children. */
static _Noreturn void serve(enum beget__birth birth)
{
	_Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__PACKET_SIZE];

	if (birth == BEGET__BORN_HELPER)
		beget__helper_serve(buffer);
	beget__child_serve(BEGET_SPAWN, birth == BEGET__BORN_SPARE, false, buffer);
}

void beget_init(int argc, char **argv)
{
	enum beget__birth birth = beget__image_init(argc, argv);

	beget__module_remember();
	beget__target_remember();
	beget__trace_init();
	if (birth == BEGET__BORN_FREE)
		return;
	/* From here on this process never returns to main, whatever fails. */
	if (getauxval(AT_SECURE) || !beget__launch_trusted())
		refuse();
	serve(birth);
}

const char *beget_version(void)
{
	return BEGET_VERSION;
}
