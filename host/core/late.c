/* late.c -- time that the host lost is nobody's. */
#include "late.h"

/* One that goes on is one: who is late with a lot to do is so in many calls. */
static void lose(rs_late *late, rs_time from, rs_time until) {
  rs_loss *last = &late->losses[(late->count - 1) % RS_LOSSES_MAX];
  if (late->count > 0 && from <= last->until) {
    late->lost += until - last->until;
    last->until = until;
    return;
  }
  late->losses[late->count++ % RS_LOSSES_MAX] = (rs_loss){from, until, late->lost};
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
  uint32_t known = late->count < RS_LOSSES_MAX ? late->count : RS_LOSSES_MAX;
  rs_time lost = late->lost;
  for (uint32_t i = 1; i <= known; i++) {
    const rs_loss *loss = &late->losses[(late->count - i) % RS_LOSSES_MAX];
    if (real >= loss->until) break;
    lost = loss->before;
    bool last = i == RS_LOSSES_MAX && late->count > RS_LOSSES_MAX;
    if (real > loss->from || last) real = loss->from; /* what was before is forgotten */
  }
  return real - lost;
}
