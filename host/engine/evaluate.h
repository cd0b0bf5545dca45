/* evaluate.h -- the tree script's evaluation, in a process of its own.
**
** Layer    engine.
** Owner    one in progress; a new one takes its place.
** Thread   the engine's.
** Limits   those of the options, and RS_EVALUATE_WALL seconds of wall time.
** Tested   spec/host/engine_process.c. */
#ifndef RS_EVALUATE_H
#define RS_EVALUATE_H

#include "state.h"

enum { RS_EVALUATE_WALL = 60 };

/* Evaluates the tree and applies it. At the first time a mistake ends the host with
** status 1; later the tree before goes on, and the journal says why. */
void rs_evaluate(rs_engine *engine);

/* Whatever is in progress is dropped. */
void rs_evaluate_stop(rs_engine *engine);

#endif
