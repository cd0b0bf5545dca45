/* backoff.h -- how long a restart waits, and where chance comes from.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   none.
** Tested   spec/core/intensity_spec.lua, and the simulator. */
#ifndef RS_BACKOFF_H
#define RS_BACKOFF_H

#include "base.h"

/* A random number from a state that it moves on: equal seeds, equal numbers. */
uint64_t rs_random(uint64_t *state);

/* The wait before the restart that follows `tries` earlier ones: `first`, each time
** times `factor`, at most `max`, then moved by up to +-jitter. 0 where there is none.
** */
rs_time rs_backoff_delay(const rs_plan_spec *spec, uint32_t tries, uint64_t *random);

#endif
