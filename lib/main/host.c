/* beget-host: the image that forkserver and spawn execute if the program itself does not call beget_init, for example a
 * host of plugins or the interpreter of another language. Each child loads the modules that it needs. */
#include <beget.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	beget_init(argc, argv); /* returns only if a user has started this program */

	fputs("beget-host: only the beget library can run this program, see beget-host(8)\n", stderr);
	return 2;
}
