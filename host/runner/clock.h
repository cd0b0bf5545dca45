/* clock.h -- the one clock of a runner: the engine's, monotonic nanoseconds.
**
** Layer    runner.
** Owner    nothing.
** Thread   any; the VDSO answers, no system call.
** Limits   none.
** Tested   by everything that waits. */
#ifndef RS_CLOCK_H
#define RS_CLOCK_H

#include <time.h>

#include "../core/abi.h"

enum { RS_MS = 1000000 };

static inline rs_time rs_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (rs_time)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
