/* order.h -- who waits for whom: `after`, `ordered`, strategies that first stop all.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   a start looks at its `after` rows and back to the sibling before it; held
**          and failed siblings are passed over in `ordered`, not in `after`.
** Tested   spec/core/order_spec.lua. */
#ifndef RS_ORDER_H
#define RS_ORDER_H

#include "store.h"

/* RS_NONE if it may start now, else whom it waits for. */
uint32_t rs_order_start_waits(const rs_core *core, uint32_t id);

/* RS_NONE if it may be asked to stop now, else whom it waits for. */
uint32_t rs_order_stop_waits(const rs_core *core, uint32_t id);

/* It became ready, completed, or one to be passed over: who waits is looked at again.
** */
void rs_order_passed(rs_core *core, uint32_t id);

/* It went down: whose stop waited for that is looked at again. */
void rs_order_down(rs_core *core, uint32_t id);

/* Some of its children are to go down: in an ordered one, from the last on. */
void rs_order_wave(rs_core *core, uint32_t supervisor);

#endif
