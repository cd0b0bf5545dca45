/* handover.h -- what a worker leaves to its next incarnation: sealed bytes in a memfd
** that the engine never reads.
**
** Layer    engine.
** Owner    a descriptor for each unit that a reload restarts, until it has been ready.
** Thread   the engine's.
** Limits   RS_HANDOVER_MAX bytes a unit; one that nobody asked for, or too large, is a
**          violation by its sender.
** Tested   spec/host/migrate_spec.lua. */
#ifndef RS_HANDOVER_H
#define RS_HANDOVER_H

#include "runner.h"

/* RS_DO_ASK: what this incarnation leaves is wanted. */
void rs_handover_ask(rs_engine *engine, const rs_action *action);

/* RS_CTL_DATA; takes the descriptor out of the message. */
void rs_handover_take(rs_runner *runner, rs_ctl_got *got);

/* RS_DO_START in this VM and slot: sends what is kept ahead of it. */
void rs_handover_give(rs_runner *runner, uint32_t vm, uint32_t slot,
                      const rs_action *action);

/* For the `started` entry: 1 if it was given data, 0 if there was none though it was
** asked for, -1 if nobody asked. */
int rs_handover_told(rs_engine *engine, uint32_t unit, uint32_t inc);

/* RS_DO_FORGET: this incarnation has been ready. What it leaves itself, where it was
** asked to stop before that, is the next one's. */
void rs_handover_served(rs_engine *engine, const rs_action *action);

/* A unit that is gone. */
void rs_handover_forget(rs_engine *engine, uint32_t unit);

#endif
