/* What happens to stdio streams in a child. */
#ifndef BEGET__STREAM_H
#define BEGET__STREAM_H

/* Forgets what the streams hold that was inherited: the caller will write and read that itself. */
void beget__stream_purge(void);

/* Writes out what the target printed; passes over a stream that another thread has locked. */
void beget__stream_flush(void);

#endif
