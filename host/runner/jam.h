/* jam.h -- how much of a turn a VM's thread has waited for a processor.
**
** Layer    runner.
** Owner    the VM's machine.
** Thread   the VM's.
** Limits   turns of a millisecond and more are looked at: who waits in a shorter one
**          makes it longer. What is told is certain; a little may be missed.
** Tested   spec/c/runner_jam.c. */
#ifndef RS_JAM_H
#define RS_JAM_H

#include <stdbool.h>

#include "clock.h"

typedef struct rs_jam {
  rs_time at;     /* when schedstat was read last; 0: never */
  rs_time waited; /* what it said */
  bool jammed;    /* it had grown: others want this processor, too */
} rs_jam;

/* The thread was woken. Reads where it matters, so that the wait until then is not
** taken for one within the next turn. */
void rs_jam_woke(rs_jam *jam);

/* The wait within a turn that began at `from` and ends now, at `now`. */
rs_time rs_jam_within(rs_jam *jam, rs_time from, rs_time now);

#endif
