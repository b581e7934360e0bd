/* Memory shared between processes. */
#ifndef BEGET__BUFFER_H
#define BEGET__BUFFER_H

#include <beget.h>

/* The buffer's file, for sending it to another process. It stays the buffer's. */
int beget__buffer_lend(struct beget_buffer *);

/* Makes a buffer of a received file that has at least this size. Takes the descriptor, and closes it on failure. */
int beget__buffer_adopt(int fd, size_t size, struct beget_buffer **ret);

#endif
