/* where.h -- what a worker's thread is doing, as far as one can see from outside.
**
** Layer    engine.
** Owner    nothing is kept.
** Thread   the engine's.
** Limits   a sentence; what /proc does not tell is left out.
** Tested   spec/c/engine_unit.c, spec/host/backends_spec.lua, ladder_spec.lua. */
#ifndef RS_WHERE_H
#define RS_WHERE_H

#include "../state.h"

/* "inside C for 0.35 s, in system call read(0x5, …)", or ""; for a violation that
** has no traceback. */
void rs_where(rs_engine *engine, uint32_t unit, char *text, size_t size);

/* How long another than `slot` has been running in a VM that runs: `running` is who
** does since `since`. RS_NONE: nobody at this moment, and `since` is of a turn that is
** over, be it for long. */
rs_time rs_where_turn(uint32_t running, uint32_t slot, rs_time since, rs_time now);

#endif
