/* engine.h -- the engine process: a libuv loop around the core. Evaluates the tree,
** makes processes, keeps the journal, and performs what the core decides.
**
** Layer    engine: above core and shm; knows neither Lua nor the runner's insides.
** Owner    the options and all that they point to outlive the call.
** Thread   the process's first and only one.
** Limits   one engine a process; it owns all of the process's children and signals.
** Tested   spec/host/engine_*. */
#ifndef RS_ENGINE_H
#define RS_ENGINE_H

#include <sys/types.h>

#include "../core/abi.h"

enum { RS_FORKSERVER_FD = 3 }; /* the ctl socket of an exec'd `PROGRAM __forkserver` */

typedef struct rs_engine_options {
  const char *tree;              /* the script's file */
  const char *journal;           /* --journal PATH; NULL: kept in memory alone */
  const char *socket;            /* --socket PATH; NULL: by the root's name */
  const char *program;           /* what to exec for `__evaluate` and `__forkserver` */
  bool watch;                    /* reload whenever what was read has changed */
  double eval_cpu;               /* seconds of processor time for an evaluation */
  uint64_t eval_memory;          /* bytes for an evaluation */
  int (*forkserver)(int ctl_fd); /* forked while the engine is small; its exit status */
  int log_fd;     /* journal lines for the printer; -1: none. The engine closes it */
  int witness_fd; /* ends when the witness does; -1: there is none */
  pid_t witness;  /* its pid; 0: there is none */
  void (*notice)(pid_t witness, int what); /* has it tell the service manager that the
                     ** host is ready ('R'), stops ('S'), lives ('W') */
} rs_engine_options;

/* Runs the host until the root is down. Its exit status: 0, or 1 if it failed. */
int rs_engine_main(const rs_engine_options *options);

#endif
