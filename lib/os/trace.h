/* BEGET_TRACE=1: one line on standard error for each event. */
#ifndef BEGET__TRACE_H
#define BEGET__TRACE_H

/* The role of this process in error sentences: "caller", "helper" or "child". */
extern const char *beget__trace_role;

/* Turns the trace on if the environment asks for it. The lines are written without stdio and preserve errno. */
void beget__trace_init(void);
extern int beget__trace_fd; /* -1: off */
__attribute__((format(printf, 1, 2))) void beget__trace_line(const char *format, ...);
#define beget__trace(...) ((void)(beget__trace_fd < 0 || (beget__trace_line(__VA_ARGS__), 0)))

#endif
