/* late.c -- time that the host lost is nobody's. */
#include "late.h"

#include <string.h>

/* The two neighbours with the least between them become one, so that all others stay as
** they were: a moment before or after them is told as exactly as ever. */
static void join_two(rs_late *late) {
  rs_loss *at = late->losses;
  uint32_t least = 0;
  for (uint32_t i = 1; i + 1 < late->count; i++)
    if (at[i + 1].from - at[i].until < at[least + 1].from - at[least].until) least = i;
  at[least].until = at[least + 1].until;
  at[least].lost += at[least + 1].lost;
  late->count--;
  memmove(&at[least + 1], &at[least + 2], (late->count - least - 1) * sizeof *at);
}

/* One that goes on is one: who is late with a lot to do is so in many calls. */
static void lose(rs_late *late, rs_time from, rs_time until) {
  rs_loss *last = late->count > 0 ? &late->losses[late->count - 1] : NULL;
  if (last && from <= last->until) {
    last->lost += until - last->until;
    late->lost += until - last->until;
    last->until = until;
    return;
  }
  if (late->count == RS_LOSSES_MAX) join_two(late);
  late->losses[late->count++] = (rs_loss){from, until, late->lost, until - from};
  late->lost += until - from;
}

rs_time rs_late_now(rs_late *late, rs_time real, rs_time due) {
  if (real < late->last) real = late->last;
  rs_time woken_by = rs_late_real(late, due);
  if (due != RS_NEVER && real - RS_LATE > woken_by) {
    rs_time from = rs_time_max(woken_by, late->last);
    rs_time grace = rs_time_min(real - from, RS_GRACE);
    lose(late, rs_time_max(from - grace, late->last), real);
  }
  late->last = real;
  return real - late->lost;
}

rs_time rs_late_own(const rs_late *late, rs_time real) {
  if (real > late->last) real = late->last;
  for (uint32_t i = late->count; i > 0; i--) {
    const rs_loss *loss = &late->losses[i - 1];
    if (real >= loss->from) {
      rs_time moment = rs_time_max(real, loss->until);
      return moment - loss->before - loss->lost;
    }
  }
  return real;
}
