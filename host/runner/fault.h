/* fault.h -- what a runner leaves behind when it crashes: whose code it was.
**
** Layer    runner.
** Owner    the record lies in the first segment; the engine reads it once we are dead.
** Thread   the one that faulted, on a stack of its own.
** Limits   one record; the first fault's.
** Tested   spec/c/runner_vm.c. */
#ifndef RS_FAULT_H
#define RS_FAULT_H

#include "../shm/segment.h"

/* Handlers for SEGV, BUS, ILL, FPE and ABRT; `fault` is where they write. Keeper. */
void rs_fault_init(rs_fault *fault);

/* Gives the calling thread a stack for them, and takes it back. */
void rs_fault_stack(void);
void rs_fault_unstack(void);

#endif
