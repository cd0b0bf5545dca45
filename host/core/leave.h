/* leave.h -- which incarnation's data goes to the next one: only a reload's restart,
** after an orderly end, until the new one has been ready.
**
** Layer    core.
** Owner    two flags of a unit.
** Thread   the core's.
** Limits   linear in the unit's depth.
** Tested   spec/core/leave_spec.lua. */
#ifndef RS_LEAVE_H
#define RS_LEAVE_H

#include "store.h"

/* It is about to be asked to stop: 1 if what it leaves is wanted. */
uint32_t rs_leave_ask(rs_core *core, uint32_t id);

/* Its incarnation has ended, in order or not. */
void rs_leave_end(rs_core *core, uint32_t id, bool ok);

/* It is ready: what was kept has served. */
void rs_leave_ready(rs_core *core, uint32_t id);

#endif
