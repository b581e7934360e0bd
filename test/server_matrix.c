/* The state of start_matrix.c with spares of forkserver and spawn, which were born before the state was read. */
#define MATRIX_SPARES
#include "start_matrix.c"
