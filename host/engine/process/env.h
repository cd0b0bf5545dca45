/* env.h -- a child's environment: the host's, what the plan adds, and who it is.
**
** Layer    engine.
** Owner    rs_env_free takes it back.
** Thread   the engine's.
** Limits   none.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_ENV_H
#define RS_ENV_H

#include "../base/base.h"

typedef struct rs_env {
  char **at; /* NULL-terminated */
  size_t count;
} rs_env;

/* The host's own, without what speaks of the host alone (NOTIFY_SOCKET...). */
rs_env rs_env_host(void);

/* "NAME=VALUE" sets, "NAME" removes. */
void rs_env_put(rs_env *env, const char *entry);
void rs_env_set(rs_env *env, const char *name, const char *value);
void rs_env_free(rs_env *env);

/* A plan's list (NUL-terminated strings one after another) as a NULL-terminated array
** that points into it; free() it. `*count` may be NULL. */
char **rs_env_list(const char *bytes, uint32_t size, size_t *count);

#endif
