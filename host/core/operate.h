/* operate.h -- what operators ask for.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   none.
** Tested   spec/core/operator_spec.lua, pool_spec.lua. */
#ifndef RS_OPERATE_H
#define RS_OPERATE_H

#include "store.h"

/* Takes RS_EV_STOP to RS_EV_SHUTDOWN. */
void rs_operate(rs_core *core, const rs_event *ev);

#endif
