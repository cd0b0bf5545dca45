/* collateral.c -- culprits pay, victims don't. */
#include "collateral.h"

#include "strategy.h"
#include "tree.h"
#include "vms.h"

/* True if this incarnation lived in the domain's runner. */
static bool lived(const rs_unit *u, uint32_t domain) {
  return rs_is_guest(u) && u->domain == domain && u->life != RS_LIFE_DOWN &&
         !(u->flags & RS_F_LOST);
}

/* True if its end is its own: it was being killed, or is named. */
static bool guilty(const rs_unit *u, uint32_t id, const rs_event *ev) {
  if (id == ev->other && u->inc == ev->other_inc) return true;
  return u->life == RS_LIFE_KILLED || (u->flags & RS_F_VIOLATED);
}

/* True if the one that is named has ended already: then that end was its charge. */
static bool has_paid(const rs_core *core, const rs_event *ev) {
  if (ev->other >= core->count) return false;
  const rs_unit *u = rs_unit_of(core, ev->other);
  return u->kind == 0 || (int32_t)(u->inc - ev->other_inc) > 0;
}

/* Nobody can be named: the domain itself has failed, once. When its units may be back.
** */
static rs_time charge_domain(rs_core *core, const rs_event *ev, uint64_t *cause) {
  rs_unit *s = rs_unit_of(core, ev->unit);
  bool ends = s->life == RS_LIFE_ASKED || (s->flags & (RS_F_GIVEUP | RS_F_FINISH));
  if (ends || !rs_tree_wanted(core, s)) return core->now;
  if (!rs_strategy_charge(core, ev->unit, RS_NONE)) {
    *cause = s->cause;
    return core->now;
  }
  rs_time well = core->now - rs_time_max(s->ready_at, s->beat);
  if (s->ready_at != RS_NEVER && well >= rs_spec_of(core, s)->backoff_reset)
    s->tries = 0;
  rs_time delay = rs_strategy_delay(core, ev->unit, rs_spec_of(core, s));
  s->beat = rs_time_add(core->now, delay);
  rs_entry *e = rs_tell(core, RS_J_RESTART, ev->unit, 0);
  e->a = RS_R_FAILED;
  e->b = 1;
  e->x = delay;
  e->text = ev->text;
  *cause = e->seq;
  return rs_time_add(core->now, delay);
}

/* Ends the guilty; what follows from that is the cause for the others. */
static uint64_t end_guilty(rs_core *core, uint32_t id, const rs_event *ev) {
  const rs_unit *u = rs_unit_of(core, id);
  bool ordered = u->life == RS_LIFE_KILLED || (u->flags & RS_F_VIOLATED);
  rs_event exit = {.kind = RS_EV_EXIT, .unit = id, .inc = u->inc};
  exit.a = ordered ? RS_WHY_KILLED : RS_WHY_SIGNAL;
  if (ev->a == RS_WHY_ERROR) exit.a = RS_WHY_ERROR; /* by exit(), not by a signal */
  exit.b = ev->b;
  exit.text = ev->text;
  rs_unit_end(core, id, &exit);
  return u->cause;
}

static void lose(rs_core *core, uint32_t id, uint32_t culprit) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags |= RS_F_LOST;
  core->lost++;
  u->flags &= ~(uint32_t)RS_F_LOOKING;
  u->edge = culprit;
  rs_wake(core, id, RS_NEVER);
  rs_mark(core,
          id); /* before any of the guilty: all are told to be down before one starts */
}

void rs_collateral_dead(rs_core *core, const rs_event *ev) {
  uint32_t top = ev->unit, lost = 0, culprit = RS_NONE;
  if (rs_unit_of(core, top)->kind != RS_SUPERVISOR) return;
  rs_vms_dead(core, top);
  for (uint32_t id = top; id != RS_NONE; id = rs_tree_below(core, top, id)) {
    const rs_unit *u = rs_unit_of(core, id);
    if (!lived(u, top)) continue;
    lost++;
    if (guilty(u, id, ev) && (culprit == RS_NONE || id == ev->other)) culprit = id;
  }
  if (lost == 0) return;
  bool paid = culprit == RS_NONE && has_paid(core, ev);

  for (uint32_t id = top; id != RS_NONE; id = rs_tree_below(core, top, id))
    if (lived(rs_unit_of(core, id), top) && !guilty(rs_unit_of(core, id), id, ev))
      lose(core, id, paid ? ev->other : culprit);

  uint64_t cause = 0;
  rs_time from = core->now;
  if (culprit == RS_NONE && !paid) from = charge_domain(core, ev, &cause);
  for (uint32_t id = top; id != RS_NONE; id = rs_tree_below(core, top, id))
    if (lived(rs_unit_of(core, id), top)) cause = end_guilty(core, id, ev);

  for (uint32_t id = top; id != RS_NONE; id = rs_tree_below(core, top, id)) {
    rs_unit *u = rs_unit_of(core, id);
    if (!(u->flags & RS_F_LOST) || u->domain != top) continue;
    u->wait = rs_time_max(u->wait, from);
    u->cause = cause;
  }
}

void rs_collateral_end(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  core->lost--;
  bool asked = u->flags & RS_F_ASKED;
  rs_entry *e = rs_tell(core, RS_J_COLLATERAL, id, u->cause);
  e->other = u->edge;
  uint64_t cause = e->seq;
  e = rs_tell(core, RS_J_EXITED, id, cause);
  e->a = RS_WHY_COLLATERAL;
  e->c = asked;
  u->cause = e->seq;
  rs_unit_down(core, id);
  if (asked && !(u->flags & RS_F_CYCLE)) return;
  rs_strategy_collateral(core, id);
}
