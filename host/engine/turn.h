/* turn.h -- one turn of the engine: what was heard goes into the core, what it decides
** is done, the timer is set anew.
**
** Layer    engine.
** Owner    the engine.
** Thread   the engine's; a turn precedes each wait of the loop.
** Limits   RS_TURN_ACTIONS actions, then the loop looks at its descriptors again.
** Tested   spec/host/backends_spec.lua, spec/host/ladder_spec.lua. */
#ifndef RS_TURN_H
#define RS_TURN_H

#include "state.h"

enum { RS_TURN_ACTIONS = 16384 };

void rs_turn_begin(rs_engine *engine);

#endif
