/* The state of start_rebirth.c with a server that keeps spares: spares that cannot have the state are discarded, and
 * another helper is prepared. */
#define MATRIX_SPARES
#include "start_rebirth.c"
