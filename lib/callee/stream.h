/* What happens to stdio streams in a child. */
#ifndef BEGET__STREAM_H
#define BEGET__STREAM_H

/* Forgets inherited output that is still buffered: the caller writes it. */
void beget__stream_purge(void);

/* Forgets unread input and the end of file of stdin: its descriptor is another file now. */
void beget__stream_renew_input(void);

/* Writes out what the target printed; passes over a stream that another thread has locked. */
void beget__stream_flush(void);

#endif
