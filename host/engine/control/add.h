/* add.h -- what units of pools were given when they were added: name and args.
**
** Layer    engine.
** Owner    the engine's book; a row goes when the core forgets its unit.
** Thread   the engine's.
** Limits   RS_ADD_MAX bytes a unit.
** Tested   spec/host/control_order_spec.lua. */
#ifndef RS_ADD_H
#define RS_ADD_H

#include "../state.h"

enum { RS_ADD_MAX = 12 << 10 };

/* RS_DOWN_START's text for it, as ring.h has it; NULL and 0 for one of the script. */
const char *rs_add_text(const rs_engine *engine, uint32_t unit, uint32_t *size);

/* Adds a unit to a pool. `args` is JSON, NULL: the template's. The id, or RS_NONE and a
** sentence. */
uint32_t rs_add_unit(rs_engine *engine, uint32_t supervisor, const char *name,
                     const char *args, uint64_t by, char *why, size_t why_size);

/* True if it was added. */
bool rs_add_is(const rs_engine *engine, uint32_t unit);

/* The core has forgotten it. */
void rs_add_forget(rs_engine *engine, uint32_t unit);

#endif
