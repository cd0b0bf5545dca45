/* settle.h -- moves one unit one step from what it is towards what it should be.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   a few actions a call; a supervisor's own step visits each child once.
** Tested   spec/core/order_spec.lua, strategy_spec.lua, and the simulator. */
#ifndef RS_SETTLE_H
#define RS_SETTLE_H

#include "store.h"

void rs_settle(rs_core *core, uint32_t id);

/* A supervisor's stop has taken too long, or an operator kills it: so die its children.
** */
void rs_settle_doom(rs_core *core, uint32_t id, uint8_t why);

/* The deadline of a supervisor, or of a unit that is down, has come. */
void rs_settle_due(rs_core *core, uint32_t id);

#endif
