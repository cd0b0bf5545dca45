/* where.h -- what a worker's thread is doing, as far as one can see from outside.
**
** Layer    engine.
** Owner    nothing is kept.
** Thread   the engine's.
** Limits   a sentence; what /proc does not tell is left out.
** Tested   spec/host/backends_spec.lua, spec/host/ladder_spec.lua. */
#ifndef RS_WHERE_H
#define RS_WHERE_H

#include "../state.h"

/* "inside C for 0.35 s, in system call read(0x5, …)", or ""; for a violation that
** has no traceback. */
void rs_where(rs_engine *engine, uint32_t unit, char *text, size_t size);

#endif
