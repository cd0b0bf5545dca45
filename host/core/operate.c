/* operate.c -- stop, start, restart, kill, remove, shutdown, add. */
#include "operate.h"

#include <string.h>

#include "diff.h"
#include "order.h"
#include "strategy.h"
#include "tree.h"

static void tell_stop(rs_core *core, uint32_t id, uint32_t hold, uint64_t by) {
  rs_unit *u = rs_unit_of(core, id);
  rs_entry *e = rs_tell(core, RS_J_STOP, id, 0);
  e->a = hold;
  e->text = by;
  u->cause = e->seq;
}

/* What it is to be has changed: those around it are looked at too. */
static void turned(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent != RS_NONE) rs_order_wave(core, u->parent);
  rs_tree_tally(core, id);
  rs_order_passed(core, id);
  rs_mark(core, id);
}

static void shutdown_host(rs_core *core, const rs_event *ev) {
  core->stopping = true;
  core->kill_all = core->kill_all || ev->a == 1;
  if (core->root == RS_NONE) {
    core->ended = true;
    rs_do(core, RS_DO_END, RS_NONE)->b = core->kill_all;
    return;
  }
  tell_stop(core, core->root, 1, ev->text);
  rs_mark(core, core->root);
  if (!core->kill_all) return;
  for (uint32_t id = core->root; id != RS_NONE;
       id = rs_tree_below(core, core->root, id))
    rs_mark(core, id);
}

static void stop(rs_core *core, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, ev->unit);
  if (u->parent == RS_NONE) {
    rs_event end = {.kind = RS_EV_SHUTDOWN, .text = ev->text};
    shutdown_host(core, &end);
    return;
  }
  tell_stop(core, ev->unit, 1, ev->text);
  rs_strategy_hasten(core, ev->unit);
  u->flags |= RS_F_HELD;
  u->flags &= ~(uint32_t)RS_F_AGAIN;
  u->again = RS_R_OPERATOR;
  turned(core, ev->unit);
}

/* As if nothing had been: no hold, no end, no wait. */
static void clear(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags &= ~(uint32_t)(RS_F_HELD | RS_F_DONE | RS_F_FAILED);
  rs_strategy_hasten(core, id);
  u->tries = 0;
}

static void start(rs_core *core, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, ev->unit);
  rs_entry *e = rs_tell(core, RS_J_START, ev->unit, 0);
  e->text = ev->text;
  if (rs_tree_wanted(core, u) && u->life != RS_LIFE_DOWN) return;
  u->cause = e->seq;
  clear(core, ev->unit);
  if (u->life != RS_LIFE_DOWN && (u->flags & (RS_F_CYCLE | RS_F_GROUP))) {
    /* Others wait for its end, or it has a new row: it goes down first. */
    u->flags |= RS_F_CYCLE | RS_F_AGAIN;
    u->again = RS_R_OPERATOR;
  }
  turned(core, ev->unit);
}

static void restart(rs_core *core, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, ev->unit);
  tell_stop(core, ev->unit, 0, ev->text);
  clear(core, ev->unit);
  if (u->life != RS_LIFE_DOWN) u->flags |= RS_F_CYCLE;
  if (u->inc > 0 || u->life != RS_LIFE_DOWN) u->flags |= RS_F_AGAIN;
  u->again = RS_R_OPERATOR;
  turned(core, ev->unit);
}

static void kill(rs_core *core, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, ev->unit);
  if (u->parent == RS_NONE) {
    rs_event end = {.kind = RS_EV_SHUTDOWN, .a = 1, .text = ev->text};
    shutdown_host(core, &end);
    return;
  }
  if (u->life == RS_LIFE_DOWN || u->life >= RS_LIFE_INTERRUPTED) return;
  tell_stop(core, ev->unit, 0, ev->text);
  u->flags |= RS_F_OPERATOR;
  if (u->kind == RS_SUPERVISOR) {
    u->flags |= RS_F_FINISH;
    rs_mark(core, ev->unit);
    return;
  }
  rs_event why = {.a = RS_K_OPERATOR};
  rs_unit_hear(core, ev->unit, RS_HEAR_KILL, &why);
}

static void take_away(rs_core *core, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, ev->unit);
  if (!(u->flags & RS_F_ADDED) || (u->flags & RS_F_REMOVE)) return;
  tell_stop(core, ev->unit, 1, ev->text);
  rs_strategy_hasten(core, ev->unit);
  u->flags |= RS_F_REMOVE;
  turned(core, ev->unit);
}

void rs_operate(rs_core *core, const rs_event *ev) {
  if (ev->kind == RS_EV_SHUTDOWN) {
    shutdown_host(core, ev);
    return;
  }
  if (ev->unit >= core->count || rs_unit_of(core, ev->unit)->kind == 0) return;
  switch (ev->kind) {
  case RS_EV_STOP: stop(core, ev); break;
  case RS_EV_START: start(core, ev); break;
  case RS_EV_RESTART: restart(core, ev); break;
  case RS_EV_KILL: kill(core, ev); break;
  case RS_EV_REMOVE: take_away(core, ev); break;
  default: rs_assert(false);
  }
}

static const char *may_add(const rs_core *core, uint32_t supervisor, const char *name,
                           uint32_t name_len) {
  if (core->stopping || core->ended) return "the host is stopping";
  if (supervisor >= core->count) return "no such supervisor";
  const rs_unit *s = rs_unit_of(core, supervisor);
  if (s->kind != RS_SUPERVISOR) return "not a supervisor";
  if (rs_boss_of(core, s)->pool == RS_NONE) return "this supervisor has no pool";
  if (s->flags & RS_F_REMOVE) return "this supervisor is being removed";
  bool runs = s->life == RS_LIFE_STARTING || s->life == RS_LIFE_UP;
  bool ends = s->flags & (RS_F_GIVEUP | RS_F_FINISH);
  /* A pool's units are gone when it begins anew: none would ever start. */
  if (!runs || ends || !rs_tree_wanted(core, s)) return "this supervisor does not run";
  if (!rs_name_ok(name, name_len)) return "a name is of A-Z, a-z, 0-9, '_', '.', '-'";
  if (rs_diff_find(core, supervisor, name, name_len) != RS_NONE)
    return "there is a unit of that name already";
  bool full = core->free_first == RS_NONE && core->count >= RS_UNITS_MAX;
  return full ? "there are too many units" : NULL;
}

uint32_t rs_core_add(rs_core *core, rs_time now, uint32_t supervisor, const char *name,
                     uint32_t name_len, uint64_t by, char *why, size_t why_size) {
  core->real = now;
  core->now = rs_late_now(&core->late, now, rs_due_first(&core->due));
  rs_say say = rs_say_into(why, why_size);
  const char *refusal = may_add(core, supervisor, name, name_len);
  if (refusal) {
    rs_say_text(&say, refusal);
    return RS_NONE;
  }
  if (core->free_first == RS_NONE) rs_diff_room(core, 1);
  char *own = core->memory.resize(core->memory.ctx, NULL, 0, name_len);
  memcpy(own, name, name_len);
  uint32_t row = rs_boss_of(core, rs_unit_of(core, supervisor))->pool;
  uint32_t id = rs_diff_new(core, supervisor, row, own, name_len);
  rs_unit *u = rs_unit_of(core, id);
  u->flags &= ~(uint32_t)RS_F_SEEN;
  rs_entry *e = rs_tell(core, RS_J_START, id, 0);
  e->text = by;
  u->cause = e->seq;
  rs_mark(core, id);
  return id;
}
