/* ladder.h -- how a unit that broke a rule is ended: interrupted, then killed; and what
** the journal is told of it.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   an interrupted worker has RS_RUNG to be out, and as long as it could not run
**          since for reasons not its own, at most RS_RUNG_MORE.
** Tested   spec/core/unit_spec.lua, spec/core/verdict_spec.lua, the simulator. */
#ifndef RS_LADDER_H
#define RS_LADDER_H

#include "store.h"
#include "watch.h"

/* The violation, once it is known what the unit was doing. */
void rs_ladder_tell(rs_core *core, uint32_t id, uint64_t where);

/* The last rung. */
void rs_ladder_kill(rs_core *core, uint32_t id);

/* The ladder from its second rung on; `why`: RS_K_... */
void rs_ladder_end(rs_core *core, uint32_t id, uint8_t why);

/* The interrupt's time may be over; `lost`: ns of it that were not the unit's own. */
void rs_ladder_over(rs_core *core, uint32_t id, rs_time lost);

/* A limit did not hold. */
void rs_ladder_violate(rs_core *core, uint32_t id, const rs_limit *broken);

/* What it sent, or a probe said, is itself the violation; it is told at once. */
void rs_ladder_accuse(rs_core *core, uint32_t id, uint8_t constraint,
                      const rs_event *ev);

/* A probe's verdict on a supervisor: it fails. */
void rs_ladder_depose(rs_core *core, uint32_t id, const rs_event *ev);

#endif
