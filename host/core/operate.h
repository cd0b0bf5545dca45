/* operate.h -- what operators ask for.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   none.
** Tested   spec/core/operate_spec.lua, reload_spec.lua, and the simulator. */
#ifndef RS_OPERATE_H
#define RS_OPERATE_H

#include "store.h"

/* Takes RS_EV_STOP to RS_EV_SHUTDOWN. */
void rs_operate(rs_core *core, const rs_event *ev);

#endif
