/* watch.h -- by when must a unit have been heard from, have moved on, be gone?
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   none; a moment past the end of time is RS_NEVER.
** Tested   spec/core/unit_spec.lua, and the simulator. */
#ifndef RS_WATCH_H
#define RS_WATCH_H

#include "store.h"

/* The limit that a unit meets first if it stays as it is. */
typedef struct rs_limit {
  rs_time by;         /* own time; RS_NEVER: none */
  rs_time from;       /* since when it counts */
  rs_time limit;      /* how long it is */
  uint8_t constraint; /* RS_C_... */
} rs_limit;

rs_limit rs_watch_first(const rs_core *core, const rs_unit *u);

/* Arms the unit's deadline anew. */
void rs_watch_arm(rs_core *core, uint32_t id);

/* The slot was read: the last sign of life, and how long since then it could not run.
** True if a limit did not hold, which is then in `broken`; else the deadline has moved.
** */
bool rs_watch_judge(rs_core *core, uint32_t id, const rs_event *seen, rs_limit *broken);

#endif
