/* unit.h -- the lives of a unit: what its present incarnation is at.
**
** Layer    core.
** Owner    nothing.
** Thread   the core's.
** Limits   none.
** Tested   spec/core. */
#ifndef RS_UNIT_H
#define RS_UNIT_H

enum {
  RS_LIFE_DOWN,        /* no incarnation lives */
  RS_LIFE_STARTING,    /* started, not yet in its first state, or not yet ready */
  RS_LIFE_UP,          /* in its lifecycle; of a supervisor: ready */
  RS_LIFE_ASKED,       /* asked to stop; of a supervisor: its children stop */
  RS_LIFE_INTERRUPTED, /* interrupted: it has 0.1 s to be out */
  RS_LIFE_KILLED,      /* killed: only its exit can follow */
  RS_LIFE_COUNT
};

#endif
