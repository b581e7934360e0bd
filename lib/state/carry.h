/* The standard streams, the environment and the working directory. These are functions of the rows in rows.h, which
 * explains them. */
#ifndef BEGET__CARRY_H
#define BEGET__CARRY_H

#include "state/reading.h"
#include "wire/bytes.h"
#include "wire/fds.h"

int beget__carry_read_streams(struct beget__state *s, const char *status);
void beget__carry_leave_streams(struct beget__state *s);
int beget__carry_put_streams(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds,
                             int *opened);
int beget__carry_get_streams(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s);
int beget__carry_apply_streams(const struct beget__state *s);
int beget__carry_read_env(struct beget__state *s, const char *status);
void beget__carry_own_env(struct beget__state *s);
void beget__carry_exec_env(struct beget__state *);
bool beget__carry_env_differs(const struct beget__state *now, const struct beget__state *born);
int beget__carry_put_env(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened);
int beget__carry_get_env(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s);
int beget__carry_apply_env(const struct beget__state *s);
int beget__carry_read_cwd(struct beget__state *s, const char *status);
void beget__carry_no_cwd(struct beget__state *s);
bool beget__carry_cwd_differs(const struct beget__state *now, const struct beget__state *born);
bool beget__carry_cwd_beyond(const struct beget__state *now, const struct beget__state *born);
void beget__carry_leave_cwd(struct beget__state *s);
bool beget__carry_cwd_left(const struct beget__state *born);
int beget__carry_put_cwd(struct beget__writer *w, const struct beget__state *s, struct beget__fds *fds, int *opened);
int beget__carry_get_cwd(struct beget__reader *r, struct beget__fds *fds, struct beget__state *s);
int beget__carry_apply_cwd(const struct beget__state *s);

#endif
