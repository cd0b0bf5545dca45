/* shrink.h -- from a run that breaks a rule to the least one that still does.
**
** Layer    spec: the simulator; above core.
** Owner    the caller owns the choices.
** Thread   one; each try runs in a child process, since a core may crash.
** Limits   RS_TRIES_MAX tries.
** Tested   each shrunk run is replayed from its file before it is shown. */
#ifndef RS_SHRINK_H
#define RS_SHRINK_H

#include "sim.h"

enum { RS_TRIES_MAX = 4000 };

/* What to run: all decisions of a seed, or only those in `kept`. */
typedef struct rs_try {
  uint64_t seed;
  uint32_t steps_max;
  const uint64_t *kept;
  uint32_t count;
} rs_try;

/* Runs it in a child; a crash is the rule "crash". */
rs_sim_result rs_shrink_try(const rs_try *what, FILE *story);

/* Drops what is not needed to break `rule`; `kept` (room for all) is filled and its
** number returned. */
uint32_t rs_shrink(const rs_try *what, const char *rule, uint64_t **kept);

/* A file from which a run can be repeated. */
bool rs_shrink_save(const char *path, const rs_try *what);
bool rs_shrink_load(const char *path, rs_try *what);

#endif
