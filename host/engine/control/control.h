/* control.h -- the host's socket for operators, dashboards and units: one JSON object a
** line, each way (contract, section 8).
**
** Layer    engine.
** Owner    the engine, from the first plan to the end; the socket's file is removed.
** Thread   the engine's. Work for clients takes at most RS_CONTROL_SLICE of a turn.
** Limits   RS_CONTROL_PEERS clients: beyond that the one goes that was silent for
**          longest and waits for nothing. The rest is in peer.h.
** Tested   spec/host/control_*_spec.lua. */
#ifndef RS_CONTROL_H
#define RS_CONTROL_H

#include "../state.h"

enum { RS_CONTROL_PEERS = 1024, RS_CONTROL_SLICE = RS_MS / 5 };

/* Opens the socket for a tree whose root has this name. 0, or -1 and a sentence:
** another host has it, or it cannot be made. Where nobody asked for a place, one that
** cannot be made is told in `why`, and 0 returned: the host runs without it. */
int rs_control_open(rs_engine *engine, const char *name, char *why, size_t why_size);

/* Before the core decides: what clients ask for. */
void rs_control_hear(rs_engine *engine);

/* After it has: who waited for what has come to pass, and what was journalled. */
void rs_control_tell(rs_engine *engine);

/* A unit is no more, `completed` or otherwise: who waits for it has not long to. */
void rs_control_gone(rs_engine *engine, uint32_t unit, bool completed);

/* The root is down: whoever waited for that is told; the socket goes. */
void rs_control_end(rs_engine *engine);

/* Where it is; NULL: nowhere. */
const char *rs_control_path(const rs_engine *engine);

/* A VM's answer to RS_DOWN_EVAL. */
void rs_control_reply(rs_engine *engine, uint32_t number, bool ok, const char *text,
                      size_t size);

#endif
