/* unit.h -- a worker's or command's own machine: what its present incarnation is at,
** and what each thing that it hears does to it.
**
** Layer    core. Only RS_LIFE_... is for others.
** Owner    nothing.
** Thread   the core's.
** Limits   none.
** Tested   spec/core/unit_spec.lua; the simulator reaches every cell of the table. */
#ifndef RS_UNIT_H
#define RS_UNIT_H

#include "core.h"

enum {
  RS_LIFE_DOWN,        /* no incarnation lives */
  RS_LIFE_STARTING,    /* started, not yet in its first state, or not yet ready */
  RS_LIFE_UP,          /* in its lifecycle; of a supervisor: ready */
  RS_LIFE_ASKED,       /* asked to stop; of a supervisor: its children stop */
  RS_LIFE_INTERRUPTED, /* interrupted: it has RS_RUNG to be out */
  RS_LIFE_KILLED,      /* killed: only its exit can follow */
  RS_LIFE_COUNT
};

/* What a unit hears: from the world, then from the core itself. */
enum {
  RS_HEAR_STARTED,
  RS_HEAR_BEGIN,
  RS_HEAR_ENTER,
  RS_HEAR_READY,
  RS_HEAR_TERMINATING,
  RS_HEAR_EXTEND,
  RS_HEAR_EXIT,
  RS_HEAR_PROTOCOL,
  RS_HEAR_SEEN,
  RS_HEAR_VERDICT,
  RS_HEAR_GO,    /* start */
  RS_HEAR_ASK,   /* stop in order */
  RS_HEAR_KILL,  /* a: RS_K_... */
  RS_HEAR_DUE,   /* its deadline has come */
  RS_HEAR_STALL, /* it ran for too long; x: its limit, at: since when */
  RS_HEAR_COUNT
};

/* How often each cell of the table was entered, since the process began. */
extern uint32_t rs_unit_reached[RS_LIFE_COUNT][RS_HEAR_COUNT];

/* Takes what a worker or command heard; its incarnation was checked. */
void rs_unit_hear(rs_core *core, uint32_t id, uint32_t hear, const rs_event *ev);

/* Its incarnation has ended; `ev` is an exit. Tells so and lets its supervisor decide.
** */
void rs_unit_end(rs_core *core, uint32_t id, const rs_event *ev);

/* Another stage of its life begins: RS_LIFE_... */
void rs_unit_live(rs_core *core, uint32_t id, uint8_t life);

/* No incarnation lives any more: forgets all that was this one's, raises the fence. */
void rs_unit_down(rs_core *core, uint32_t id);

/* It counts as ready from now on, or no longer. */
void rs_unit_ready(rs_core *core, uint32_t id, bool ready);

#endif
