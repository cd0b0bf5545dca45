/* limit.h -- a resume that is interrupted once its time is over: an eval's.
**
** Layer    runner.
** Owner    a few places; taken for as long as the resume lasts.
** Thread   said at each call.
** Limits   RS_LIMITS_MAX at a time; one more has none; the worker's own hold.
** Tested   spec/host/eval_spec.lua. */
#ifndef RS_LIMIT_H
#define RS_LIMIT_H

#include "machine.h"

enum { RS_LIMITS_MAX = 64 };

/* The VM's thread: the resume that is about to begin ends at `at`, as the keeper's
** `wake` is told; and it has come back. */
void rs_limit_begin(rs_machine *vm, rs_time at);
void rs_limit_end(const rs_machine *vm);

/* Keeper: attacks those whose time is over; ms until the next one's, -1: there is
** none. */
int rs_limit_look(rs_time now);

#endif
