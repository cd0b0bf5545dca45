/* late.h -- the core's own clock: real time without what the host lost.
**
** Layer    core.
** Owner    the core.
** Thread   the core's.
** Limits   RS_LOSSES_MAX losses are known one by one; with more, those that are next
**          to each other are one, with what was between them.
** Tested   spec/core/late_spec.lua, and the simulator. */
#ifndef RS_LATE_H
#define RS_LATE_H

#include "base.h"

enum {
  RS_LOSSES_MAX = 64,
  RS_LATE = 10000000, /* ns: who is woken no later than this was not late */
  RS_GRACE = 20000000 /* ns at most: given on top, for units that were stopped too and
                       ** have not had their turn yet */
};

typedef struct rs_loss {
  rs_time from, until; /* real time of which `lost` did not count */
  rs_time before;      /* all that was lost earlier */
  rs_time lost;
} rs_loss;

typedef struct rs_late {
  rs_time lost;                  /* in all: real time minus own time */
  rs_time last;                  /* real time of the last call */
  rs_loss losses[RS_LOSSES_MAX]; /* the oldest first */
  uint32_t count;
} rs_late;

/* It is `real`; `due` (own time; RS_NEVER) was the next thing to do. Returns own time.
** */
rs_time rs_late_now(rs_late *late, rs_time real, rs_time due);

/* Own time of a moment in the past; one within a loss is that loss's end, so that
** nobody is older than they are. */
rs_time rs_late_own(const rs_late *late, rs_time real);

/* Real time of an own moment that is not past. */
static inline rs_time rs_late_real(const rs_late *late, rs_time own) {
  return rs_time_add(own, late->lost);
}

#endif
