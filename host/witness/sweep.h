/* sweep.h -- ends all that lives below this process.
**
** Layer    witness.
** Owner    nothing is kept.
** Thread   the witness's only one, which is a subreaper with SIGCHLD blocked.
** Limits   RS_SWEEP_MAX processes a pass; the passes go on until one finds none.
** Tested   spec/host/kill_spec.lua, spec/host/stop_spec.lua. */
#ifndef RS_SWEEP_H
#define RS_SWEEP_H

#include <sys/types.h>

enum { RS_SWEEP_MAX = 4096 };

/* Kills every descendant but `spared`, again and again, reaping what ends. Returns when
** there is none left, but for those that this user may not kill. True if `spared` has
** ended meanwhile. */
int rs_sweep_all(pid_t spared);

#endif
