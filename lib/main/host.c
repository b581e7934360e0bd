/* beget-host: the image in which forkserver and spawn run functions of shared libraries, where the program itself does
 * not call beget_init: a plugin's host, another language's interpreter. Its modules are loaded in each child. */
#include <beget.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	beget_init(argc, argv); /* returns only where a person has started this */

	fputs("beget-host: the beget library runs this program; by itself it does nothing, see beget-host(8)\n",
	      stderr);
	return 2;
}
