/* The peer static: spawn of a program that is linked statically, with glibc or musl. */
#include "peer.h"
#include "ways.h"

#ifdef __GLIBC__
#define LIBC "glibc"
#else
#define LIBC "musl"
#endif

int main(int argc, char **argv)
{
	struct way way = *bench_way("beget spawn");
	int code = bench_target(argc, argv);

	if (code >= 0)
		return code;
	beget_init(argc, argv);
	way.name = "beget spawn static " LIBC;
	peer_serve(&way, 1);
	return 0;
}
