/* leave.c -- what one incarnation leaves to the next. */
#include "leave.h"

/* It, or a supervisor of its, is restarted by a reload; nothing ends it for good. */
static bool is_reload(const rs_core *core, uint32_t id) {
  const uint32_t ends = RS_F_HELD | RS_F_REMOVE | RS_F_GIVEUP | RS_F_FINISH;
  const uint32_t again = RS_F_CYCLE | RS_F_AGAIN;
  bool found = false;
  if (core->stopping) return false;
  for (; id != RS_NONE; id = rs_unit_of(core, id)->parent) {
    const rs_unit *u = rs_unit_of(core, id);
    if (u->flags & ends) return false;
    if ((u->flags & again) == again && u->again == RS_R_RELOAD) found = true;
  }
  return found;
}

uint32_t rs_leave_ask(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (!rs_is_lua(u) || !is_reload(core, id)) return 0;
  u->flags |= RS_F_HANDS;
  return 1;
}

void rs_leave_end(rs_core *core, uint32_t id, bool ok) {
  rs_unit *u = rs_unit_of(core, id);
  if (ok && (u->flags & RS_F_HANDS)) u->flags |= RS_F_DATA;
}

void rs_leave_ready(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_DATA)) return;
  u->flags &= ~(uint32_t)RS_F_DATA;
  rs_do(core, RS_DO_FORGET, id);
}
