/* sim_cover.h -- which cells of the core's tables the runs reached.
**
** Layer    spec: the simulator; above core.
** Owner    the core's counters.
** Thread   one.
** Limits   none.
** Tested   the sim test fails when a cell that can be reached was not. */
#ifndef RS_SIM_COVER_H
#define RS_SIM_COVER_H

#include <stdio.h>

/* Prints the cells that were not reached; how many. */
int rs_cover_report(FILE *out);

#endif
