/* strategy.h -- what the end of a child means: restart, charge, siblings, giving up.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   a strategy visits each sibling once.
** Tested   spec/core/strategy_spec.lua. */
#ifndef RS_STRATEGY_H
#define RS_STRATEGY_H

#include "store.h"

/* How an incarnation ended. */
typedef struct rs_end {
  bool ok;       /* its reason is ok and no constraint was violated */
  bool asked;    /* it had been asked to */
  bool operated; /* an operator killed it */
} rs_end;

/* The unit is down, its exit is told and is its cause. Decides what follows. */
void rs_strategy_ended(rs_core *core, uint32_t id, rs_end end);

/* Its runner died for another's fault: restart it and whom its strategy says,
** uncharged. */
void rs_strategy_collateral(rs_core *core, uint32_t id);

/* Takes one restart from the supervisor's limit and, unless `child` is RS_NONE, from
** the child's own. False: neither was taken, and the supervisor gives up. */
bool rs_strategy_charge(rs_core *core, uint32_t supervisor, uint32_t child);

/* An operator or a reload ends its wait before a start, and that of the siblings that
** were to wait as long. */
void rs_strategy_hasten(rs_core *core, uint32_t id);

/* The rule by which it waits: its supervisor's (the root's is its own). */
const rs_plan_spec *rs_strategy_backoff(const rs_core *core, const rs_unit *u);

/* The wait before this unit's next restart by the backoff of `rule`; it counts. */
rs_time rs_strategy_delay(rs_core *core, uint32_t id, const rs_plan_spec *rule);

#endif
