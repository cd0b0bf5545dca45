/* ladder.c -- how a unit that broke a rule is ended, and what is told of it. */
#include "ladder.h"

static void tell(rs_core *core, uint32_t id, uint64_t cause, uint64_t where) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags |= RS_F_TOLD;
  rs_entry *e = rs_tell(core, RS_J_VIOLATION, id, cause);
  e->a = u->constraint;
  e->b = u->state == RS_NONE ? -1 : (int32_t)u->state;
  e->x = u->limit, e->y = u->observed;
  e->text = where;
  u->cause = e->seq;
}

void rs_ladder_tell(rs_core *core, uint32_t id, uint64_t where) {
  const rs_unit *u = rs_unit_of(core, id);
  bool due = (u->flags & RS_F_VIOLATED) && !(u->flags & RS_F_TOLD);
  if (due) tell(core, id, u->cause, where);
}

void rs_ladder_kill(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_ladder_tell(core, id, 0);
  rs_entry *e = rs_tell(core, RS_J_KILLED, id, u->cause);
  e->a = u->killed;
  u->cause = e->seq;
  rs_do(core, RS_DO_KILL, id)->a = u->killed;
  rs_wake(core, id, RS_NEVER);
  rs_unit_live(core, id, RS_LIFE_KILLED);
}

/* The ladder from its second rung on. */
void rs_ladder_end(rs_core *core, uint32_t id, uint8_t why) {
  rs_unit *u = rs_unit_of(core, id);
  u->killed = why;
  if (!rs_is_lua(u) || core->kill_all) {
    rs_ladder_kill(core, id);
    return;
  }
  rs_do(core, RS_DO_INTERRUPT, id);
  u->flags &= ~(uint32_t)RS_F_LOOKING;
  u->launch_by = core->now + RS_RUNG;
  rs_wake(core, id, u->launch_by);
  rs_unit_live(core, id, RS_LIFE_INTERRUPTED);
}

/* Where it waits again and again, what is left of the rung may be next to nothing: the
** next look is not sooner than RS_RUNG_STEP. */
void rs_ladder_over(rs_core *core, uint32_t id, rs_time lost) {
  rs_unit *u = rs_unit_of(core, id);
  lost = rs_time_min(rs_time_max(lost, 0), RS_RUNG_MORE);
  rs_time by = u->since + RS_RUNG + lost;
  if (by <= core->now) {
    rs_ladder_kill(core, id);
    return;
  }
  u->launch_by = rs_time_max(by, core->now + RS_RUNG_STEP);
  rs_wake(core, id, u->launch_by);
}

void rs_ladder_violate(rs_core *core, uint32_t id, const rs_limit *broken) {
  rs_unit *u = rs_unit_of(core, id);
  bool stopping = u->flags & RS_F_ASKED;
  u->flags |= RS_F_VIOLATED;
  u->constraint = broken->constraint;
  u->limit = broken->limit;
  u->observed = broken->from == RS_NEVER ? 0 : core->now - broken->from;
  bool late = stopping && broken->constraint == RS_C_SHUTDOWN;
  rs_ladder_end(core, id, late ? RS_K_SHUTDOWN : RS_K_VIOLATION);
}

static void blame(rs_core *core, uint32_t id, uint8_t constraint, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  uint64_t said = ev->kind == RS_EV_VERDICT && ev->x > 0 ? (uint64_t)ev->x : 0;
  u->flags |= RS_F_VIOLATED;
  u->constraint = constraint;
  u->limit = u->observed = 0;
  tell(core, id, said > 0 && said <= core->seq ? said : u->cause, ev->text);
}

void rs_ladder_accuse(rs_core *core, uint32_t id, uint8_t constraint,
                      const rs_event *ev) {
  blame(core, id, constraint, ev);
  rs_ladder_end(core, id, RS_K_VIOLATION);
}

/* Its children stop in order, for they did nothing wrong; then it has failed, and its
** own supervisor decides what follows. */
void rs_ladder_depose(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  bool runs = u->life == RS_LIFE_STARTING || u->life == RS_LIFE_UP;
  bool ends = u->flags & (RS_F_GIVEUP | RS_F_FINISH);
  if (ev->b != 0 || !runs || ends) return;
  blame(core, id, RS_C_PROBE, ev);
  u->flags |= RS_F_FINISH;
  rs_mark(core, id);
}
