/* oracle_order.c -- who may start and stop when, and before whom. */
#include "../../../host/core/unit.h"
#include "oracle.h"
#include "sim.h"

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

static const char *path(rs_sim *sim, uint32_t unit) { return rs_story_path(sim, unit); }

/* The id of the sibling at `row` of the plan; RS_NONE. */
static uint32_t sibling_at(rs_sim *sim, const rs_seen *seen, uint32_t row) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *other = at(sim, i);
    if (other->exists && other->parent == seen->parent && other->plan == seen->plan &&
        other->row == row && !other->added)
      return i;
  }
  return RS_NONE;
}

static bool is_ordered(rs_sim *sim, uint32_t supervisor) {
  const rs_plan_spec *spec = rs_oracle_spec(sim, at(sim, supervisor));
  return spec->flags & RS_ORDERED || spec->strategy == RS_REST_FOR_ONE;
}

/* Any incarnation at or below it. */
static bool lives(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  if (rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR) return seen->live;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (at(sim, i)->exists && at(sim, i)->parent == unit && lives(sim, i)) return true;
  }
  return false;
}

/* --- starts --------------------------------------------------------------------- */

/* Can it be waited for at all? */
static bool is_wanted(rs_sim *sim, uint32_t unit) {
  const rs_seen *seen = at(sim, unit);
  return !seen->held && !seen->failed && !seen->completed;
}

static void check_after(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  const rs_plan *plan = sim->plan[seen->plan];
  uint32_t count = rs_plans_unit(plan, seen->row)->after_count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t to = sibling_at(sim, seen, rs_plans_after(plan, seen->row, i));
    if (to != RS_NONE && !rs_oracle_satisfied(sim, to, false))
      rs_sim_fail(sim, "after", "%s starts before %s is ready", path(sim, unit),
                  path(sim, to));
  }
}

static void check_list(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  bool ordered = is_ordered(sim, seen->parent);
  /* A reload at this very moment has its own order. */
  bool first = sim->oracle->applied != sim->now || sim->plans == 1;
  uint32_t before = RS_NONE;
  for (uint32_t i = rs_core_child(sim->core, seen->parent); i != RS_NONE && i != unit;
       i = rs_core_next(sim->core, i)) {
    rs_seen *other = at(sim, i);
    if (!other->exists || other->removed) continue;
    before = i;
    bool free = !other->added &&
                rs_plans_unit(sim->plan[other->plan], other->row)->after_count == 0;
    bool leaf = rs_oracle_spec(sim, other)->kind != RS_SUPERVISOR;
    bool waits = leaf && free && !other->ever && !other->held && !other->may_stop &&
                 other->may_start & RS_BY_FIRST && !other->heir;
    if (seen->may_start == RS_BY_FIRST && !seen->ever && waits && !ordered &&
        !seen->heir && at(sim, seen->parent)->since == sim->now && first)
      rs_sim_fail(sim, "list order", "%s starts before %s", path(sim, unit),
                  path(sim, i));
  }
  if (ordered && before != RS_NONE && is_wanted(sim, before) &&
      !rs_oracle_satisfied(sim, before, false) && !seen->added)
    rs_sim_fail(sim, "ordered", "%s starts before %s is ready", path(sim, unit),
                path(sim, before));
}

static void check_pass(rs_sim *sim, uint32_t unit) {
  uint32_t parent = at(sim, unit)->parent;
  if (sim->oracle->loose) return;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (at(sim, i)->exists && at(sim, i)->parent == parent && at(sim, i)->in_pass &&
        lives(sim, i))
      rs_sim_fail(sim, "strategy", "%s starts while %s has not stopped",
                  path(sim, unit), path(sim, i));
  }
}

void rs_order_start(rs_sim *sim, const rs_action *action) {
  uint32_t unit = action->unit;
  rs_seen *seen = at(sim, unit);
  rs_oracle_above(sim, unit);
  rs_actor *old = seen->ever ? rs_world_actor(sim, unit, seen->inc) : NULL;
  if (seen->live || (old && old->alive))
    rs_sim_fail(sim, "two incarnations", "%s#%u starts, #%u lives", path(sim, unit),
                action->inc, seen->inc);
  uint32_t due = seen->ever ? seen->inc + 1 : 0;
  if (action->inc != due)
    rs_sim_fail(sim, "incarnation", "%s#%u starts, not #%u", path(sim, unit),
                action->inc, due);
  if (seen->held) rs_sim_fail(sim, "held", "%s starts", path(sim, unit));
  if (rs_oracle_stops(sim, seen->parent) && !sim->oracle->loose)
    rs_sim_fail(sim, "start in a stop", "%s starts", path(sim, unit));
  if (!at(sim, seen->parent)->live)
    rs_sim_fail(sim, "parent", "%s starts, its supervisor does not live",
                path(sim, unit));
  if (seen->may_start == 0)
    rs_sim_fail(sim, "start", "%s starts without a reason", path(sim, unit));
  if (sim->plan[action->plan] == NULL)
    rs_sim_fail(sim, "drop", "%s starts in a dropped plan", path(sim, unit));
  check_after(sim, unit);
  check_list(sim, unit);
  check_pass(sim, unit);
}

/* --- stops ---------------------------------------------------------------------- */

static bool is_after(rs_sim *sim, uint32_t unit, uint32_t dependency) {
  const rs_seen *seen = at(sim, unit);
  const rs_plan *plan = sim->plan[seen->plan];
  if (seen->plan != at(sim, dependency)->plan) return false;
  for (uint32_t i = 0; i < rs_plans_unit(plan, seen->row)->after_count; i++) {
    if (rs_plans_after(plan, seen->row, i) == at(sim, dependency)->row) return true;
  }
  return false;
}

/* Its supervisor stops: those that depend on it, and in order those behind it, are
** down already. */
static void check_siblings(rs_sim *sim, uint32_t unit) {
  uint32_t parent = at(sim, unit)->parent;
  bool ordered = is_ordered(sim, parent), behind = false;
  for (uint32_t i = rs_core_child(sim->core, parent); i != RS_NONE;
       i = rs_core_next(sim->core, i)) {
    if (i == unit) behind = true;
    if (i == unit || !at(sim, i)->exists || !lives(sim, i)) continue;
    if (ordered && behind && !at(sim, i)->removed)
      rs_sim_fail(sim, "ordered stop", "%s is stopped before %s", path(sim, unit),
                  path(sim, i));
    if (is_after(sim, i, unit))
      rs_sim_fail(sim, "after stop", "%s is stopped before %s", path(sim, unit),
                  path(sim, i));
  }
}

/* May a supervisor above be out of its time, or killed? Then all is killed at once. */
static bool is_overdue(rs_sim *sim, uint32_t unit) {
  for (unit = at(sim, unit)->parent; unit != RS_NONE; unit = at(sim, unit)->parent) {
    if (at(sim, unit)->felled) return true;
    if (rs_oracle_spec(sim, at(sim, unit))->shutdown != RS_NEVER) return true;
  }
  return false;
}

static void check_kill(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
  bool rungs = spec->life != RS_NONE && spec->shutdown != -1 && seen->confirmed;
  bool at_once = sim->oracle->now || seen->may_stop & RS_BY_OPERATOR;
  if (!rungs || at_once || is_overdue(sim, unit)) return;
  if (!seen->interrupted)
    rs_sim_fail(sim, "ladder", "%s is killed without an interrupt first",
                path(sim, unit));
  else if (sim->now < rs_watch_rung(sim, unit))
    rs_sim_fail(sim, "ladder", "%s is killed before its interrupt's time is over",
                path(sim, unit));
}

/* True if it was on its way down already by the order of the plan before. */
static bool began_to_stop(rs_sim *sim, uint32_t supervisor) {
  rs_view view;
  return rs_core_view(sim->core, supervisor, &view) && view.life == RS_LIFE_ASKED &&
         sim->plans > 1 && view.since <= sim->oracle->applied;
}

void rs_order_stop(rs_sim *sim, const rs_action *action) {
  uint32_t unit = action->unit;
  rs_seen *seen = at(sim, unit);
  bool own = seen->may_stop != 0 || seen->verdict || seen->told_wrong;
  bool above = rs_oracle_stopping(sim, seen->parent);
  if (action->kind != RS_DO_ASK) rs_watch_judged(sim, unit);
  if (!own && !above) {
    if (action->kind == RS_DO_ASK)
      rs_sim_fail(sim, "stop", "%s is stopped without a reason", path(sim, unit));
    seen->unexplained = seen->violated = true;
    seen->may_stop |= RS_BY_VIOLATION;
  }
  bool first = !seen->asked && !seen->killed && !seen->interrupted;
  /* Who is not asked first is ended for a violation of its own. */
  rs_actor *actor = rs_world_actor(sim, unit, seen->inc);
  bool well = actor && actor->fault == RS_F_NONE && actor->start == RS_START_FINE &&
              !seen->told_wrong && !actor->garbled;
  bool unasked = rs_oracle_spec(sim, seen)->shutdown == -1;
  bool orderly = action->kind == RS_DO_ASK || (unasked && well);
  if (first && orderly && !sim->oracle->now && !is_overdue(sim, unit)) {
    for (uint32_t i = unit; i != sim->oracle->root; i = at(sim, i)->parent) {
      bool alone = at(sim, i)->may_stop & ~(uint32_t)RS_BY_STRATEGY;
      if (alone || !rs_oracle_stopping(sim, at(sim, i)->parent)) break;
      if (i == unit || !began_to_stop(sim, i)) check_siblings(sim, i);
      if (at(sim, i)->may_stop & RS_BY_STRATEGY) break; /* a pass of its own */
    }
  }
  if (action->kind == RS_DO_KILL) check_kill(sim, unit);
  if (action->kind == RS_DO_ASK) {
    if (seen->asked) rs_sim_fail(sim, "asked twice", "%s", path(sim, unit));
    seen->asked = true;
    seen->asked_at = sim->now;
    seen->shutdown = rs_oracle_spec(sim, seen)->shutdown;
    seen->lost_at = sim->lost;
  }
  if (action->kind == RS_DO_INTERRUPT) {
    seen->interrupted = true;
    seen->interrupted_at = sim->now;
  }
  if (action->kind == RS_DO_KILL) {
    seen->killed = true;
    seen->killed_at = sim->now;
    if (seen->interrupted) sim->oracle->troubled = true; /* that rung did not hold */
  }
}
