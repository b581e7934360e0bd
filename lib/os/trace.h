/* One line on standard error for each event, if BEGET_TRACE=1 is set. */
#ifndef BEGET__TRACE_H
#define BEGET__TRACE_H

/* What the sentences call this process: "caller", "helper" or "child". */
extern const char *beget__trace_role;

/* One line on standard error, if BEGET_TRACE is set: no stdio, errno kept. */
void beget__trace_init(void);
extern int beget__trace_fd; /* -1: off */
__attribute__((format(printf, 1, 2))) void beget__trace_line(const char *format, ...);
#define beget__trace(...) ((void)(beget__trace_fd < 0 || (beget__trace_line(__VA_ARGS__), 0)))

#endif
