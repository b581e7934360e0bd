/* The handling of stdio streams in a child. */
#ifndef BEGET__STREAM_H
#define BEGET__STREAM_H

/* Discards inherited output that is still buffered: the caller will write it. */
void beget__stream_purge(void);

/* Discards unread input and the end-of-file state of stdin, whose descriptor is now another file. */
void beget__stream_renew_input(void);

/* Writes the target's output; skips a stream that another thread has locked. */
void beget__stream_flush(void);

#endif
