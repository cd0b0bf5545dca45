/* witness.h -- the process that the user starts: it makes the printer and the engine,
** passes signals on, and leaves nothing behind, whatever the engine's end was.
**
** Layer    witness: below everything; libc alone, so that it has no reason to die.
** Owner    the options outlive the call.
** Thread   the process's only one.
** Limits   two children of its own; everything below it is ended with the engine.
** Tested   spec/host/kill_spec.lua, spec/host/stop_spec.lua. */
#ifndef RS_WITNESS_H
#define RS_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

/* What the engine is given. */
typedef struct rs_witness_ends {
  int log_fd;    /* journal lines for the printer */
  int alive_fd;  /* reads end of file when the witness is gone */
  pid_t witness; /* its pid */
} rs_witness_ends;

typedef struct rs_witness_options {
  const char *program; /* exec'd as `PROGRAM __print MODE` for the printer */
  bool json;           /* MODE is json, else text */
  int (*engine)(void *ctx, const rs_witness_ends *ends); /* forked, not exec'd */
  void *ctx;
} rs_witness_options;

/* Runs the host. Its exit status: the engine's, 1 if a signal ended it. */
int rs_witness_main(const rs_witness_options *options);

#endif
