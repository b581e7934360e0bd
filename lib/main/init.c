/* beget_init: in the caller it pins the image; in a process that we executed it is the end of main.
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
	static const char why[] = "beget: this argument is for processes that beget starts\n";

	_exit(beget__fd_write(STDERR_FILENO, why, sizeof(why) - 1) ? 126 : 127);
}

/* What was executed by us. What it receives goes into this, as aligned as any argument in it may ask: for the rest of
 * its life, and that of its children. */
static _Noreturn void serve(enum beget__birth birth)
{
	_Alignas(BEGET__ALIGN_MAX) char buffer[BEGET__FRAME_PACKET];

	if (birth == BEGET__BORN_HELPER)
		beget__helper_serve(buffer);
	beget__child_serve(BEGET_SPAWN, birth == BEGET__BORN_SPARE, buffer);
}

void beget_init(int argc, char **argv)
{
	enum beget__birth birth = beget__image_init(argc, argv);

	beget__module_remember();
	beget__target_remember();
	beget__trace_init();
	if (birth == BEGET__BORN_FREE)
		return;
	/* From here on there is no way back into main, whatever is wrong. */
	if (getauxval(AT_SECURE) || !beget__launch_trusted())
		refuse();
	serve(birth);
}

const char *beget_version(void)
{
	return BEGET_VERSION;
}
