/* The state of start_matrix.c, given to spares: those of forkserver and of spawn were born before it was read. */
#define MATRIX_SPARES
#include "start_matrix.c"
