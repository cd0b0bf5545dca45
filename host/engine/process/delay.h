/* delay.h -- how long a thread waited for a processor since some moment in the past.
**
** Layer    engine.
** Owner    who embeds it.
** Thread   the engine's.
** Limits   RS_DELAYS samples, sparser the older: the answer is never too small, and too
**          large by what was waited in a span of the order of the moment's age at most.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_DELAY_H
#define RS_DELAY_H

#include <sys/types.h>

#include "../base/base.h"

enum { RS_DELAYS = 16 };

typedef struct rs_delays {
  struct {
    rs_time at, waited;
  } sample[RS_DELAYS]; /* oldest first; the first is of the thread's birth */
  uint32_t count;
} rs_delays;

/* A thread was born, or is first heard of; it has waited for nothing yet. */
void rs_delays_begin(rs_delays *delays, rs_time now);

/* It has waited `waited` by now, all in all. */
void rs_delays_add(rs_delays *delays, rs_time now, rs_time waited);

/* What it waited since `at`, if by now it has waited `waited`. */
rs_time rs_delays_since(const rs_delays *delays, rs_time at, rs_time waited);

/* What the kernel says that it waited in its life (schedstat); 0 where it is silent. */
rs_time rs_delay_read(pid_t pid, pid_t tid);

/* A thread and its processor: how long it ran and waited in its life, and whether it
** runs or waits at this moment. */
typedef struct rs_cpu {
  rs_time ran, waited;
  bool ready;
} rs_cpu;

rs_cpu rs_delay_cpu(pid_t pid, pid_t tid);

#endif
