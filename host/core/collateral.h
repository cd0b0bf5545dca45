/* collateral.h -- a runner died: who did it, who only lived there.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   visits each unit below the domain's supervisor.
** Tested   spec/core/collateral_spec.lua. */
#ifndef RS_COLLATERAL_H
#define RS_COLLATERAL_H

#include "store.h"

/* Takes RS_EV_DOMAIN_DEAD. */
void rs_collateral_dead(rs_core *core, const rs_event *ev);

/* Tells of a unit that died so, and lets its supervisor decide. */
void rs_collateral_end(rs_core *core, uint32_t id);

#endif
