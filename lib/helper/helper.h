/* The helper: the process that creates the children of the forkserver method. */
#ifndef BEGET__HELPER_H
#define BEGET__HELPER_H

/* Serves the socket on descriptor 3 until the client has ended. */
_Noreturn void beget__helper_serve(char *buffer); /* of BEGET__PACKET_SIZE bytes; its children use their copies */

#endif
