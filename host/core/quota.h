/* quota.h -- a restart intensity: at most so many in any window of time.
**
** Layer    core.
** Owner    who embeds it owns `at`, room for rs_quota_room moments.
** Thread   the core's.
** Limits   max: RS_INTENSITY_MAX, or RS_NONE: there is no limit.
** Tested   spec/core/intensity_spec.lua, and the simulator. */
#ifndef RS_QUOTA_H
#define RS_QUOTA_H

#include "base.h"

typedef struct rs_quota {
  rs_time *at;    /* a ring of the last `max` restarts; NULL where that has no room */
  rs_time within; /* the window; its far edge counts. RS_NEVER: for life */
  uint32_t max;   /* 0: none is ever allowed; RS_NONE: each is */
  uint32_t used;  /* moments in the ring */
  uint32_t next;  /* where the next one goes; once full, the oldest */
} rs_quota;

/* Moments that a limit has to remember. */
static inline uint32_t rs_quota_room(uint32_t max) { return max == RS_NONE ? 0 : max; }

/* True if one more restart is allowed now. */
bool rs_quota_has(const rs_quota *quota, rs_time now);

/* How many restarts of the window count now; `until`: the first counts so long. */
uint32_t rs_quota_used(const rs_quota *quota, rs_time now, rs_time *until);

/* Takes one that is allowed. */
void rs_quota_take(rs_quota *quota, rs_time now);

/* Copies the newest moments that fit from `old` into the empty `quota`. */
void rs_quota_copy(rs_quota *quota, const rs_quota *old);

#endif
