/* beget: run a C function in a new process, with fork, forkserver or spawn.
 *
 * Functions that can fail return a negative errno, and beget_error() describes the failure. They write their outputs
 * only on success. Any thread may call any function. beget(3) is the index of the manual; beget(7) compares the
 * methods and describes the child. */
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

/* Start methods. Zero, the default, is safe and fast in every program. beget(7) */
enum beget_method { BEGET_FORKSERVER, BEGET_SPAWN, BEGET_FORK };

/* How a process ended. status.code is the exit code, the signal or, for BEGET_FAILED, a negative errno. */
enum beget_outcome {
	BEGET_RUNNING,
	BEGET_EXITED,
	BEGET_SIGNALED,
	BEGET_FAILED,
	BEGET_LOST,
	BEGET_TIMED_OUT, /* the process or task was killed because its time limit expired */
	BEGET_CANCELED,  /* a task that was canceled before it began */
};

/* Flags of struct beget_options. */
#define BEGET_UNSAFE_FORK  0x1u   /* fork even if other threads are running */
#define BEGET_TIED         0x2u   /* kill the child when its caller ends */
#define BEGET_NEW_GROUP    0x4u   /* a new process group */
#define BEGET_NEW_SESSION  0x8u   /* a new session */
#define BEGET_CLOSE_FDS    0x10u  /* fork: only the descriptors that the other methods pass */
#define BEGET_SERVER_STATE 0x20u  /* forkserver: the state at the helper's launch; the fastest start */
#define BEGET_CRASH_REPORT 0x40u  /* beget_describe names the function in which a fatal signal struck */
#define BEGET_ALONE        0x80u  /* do not pass the helper's socket */
#define BEGET_NO_NEW_PRIVS 0x100u /* executed files add no privileges; implies BEGET_ALONE */
#define BEGET_TREE         0x200u /* processes that the child started end with it; implies BEGET_ALONE */

/* A timeout without a limit. */
#define BEGET_FOREVER (-1)

/* The maximum number of descriptors in a call: the kernel's limit for a message. */
#define BEGET_FDS_MAX 253

struct beget_process; /* handle of a process */
struct beget_buffer;  /* memory shared between processes */
struct beget_server;  /* a prepared helper of forkserver */
struct beget_set;     /* of processes, to wait for any */

/* A standard stream of the child. Use the BEGET_STREAM_ macros. beget_options(3) */
enum beget_stream_kind { BEGET_AS_IS, BEGET_TO_NULL, BEGET_TO_FD, BEGET_TO_PIPE, BEGET_TO_FILE, BEGET_TO_OUT };
struct beget_stream {
	enum beget_stream_kind kind;
	int fd;           /* BEGET_TO_FD: the open descriptor */
	int *end;         /* BEGET_TO_PIPE: receives the caller's end; the caller closes it */
	const char *path; /* BEGET_TO_FILE: opened for reading, or created and truncated */
};

/* A resource limit of the child. Use BEGET_RLIMITS. beget_options(3) */
struct beget_rlimit {
	int resource;        /* RLIMIT_CPU, ... */
	uint64_t soft, hard; /* RLIM_INFINITY: no limit */
};

/* Options of a start. Use BEGET_OPTIONS. Zero is the default of each field. beget_options(3) */
struct beget_options {
	size_t size; /* sizeof(struct beget_options) */
	enum beget_method method;
	unsigned flags;
	const char *name; /* shown by ps (15 bytes) and in sentences */
	const char *cwd;
	char *const *env; /* strings NAME=value, then NULL */
	struct beget_stream in, out, err;
	struct beget_server *server;        /* forkserver, spawn: NULL is the shared helper */
	int timeout_ms;                     /* forkserver: time to create the child; 0: no limit */
	int limit_ms;                       /* time limit of the child; 0: none */
	const struct beget_rlimit *rlimits; /* replace the caller's limits */
	size_t rlimits_n;
	const char *const *launcher; /* spawn: a program that executes this program, and its arguments, then NULL */
};

/* Flags of struct beget_server_options. */
#define BEGET_SERVER_THREADS 0x1u /* serve even if threads run in the server */
#define BEGET_SERVER_NO_WAIT 0x2u /* do not wait until the server is prepared */

/* Options of a server. Use BEGET_SERVER_OPTIONS. Zero is the default of each field. beget_server(3) */
struct beget_server_options {
	size_t size; /* sizeof(struct beget_server_options) */
	unsigned flags;
	int timeout_ms;                   /* time for the preparation; 0: no limit */
	const char *const *preload;       /* paths of shared libraries, then NULL */
	const struct beget_call *prepare; /* run in the server before it serves; use BEGET_CALL */
	unsigned spares;                  /* maximum number of spare children for forkserver */
	unsigned spawn_spares;            /* the same for spawn */
	const char *executable;           /* a path or "beget-host"; NULL is this program */
	const char *const *launcher;      /* a program that executes the server, and its arguments, then NULL */
};

/* Status of a server. beget_server(3) */
struct beget_server_status {
	int32_t pid;
	uint32_t children;  /* running, including spares */
	uint32_t spares;    /* waiting for a start */
	uint32_t threads;   /* of the server itself */
	uint64_t started;   /* children created so far */
	int64_t memory_kib; /* resident memory that does not belong to files */
	int64_t reserved[5];
};

/* Exit status of a process, with CPU times. beget_join(3) */
struct beget_status {
	enum beget_outcome outcome;
	int code;
	bool core_dumped;
	uint8_t reserved8[7];
	int64_t user_us;
	int64_t system_us;
	int64_t peak_kib; /* peak resident memory */
	int64_t reserved[11];
};

/* Parameters: bytes, and an open descriptor. BEGET_CALL(3) */
struct beget_bytes {
	const void *data;
	size_t size;
};
struct beget_fd {
	int fd;
};

/* Types of parameters and results. BEGET_CALL(3) */
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
	BEGET_TYPE_STRING,   /* const char *, NULL allowed */
	BEGET_TYPE_OBJECT,   /* const T *: arg.size bytes are copied, NULL allowed */
	BEGET_TYPE_BYTES,    /* struct beget_bytes */
	BEGET_TYPE_FD,       /* struct beget_fd */
	BEGET_TYPE_RAW,      /* void *: an address; with forkserver and spawn only NULL */
	BEGET_TYPE_BUFFER,   /* struct beget_buffer *, NULL allowed */
	BEGET_TYPE_FUNCTION, /* a pointer to a function of a loaded module, NULL allowed */
	BEGET_TYPE_STRUCT,   /* a struct by value, described by its layout */
	BEGET_TYPE_STRINGS   /* char *const *: strings, then NULL; NULL allowed */
};

/* Flags of a BEGET_TYPE_OBJECT that beget_join copies back to the caller. */
#define BEGET_ARG_OUT   0x1u /* zeros when the target begins */
#define BEGET_ARG_INOUT 0x2u /* the caller's object when the target begins */
#define BEGET_ARG_BOXED 0x4u /* set by the macros: value points to a pointer to the value, with its size or layout */

/* Layout of a struct that is passed by value. Use BEGET_LAYOUT. BEGET_CALL(3) */
struct beget_layout;
struct beget_member {
	unsigned type; /* a number, BEGET_TYPE_RAW or BEGET_TYPE_STRUCT */
	unsigned n;    /* elements of an array; else 0 or 1 */
	size_t offset;
	const struct beget_layout *layout; /* of a BEGET_TYPE_STRUCT */
};
struct beget_layout {
	size_t size, align;
	size_t n;
	const struct beget_member *members;
};

/* An argument. value points to it; if the parameter is a pointer, value points to that pointer. */
struct beget_arg {
	unsigned type;
	unsigned flags;
	size_t size; /* of a BEGET_TYPE_OBJECT or BEGET_TYPE_STRUCT; else ignored */
	const void *value;
	const struct beget_layout *layout; /* of a BEGET_TYPE_STRUCT */
};

/* A function and its arguments. Use BEGET_CALL in C; elsewhere zero the struct and fill it in. BEGET_CALL(3) */
struct beget_call {
	void (*function)(void);
	unsigned result;
	unsigned n;
	const struct beget_arg *args;
	unsigned named;                    /* number of named parameters of a variadic function; else zero */
	unsigned flags;                    /* zero */
	size_t size;                       /* of a BEGET_TYPE_STRUCT result */
	const struct beget_layout *layout; /* of a BEGET_TYPE_STRUCT result */
};

/* First statement of main: opens the program's image. In a started process it does not return. beget(3) */
void beget_init(int argc, char **argv);

/* Runs the call in a new process and stores its handle. NULL options are defaults. beget_start(3) */
int beget_start(struct beget_process **ret, const struct beget_options *options, const struct beget_call *call);

/* Waits for the end, at most timeout_ms (0: no wait, negative: no limit); status may be NULL. beget_join(3) */
int beget_join(struct beget_process *process, int timeout_ms, struct beget_status *status);

/* Waits until one of n processes has ended and returns its index; skips NULL entries. beget_join(3) */
int beget_wait(struct beget_process *const *processes, size_t n, int timeout_ms);

/* Opens an empty set, for waiting for any of many processes at a cost that does not grow with them. beget_set(3) */
int beget_set_open(struct beget_set **ret);

/* Adds a process to a set; data is the user's and returned with it. beget_set(3) */
int beget_set_add(struct beget_set *set, struct beget_process *process, void *data);

/* Removes a process that beget_set_next has not returned. beget_set(3) */
int beget_set_remove(struct beget_set *set, struct beget_process *process);

/* Waits until a process of the set has ended, removes it and stores it; data may be NULL. beget_set(3) */
int beget_set_next(struct beget_set *set, int timeout_ms, struct beget_process **ret, void **data);

/* Returns a descriptor that polls readable when beget_set_next is worth a call; the set owns it. beget_set(3) */
int beget_set_sentinel(struct beget_set *set);

/* Frees a set; its processes continue and stay the user's. NULL is allowed. beget_set(3) */
void beget_set_free(struct beget_set *set);

/* Copies the result, of this type and size, to *ret. Use the macro beget_result in C. beget_join(3) */
int beget_result_as(struct beget_process *process, unsigned type, size_t size, void *ret);

/* Sends a signal; fails with -ESRCH if the process has ended. beget_join(3) */
int beget_kill(struct beget_process *process, int signal);

/* Returns a descriptor that polls readable once the process has ended; the handle owns it. beget_join(3) */
int beget_sentinel(const struct beget_process *process);

/* Returns the process id. beget_join(3) */
pid_t beget_pid(const struct beget_process *process);

/* Writes a sentence about the process and its outcome; returns the length, like snprintf. beget_error(3) */
int beget_describe(const struct beget_process *process, char *text, size_t size);

/* Writes what a call needs in another process; returns the length, like snprintf. beget_explain(3) */
int beget_explain(const struct beget_options *options, const struct beget_call *call, char *text, size_t size);

/* Frees the handle; a running process continues. NULL is allowed. beget_join(3) */
void beget_free(struct beget_process *process);

/* Launches a server and waits until it is ready. NULL options are defaults. beget_server(3) */
int beget_server_open(struct beget_server **ret, const struct beget_server_options *options);

/* Waits until a server with BEGET_SERVER_NO_WAIT is prepared, at most timeout_ms. beget_server(3) */
int beget_server_wait(struct beget_server *server, int timeout_ms);

/* Returns a descriptor that polls readable when beget_server_wait is worth a call. beget_server(3) */
int beget_server_sentinel(struct beget_server *server);

/* Asks a server for its status; NULL is the shared helper. beget_server(3) */
int beget_server_status(struct beget_server *server, struct beget_server_status *ret);

/* Closes a server without waiting; its children continue. NULL is allowed. beget_server(3) */
void beget_server_close(struct beget_server *server);

/* Creates a buffer of size bytes, all zero, for every process that it is passed to. beget_buffer(3) */
int beget_buffer_create(struct beget_buffer **ret, size_t size);

/* Returns the address in this process: read-only once the buffer is sealed. beget_buffer(3) */
void *beget_buffer_data(struct beget_buffer *buffer);

/* Returns the size in bytes. beget_buffer(3) */
size_t beget_buffer_size(const struct beget_buffer *buffer);

/* Makes the buffer read-only in every process; fails with -EBUSY while another can write. beget_buffer(3) */
int beget_buffer_seal(struct beget_buffer *buffer);

/* Returns whether the buffer is sealed. beget_buffer(3) */
bool beget_buffer_sealed(const struct beget_buffer *buffer);

/* Adds an owner, who must call beget_buffer_free; returns the buffer. beget_buffer(3) */
struct beget_buffer *beget_buffer_ref(struct beget_buffer *buffer);

/* Removes an owner; other processes keep the memory. NULL is allowed. beget_buffer(3) */
void beget_buffer_free(struct beget_buffer *buffer);

/* In a started process, returns the pid of its caller; elsewhere -ESRCH. beget(3) */
pid_t beget_caller_pid(void);

/* In a started process, returns a descriptor that polls readable once the caller has ended. beget(3) */
int beget_caller_sentinel(void);

/* In a started process, returns its start method; elsewhere -ESRCH. beget(3) */
int beget_start_method(void);

/* Returns a sentence about this thread's last failure, never NULL. beget_error(3) */
const char *beget_error(void);

/* Returns the version of the library in use; BEGET_VERSION is that of the header. beget(3) */
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
