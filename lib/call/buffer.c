/* Memory shared between processes: an unnamed file that each of them maps. Before it is sealed, all see the same
 * memory; after that, its contents are final, and the kernel's seal on the file proves this to every receiver.
 * Runs in caller and child; knows no message. */
#include "call/buffer.h"

#include "os/fail.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/mem.h"
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct beget_buffer {
	atomic_uint owners;
	pthread_mutex_t lock; /* protects sealing */
	atomic_bool sealed;
	bool lent; /* other processes may have the file open */
	int fd;
	size_t size;
	void *data;
};

static struct beget_buffer *new_buffer(int fd, size_t size)
{
	struct beget_buffer *b = beget__mem_alloc(sizeof(*b));

	if (b) {
		b->owners = 1;
		pthread_mutex_init(&b->lock, NULL);
		b->fd = fd;
		b->size = size;
	}
	return b;
}

static void destroy(struct beget_buffer *b)
{
	beget__file_unmap(b->data, b->size);
	beget__fd_close(&b->fd);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static int make(size_t size, struct beget_buffer **ret)
{
	int fd = beget__file_create(size);
	if (fd < 0)
		return fd;
	struct beget_buffer *b = new_buffer(fd, size);
	if (!b) {
		beget__fd_close(&fd);
		return -ENOMEM;
	}
	int error = beget__file_size(fd, size);
	if (!error)
		error = beget__file_map_shared(fd, size, &b->data);
	if (error) {
		destroy(b);
		return error;
	}
	*ret = b;
	return 0;
}

int beget_buffer_create(struct beget_buffer **ret, size_t size)
{
	if (!ret)
		return beget__fail(EINVAL, "cannot create the buffer: ret is NULL");
	if (size == 0)
		return beget__fail(EINVAL, "cannot create the buffer: size is 0");
	if (size > PTRDIFF_MAX / 2)
		return beget__fail(EFBIG, "cannot create a buffer of %zu bytes: the size exceeds the address space",
		                   size);
	int cancel = beget__thread_no_cancel();
	int error = make(size, ret);
	beget__thread_cancel(cancel);
	return error ? beget__fail_errno(-error, "cannot create a buffer of %zu bytes", size) : 0;
}

int beget__buffer_adopt(int fd, size_t size, struct beget_buffer **ret)
{
	struct beget_buffer *b = size > 0 ? new_buffer(fd, size) : NULL;

	if (!b) {
		beget__fd_close(&fd);
		return size > 0 ? -ENOMEM : -EBADMSG;
	}
	b->lent = true;
	/* Before the size is checked: a sender that truncated the file later would cause SIGBUS here. */
	beget__file_fix(fd);
	b->sealed = beget__file_sealed(fd);
	int error = b->sealed ? -EPERM : beget__file_map_shared(fd, size, &b->data);
	if (error == -EPERM && beget__file_sealed(fd)) { /* the sender may have sealed it just now */
		b->sealed = true;
		error = beget__file_map_sealed(fd, size, &b->data);
	}
	if (error) {
		destroy(b);
		return error;
	}
	*ret = b;
	return 0;
}

int beget__buffer_lend(struct beget_buffer *b)
{
	pthread_mutex_lock(&b->lock);
	b->lent = true;
	pthread_mutex_unlock(&b->lock);
	return b->fd;
}

void *beget_buffer_data(struct beget_buffer *b)
{
	return b ? b->data : NULL;
}

size_t beget_buffer_size(const struct beget_buffer *b)
{
	return b ? b->size : 0;
}

bool beget_buffer_sealed(const struct beget_buffer *b)
{
	return b && b->sealed;
}

/* Any mapping that can become writable prevents the seal, even our own: replace it by a read-only one at the same
 * address. */
static int seal(struct beget_buffer *b)
{
	if (b->sealed)
		return 0;
	int error = beget__file_map_sealed(b->fd, b->size, &b->data);
	if (error)
		return error;
	error = beget__file_seal_written(&b->fd, b->lent);
	if (error) /* another process had such a mapping a moment ago */
		(void)beget__file_map_shared(b->fd, b->size, &b->data);
	else
		b->sealed = true;
	return error;
}

int beget_buffer_seal(struct beget_buffer *b)
{
	if (!b)
		return beget__fail(EINVAL, "cannot seal the buffer: buffer is NULL");
	int cancel = beget__thread_no_cancel();
	pthread_mutex_lock(&b->lock);
	int error = seal(b);
	pthread_mutex_unlock(&b->lock);
	beget__thread_cancel(cancel);
	if (error == -EBUSY)
		return beget__fail(EBUSY, "cannot seal the buffer: it is also mapped for writing elsewhere");
	return error ? beget__fail_errno(-error, "cannot seal the buffer") : 0;
}

struct beget_buffer *beget_buffer_ref(struct beget_buffer *b)
{
	if (b)
		atomic_fetch_add(&b->owners, 1);
	return b;
}

void beget_buffer_free(struct beget_buffer *b)
{
	if (b && atomic_fetch_sub(&b->owners, 1) == 1)
		destroy(b);
}
