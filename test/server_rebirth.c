/* What start_rebirth.c has, with a server that keeps spares: those that cannot have it are thrown away, and another
 * helper is made ready. */
#define MATRIX_SPARES
#include "start_rebirth.c"
