/* rung.h -- how much of an interrupt's time its unit could not have used.
**
** Layer    engine.
** Owner    who interrupted keeps the rs_rung; it is plain memory.
** Thread   the engine's.
** Limits   what the shared memory claims is believed as far as there was time; the core
**          gives no more than RS_RUNG_MORE for it.
** Tested   spec/host/ladder_load_spec.lua. */
#ifndef RS_RUNG_H
#define RS_RUNG_H

#include "runner.h"

struct rs_rung {
  rs_time at;
  uint32_t slot, inc;
  rs_cpu cpu;     /* of the VM's thread until then */
  rs_time others; /* so long had others run in that VM */
};

/* The unit in this slot is being interrupted. */
void rs_rung_begin(rs_rung *rung, const rs_runner *runner, uint32_t slot);

/* ns since then in which the keeper had not yet passed it on, another ran in that VM,
** or its thread waited for a processor. */
rs_time rs_rung_lost(const rs_rung *rung, const rs_runner *runner);

#endif
