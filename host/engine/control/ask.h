/* ask.h -- Lua from a client, run in a worker's VM between two of its steps.
**
** Layer    engine; for the control socket's files alone.
** Owner    a question frees itself when it is answered, late, or nobody's.
** Thread   the engine's.
** Limits   RS_ASK_TEXT bytes of Lua, RS_ASK_SECONDS to run in.
** Tested   spec/host/control_status_spec.lua. */
#ifndef RS_ASK_H
#define RS_ASK_H

#include "request.h"

enum { RS_ASK_TEXT = 15 << 10, RS_ASK_SECONDS = 3600 };

/* {"path":…,"lua":…,"timeout":…}: its value as text, or what it raised. */
void rs_ask_take(const rs_request *request);

/* After a turn: whoever asked a worker that has ended is told. */
void rs_ask_look(rs_engine *engine);

/* This client waits for nothing any more. */
void rs_ask_forget(rs_peer *peer);

#endif
