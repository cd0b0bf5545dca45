/* act.h -- orders to units (start, stop, restart, kill, remove, add), each answered
** once it has come true or another order has made it void.
**
** Layer    engine; for the control socket's files alone.
** Owner    a wish frees itself when it is answered, or its client goes.
** Thread   the engine's.
** Limits   RS_ACT_WISHES wishes at a time; RS_ACT_LOOKS are looked at in a turn, and a
**          line of units that wait for each other as far as RS_ACT_LINE.
** Tested   spec/host/control_order_spec.lua. */
#ifndef RS_ACT_H
#define RS_ACT_H

#include "request.h"

enum { RS_ACT_WISHES = 4096, RS_ACT_LOOKS = 256, RS_ACT_LINE = 64 };

void rs_act_order(const rs_request *request);
void rs_act_add(const rs_request *request);

/* Answered when the host ends. */
void rs_act_wait_end(const rs_request *request);

/* Answers those whose wish has come true; true: more are to be looked at. */
bool rs_act_look(rs_engine *engine);

/* A unit is no more: whoever added it is told that it completed, or that it is gone. */
void rs_act_gone(rs_engine *engine, uint32_t unit, bool completed);

/* The root is down: what was wished is so, or never will be. */
void rs_act_end(rs_engine *engine);

/* This client waits for nothing any more. */
void rs_act_forget(rs_peer *peer);

#endif
