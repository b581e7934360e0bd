/* beget: start a C function in a new process by fork, forkserver or spawn.
 *
 * Functions that can fail return a negative errno and leave a sentence in beget_error(); outputs are written on
 * success only. Every function may be called from any thread. beget(3) is the index of the manual, beget(7) tells
 * what a child is and how the three methods differ. */
#ifndef BEGET_H
#define BEGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BEGET_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* How the process comes to be. Zero is the method that is safe and fast in every program. */
enum beget_method { BEGET_FORKSERVER, BEGET_SPAWN, BEGET_FORK };

/* What became of it; status.code is the exit code, the signal, or for BEGET_FAILED a negative errno. */
enum beget_outcome { BEGET_RUNNING, BEGET_EXITED, BEGET_SIGNALED, BEGET_FAILED, BEGET_LOST };

/* Flags of struct beget_options. */
#define BEGET_UNSAFE_FORK  0x1u  /* fork although other threads are running */
#define BEGET_TIED         0x2u  /* the child is killed when the caller is gone */
#define BEGET_NEW_GROUP    0x4u  /* in a process group of its own */
#define BEGET_NEW_SESSION  0x8u  /* in a session of its own */
#define BEGET_CLOSE_FDS    0x10u /* fork: only the descriptors that the other methods have */
#define BEGET_SERVER_STATE 0x20u /* forkserver: the state of the helper's launch; the fastest start */
#define BEGET_CRASH_REPORT 0x40u /* beget_describe tells where a fatal signal struck */

/* The timeout that never ends. */
#define BEGET_FOREVER (-1)

/* The most descriptors that one call can carry: what the kernel allows in one message. */
#define BEGET_FDS_MAX 253

struct beget_process; /* the handle of one started process */
struct beget_buffer;  /* memory that processes share */
struct beget_server;  /* a helper of forkserver, with what it was made ready with */

/* What a standard stream of the child is: fill it with the BEGET_STREAM_ macros. beget_options(3) */
enum beget_stream_kind { BEGET_AS_IS, BEGET_TO_NULL, BEGET_TO_FD, BEGET_TO_PIPE, BEGET_TO_FILE, BEGET_TO_OUT };
struct beget_stream {
	enum beget_stream_kind kind;
	int fd;           /* BEGET_TO_FD: the open descriptor */
	int *end;         /* BEGET_TO_PIPE: receives the caller's end, to be closed by the caller */
	const char *path; /* BEGET_TO_FILE: read, or created and truncated */
};

/* Settings of one start; fill it with BEGET_OPTIONS. Zero is always the default. beget_options(3) */
struct beget_options {
	size_t size; /* sizeof(struct beget_options) */
	enum beget_method method;
	unsigned flags;
	const char *name; /* what ps shows (15 bytes) and sentences say */
	const char *cwd;
	char *const *env; /* entries NAME=value, then NULL */
	struct beget_stream in, out, err;
	struct beget_server *server; /* forkserver, spawn: start from this one; NULL: the one that all share */
	int timeout_ms;              /* forkserver: to be born in; 0: for ever */
	int reserved;
};

/* Flags of struct beget_server_options. */
#define BEGET_SERVER_THREADS 0x1u /* serve although threads run in the server; no child has them */

/* Settings of a server; fill it with BEGET_SERVER_OPTIONS. Zero is always the default. beget_server(3) */
struct beget_server_options {
	size_t size; /* sizeof(struct beget_server_options) */
	unsigned flags;
	int timeout_ms;                   /* to be ready in; 0: for ever */
	const char *const *preload;       /* paths of shared libraries to load, then NULL */
	const struct beget_call *prepare; /* called in the server before it serves; BEGET_CALL */
	unsigned spares;                  /* children to keep ready for forkserver */
	unsigned spawn_spares;            /* and for spawn */
	const char *executable;           /* a path, or "beget-host": in place of this program */
};

/* How a server is. beget_server(3) */
struct beget_server_status {
	int32_t pid;
	uint32_t children;  /* that run now, spares among them */
	uint32_t spares;    /* that wait for a start */
	uint32_t threads;   /* that run in the server itself */
	uint64_t started;   /* children in all */
	int64_t memory_kib; /* resident, without what is shared with files */
	int64_t reserved[5];
};

/* How a process ended; times are CPU time. beget_join(3) */
struct beget_status {
	enum beget_outcome outcome;
	int code;
	bool core_dumped;
	uint8_t reserved8[7];
	int64_t user_us;
	int64_t system_us;
	int64_t peak_kib; /* most memory resident at once */
	int64_t reserved[11];
};

/* A parameter that is a run of bytes, and one that is an open descriptor. BEGET_CALL(3) */
struct beget_bytes {
	const void *data;
	size_t size;
};
struct beget_fd {
	int fd;
};

/* The types of parameters and results. */
enum beget_type {
	BEGET_TYPE_VOID,
	BEGET_TYPE_BOOL,
	BEGET_TYPE_CHAR,
	BEGET_TYPE_SCHAR,
	BEGET_TYPE_UCHAR,
	BEGET_TYPE_SHORT,
	BEGET_TYPE_USHORT,
	BEGET_TYPE_INT,
	BEGET_TYPE_UINT,
	BEGET_TYPE_LONG,
	BEGET_TYPE_ULONG,
	BEGET_TYPE_LLONG,
	BEGET_TYPE_ULLONG,
	BEGET_TYPE_FLOAT,
	BEGET_TYPE_DOUBLE,
	BEGET_TYPE_STRING, /* const char *, NULL allowed */
	BEGET_TYPE_OBJECT, /* const T *: arg.size bytes are copied, NULL allowed */
	BEGET_TYPE_BYTES,  /* struct beget_bytes */
	BEGET_TYPE_FD,     /* struct beget_fd */
	BEGET_TYPE_RAW, /* void *: the bare address; only NULL means anything in another program's memory: else fork */
	BEGET_TYPE_BUFFER,   /* struct beget_buffer *, NULL allowed */
	BEGET_TYPE_FUNCTION, /* a pointer to a function of a loaded module, NULL allowed */
	BEGET_TYPE_STRUCT    /* a struct by value, as its layout tells */
};

/* Flags of an argument of BEGET_TYPE_OBJECT: what the target leaves there is copied back by beget_join. */
#define BEGET_ARG_OUT   0x1u /* the target finds zeros */
#define BEGET_ARG_INOUT 0x2u /* the target finds what was there */
#define BEGET_ARG_BOXED 0x4u /* set by the macros: value points to a pointer to the value, with its size or layout */

/* How a struct that travels by value is laid out; BEGET_LAYOUT fills it, and a program that is wrong about it is told.
 * BEGET_CALL(3) */
struct beget_layout;
struct beget_member {
	unsigned type; /* a number, BEGET_TYPE_RAW, or BEGET_TYPE_STRUCT */
	unsigned n;    /* so many in a row; 0 is 1 */
	size_t offset;
	const struct beget_layout *layout; /* of a BEGET_TYPE_STRUCT */
};
struct beget_layout {
	size_t size, align;
	size_t n;
	const struct beget_member *members;
};

/* One argument: value points to it (to the pointer, where the parameter is a pointer). */
struct beget_arg {
	unsigned type;
	unsigned flags;
	size_t size; /* of the object behind a BEGET_TYPE_OBJECT; of a BEGET_TYPE_STRUCT; else ignored */
	const void *value;
	const struct beget_layout *layout; /* of a BEGET_TYPE_STRUCT */
};

/* A function and its arguments. C programs let BEGET_CALL fill it; C++ and bindings fill it themselves, the rest zero.
 */
struct beget_call {
	void (*function)(void);
	unsigned result;
	unsigned n;
	const struct beget_arg *args;
	unsigned named; /* of a variadic function: how many of its parameters have names; else zero */
	unsigned flags; /* zero */
	size_t size;    /* of a BEGET_TYPE_STRUCT result, */
	const struct beget_layout *layout; /* and its layout */
};

/* First statement of main: pins the program's image; in a started process it never returns. beget(3) */
void beget_init(int argc, char **argv);

/* Starts the call in a new process and returns its handle. NULL options are all defaults. beget_start(3) */
int beget_start(struct beget_process **ret, const struct beget_options *options, const struct beget_call *call);

/* Waits for the end, at most timeout_ms (0: no wait, negative: for ever); status may be NULL. beget_join(3) */
int beget_join(struct beget_process *process, int timeout_ms, struct beget_status *status);

/* Waits for the first of n processes to end and returns its index; NULL entries are skipped. beget_join(3) */
int beget_wait(struct beget_process *const *processes, size_t n, int timeout_ms);

/* Copies what the target returned into *ret, of that type and size; use the macro beget_result in C. beget_join(3) */
int beget_result_as(struct beget_process *process, unsigned type, size_t size, void *ret);

/* Sends a signal; -ESRCH once the process has ended. beget_join(3) */
int beget_kill(struct beget_process *process, int signal);

/* A descriptor that polls readable once the process has ended; it belongs to the handle. beget_join(3) */
int beget_sentinel(const struct beget_process *process);

/* The process id. beget_join(3) */
pid_t beget_pid(const struct beget_process *process);

/* Writes a sentence: who the process is and what became of it; returns its length, as snprintf. beget_error(3) */
int beget_describe(const struct beget_process *process, char *text, size_t size);

/* Writes down what a call needs to run elsewhere, and what would refuse it; returns the length. beget_explain(3) */
int beget_explain(const struct beget_options *options, const struct beget_call *call, char *text, size_t size);

/* Gives the handle back; a process that still runs, runs on. NULL is allowed. beget_join(3) */
void beget_free(struct beget_process *process);

/* Launches a server and waits until it is ready. NULL options are all defaults. beget_server(3) */
int beget_server_open(struct beget_server **ret, const struct beget_server_options *options);

/* Tells how a server is; NULL is the one that all share. beget_server(3) */
int beget_server_status(struct beget_server *server, struct beget_server_status *ret);

/* Gives a server back without waiting; its children run on. NULL is allowed. beget_server(3) */
void beget_server_close(struct beget_server *server);

/* Memory of its own file, shared with every process that it is passed to; zeros at first. beget_buffer(3) */
int beget_buffer_create(struct beget_buffer **ret, size_t size);

/* Where it lies here: for reading and writing until it is sealed, then for reading. beget_buffer(3) */
void *beget_buffer_data(struct beget_buffer *buffer);

/* Its size in bytes. beget_buffer(3) */
size_t beget_buffer_size(const struct beget_buffer *buffer);

/* Nobody writes to it any more, in any process; -EBUSY while another can. beget_buffer(3) */
int beget_buffer_seal(struct beget_buffer *buffer);

/* Whether it is sealed. beget_buffer(3) */
bool beget_buffer_sealed(const struct beget_buffer *buffer);

/* One more owner, who calls beget_buffer_free; returns the buffer. beget_buffer(3) */
struct beget_buffer *beget_buffer_ref(struct beget_buffer *buffer);

/* Gives it up; its memory lives on where others have it. NULL is allowed. beget_buffer(3) */
void beget_buffer_free(struct beget_buffer *buffer);

/* In a started process: the pid of the process that called beget_start; elsewhere -ESRCH. beget(3) */
pid_t beget_caller_pid(void);

/* In a started process: a descriptor that polls readable once the caller is gone; the library's own. beget(3) */
int beget_caller_sentinel(void);

/* In a started process: the method that made it; elsewhere -ESRCH. beget(3) */
int beget_start_method(void);

/* This thread's last failure as a sentence; never NULL. beget_error(3) */
const char *beget_error(void);

/* The version of the library that runs, as BEGET_VERSION. */
const char *beget_version(void);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#else
#include <beget/call.h>
#endif

#endif
