/* signals.h -- what signals tell the host: stop, stop at once, reload, a child ended.
**
** Layer    engine.
** Owner    the engine.
** Thread   the engine's; the signals stay blocked, so that none comes unasked.
** Limits   TERM, INT, QUIT, HUP, CHLD; the rest keeps its usual meaning.
** Tested   spec/host/stop_spec.lua, spec/host/reload_spec.lua. */
#ifndef RS_SIGNALS_H
#define RS_SIGNALS_H

#include "state.h"

void rs_signals_begin(rs_engine *engine);

#endif
