/* A worker's loop. */
#ifndef BEGET__LOOP_H
#define BEGET__LOOP_H

/* Runs one task after another until the caller closes the channel: 0, or a negative errno and a sentence. claims is the
 * file of the memory that is shared with the caller. */
int beget__loop_run(int channel, int claims);

#endif
