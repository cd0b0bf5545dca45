/* evaluate.h -- the tree script's evaluation, in a process of its own.
**
** Layer    engine.
** Owner    one in progress; a new one takes its place.
** Thread   the engine's.
** Limits   those of the options, and RS_EVALUATE_WALL seconds of wall time
**          (more where the processor time may be more).
** Tested   spec/c/engine_process.c. */
#ifndef RS_EVALUATE_H
#define RS_EVALUATE_H

#include "../state.h"

enum { RS_EVALUATE_WALL = 60, RS_EVALUATE_WALL_FACTOR = 12 };

/* What came of an evaluation that somebody asked for. */
typedef struct rs_evaluated {
  bool ok;
  uint32_t plan;        /* its number; one that was only asked for is the asker's */
  const char *mistakes; /* JSON, one a line */
  size_t size;
  const char *why; /* of what is no mistake in the script */
} rs_evaluated;

typedef struct rs_asked {
  const char *tree; /* another script; NULL: the host's */
  bool only;        /* make the plan, do not apply it, tell nobody else */
  double confirm;   /* seconds that it has to prove itself; 0: it has not to */
  void (*done)(rs_engine *engine, const rs_evaluated *result); /* NULL: nobody asked */
} rs_asked;

/* As rs_evaluate; `done` is called once, unless it is replaced by another before that:
** then with a sentence. */
void rs_evaluate_for(rs_engine *engine, const rs_asked *asked);

/* Evaluates the tree and applies it. At the first time a mistake ends the host with
** status 1; later the tree before goes on, and the journal says why. */
void rs_evaluate(rs_engine *engine);

/* Applies a plan that held before; the descriptor is taken. 0, or -1 and a sentence. */
int rs_evaluate_again(rs_engine *engine, int plan, char *why, size_t why_size);

/* Whatever is in progress is dropped. */
void rs_evaluate_stop(rs_engine *engine);

#endif
