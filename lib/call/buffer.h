/* Memory that processes share. */
#ifndef BEGET__BUFFER_H
#define BEGET__BUFFER_H

#include <beget.h>

/* Its file, which stays the buffer's: for sending it to another process. */
int beget__buffer_lend(struct beget_buffer *);

/* A buffer over a received file of at least this size, which is the buffer's from then on; on failure it is closed. */
int beget__buffer_adopt(int fd, size_t size, struct beget_buffer **ret);

#endif
