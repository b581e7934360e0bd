/* What ps(1) shows of this process. */
#ifndef BEGET__TITLE_H
#define BEGET__TITLE_H

/* Becomes the name of the calling thread, of which the kernel keeps 15 bytes, and the whole command line of the
 * process. The arguments of main stay as they are. A kernel without CONFIG_CHECKPOINT_RESTORE keeps the command line.
 */
void beget__title_set(const char *);

#endif
