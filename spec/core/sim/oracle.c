/* oracle.c -- who exists, who lives, and what may be said about whom. */
#include "../../../host/core/unit.h"
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

bool rs_oracle_is(rs_sim *sim, uint32_t unit) {
  return unit < RS_ORACLE_UNITS_MAX && at(sim, unit)->exists;
}

const rs_plan_spec *rs_oracle_spec(rs_sim *sim, const rs_seen *seen) {
  return rs_plans_spec(sim->plan[seen->plan], seen->row);
}

/* The keys of rs_draft_unit, from the path. */
uint64_t rs_oracle_key(rs_sim *sim, uint32_t unit) {
  char path[128];
  rs_core_path(sim->core, unit, path, sizeof path);
  uint64_t key = 1;
  for (const char *part = strchr(path, '/'); part; part = strchr(part + 1, '/')) {
    uint64_t name = 0;
    for (const char *c = part + 1; *c && *c != '/'; c++)
      name = name * 31 + (uint64_t)*c;
    bool letter = part[2] == 0 || part[2] == '/';
    key = rs_choice_mix(key, letter ? (uint64_t)(part[1] - 'a') + 1 : name);
  }
  return key;
}

/* Learns which ids there are; the shape is the core's word, the plans' are checked. */
static void learn(rs_sim *sim) {
  rs_oracle *oracle = sim->oracle;
  oracle->ids = rs_core_units(sim->core);
  if (oracle->ids > RS_ORACLE_UNITS_MAX) {
    rs_sim_fail(sim, "ids", "%u ids for so few units", oracle->ids);
    oracle->ids = RS_ORACLE_UNITS_MAX;
  }
  for (uint32_t i = 0; i < oracle->ids; i++) {
    rs_view view;
    rs_seen *seen = at(sim, i);
    bool is = rs_core_view(sim->core, i, &view);
    if (!is) continue;
    if (!seen->exists) {
      memset(seen, 0, offsetof(rs_seen, charges));
      seen->charges.count = seen->own.count = 0;
      seen->charges.loose = seen->own.loose = false;
      seen->exists = seen->fresh = true;
      seen->state = RS_NONE;
      seen->key = rs_oracle_key(sim, i);
      seen->may_start = RS_BY_FIRST;
    }
    seen->parent = view.parent;
    seen->plan = view.plan;
    seen->row = view.row;
    if (view.parent == RS_NONE) oracle->root = i;
  }
}

void rs_oracle_new(rs_sim *sim) {
  sim->oracle = calloc(1, sizeof *sim->oracle);
  sim->oracle->root = RS_NONE;
}

bool rs_oracle_blocked(rs_sim *sim, uint32_t unit) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (i != unit && at(sim, i)->exists && at(sim, i)->removed &&
        at(sim, i)->key == at(sim, unit)->key)
      return true;
  }
  return false;
}

static bool is_brief(rs_sim *sim, uint32_t unit) {
  for (unit = at(sim, unit)->parent; unit != RS_NONE; unit = at(sim, unit)->parent) {
    if (rs_oracle_spec(sim, at(sim, unit))->flags & RS_BRIEF) return true;
  }
  return false;
}

static bool children_satisfied(rs_sim *sim, uint32_t unit, bool surely) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *child = at(sim, i);
    if (!child->exists || child->parent != unit || child->added || child->removed)
      continue;
    bool was = child->was_ready && !surely; /* ready once, if not now */
    if (!rs_oracle_satisfied(sim, i, surely) && !was) return false;
  }
  return true;
}

bool rs_oracle_satisfied(rs_sim *sim, uint32_t unit, bool surely) {
  rs_seen *seen = at(sim, unit);
  if (seen->completed) return !seen->unsure || !surely;
  bool leaves = seen->asked || seen->interrupted || seen->killed;
  if (seen->live && seen->ready && !leaves) return true;
  if (seen->live && seen->told_wrong && !surely) return true;
  if (rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR || !seen->live) return false;
  rs_view view; /* where the journal is brief, it does not tell */
  if (is_brief(sim, unit) && rs_core_view(sim->core, unit, &view) && view.ready)
    return true;
  return children_satisfied(sim, unit, surely);
}

bool rs_oracle_stopping(rs_sim *sim, uint32_t unit) {
  if (sim->oracle->shutdown) return true;
  for (; unit != RS_NONE; unit = at(sim, unit)->parent) {
    if (at(sim, unit)->may_stop & ~(uint32_t)RS_BY_VIOLATION) return true;
  }
  return false;
}

bool rs_oracle_stops(rs_sim *sim, uint32_t unit) {
  if (sim->oracle->shutdown) return true;
  for (; unit != RS_NONE; unit = at(sim, unit)->parent) {
    uint32_t why = at(sim, unit)->may_stop & ~(uint32_t)RS_BY_VIOLATION;
    if (why != 0 && (why != RS_BY_STRATEGY || !at(sim, unit)->maybe)) return true;
  }
  return false;
}

/* --- events --------------------------------------------------------------------- */

bool rs_oracle_stale(rs_sim *sim, const rs_event *ev) {
  if (ev->kind == 0 || ev->kind >= RS_EV_COUNT) return true;
  if (!rs_oracle_is(sim, ev->unit)) return ev->kind != RS_EV_SHUTDOWN;
  if (ev->kind == RS_EV_DOMAIN_DEAD || ev->kind >= RS_EV_STOP) return false;
  rs_seen *seen = at(sim, ev->unit);
  bool of_vm = ev->kind == RS_EV_VM_RUNS || ev->kind == RS_EV_VM_SEEN;
  if (of_vm && rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) return false;
  return !seen->live || seen->inc != ev->inc;
}

/* --- entries -------------------------------------------------------------------- */

/* A supervisor begins to live: its children may all start, and its counts are new. */
static void begin_life(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  seen->live = true;
  seen->since = sim->now;
  seen->felled = false;
  seen->may_start = seen->may_stop = 0;
  seen->violated = seen->verdict = false;
  seen->ready = seen->was_ready = seen->completed = seen->failed = seen->owes = false;
  seen->charges.count = 0;
  seen->charges.loose = false;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *child = at(sim, i);
    if (!child->exists || child->parent != unit) continue;
    child->completed = child->failed = child->unsure = child->in_pass = child->owes =
      false;
    child->was_ready = child->ready = false;
    child->may_stop = 0;
    child->may_start = RS_BY_FIRST;
    child->own.count = 0;
  }
}

static void supervisor_starts(rs_sim *sim, uint32_t unit, uint32_t inc) {
  rs_seen *seen = at(sim, unit);
  if (seen->live)
    rs_sim_fail(sim, "two lives", "%s began twice", rs_story_path(sim, unit));
  uint32_t due = seen->ever ? seen->inc + 1 : 0;
  if (inc != due)
    rs_sim_fail(sim, "incarnation", "%s#%u began, not #%u", rs_story_path(sim, unit),
                inc, due);
  if (rs_oracle_stops(sim, seen->parent) && !sim->oracle->loose)
    rs_sim_fail(sim, "start in a stop", "%s begins", rs_story_path(sim, unit));
  seen->ever = true;
  seen->inc = inc;
  begin_life(sim, unit);
}

/* Where the journal is brief it does not say that a supervisor began; its first child's
** start does. */
void rs_oracle_above(rs_sim *sim, uint32_t unit) {
  uint32_t parent = at(sim, unit)->parent;
  if (parent == RS_NONE || at(sim, parent)->live) return;
  rs_oracle_above(sim, parent);
  rs_view view;
  if (!rs_core_view(sim->core, parent, &view) || !is_brief(sim, parent)) return;
  supervisor_starts(sim, parent, view.inc);
}

static void entry_supervisor(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  if (entry->kind == RS_J_STARTED) supervisor_starts(sim, entry->unit, entry->inc);
  if (entry->kind != RS_J_EXITED || !seen->live) return;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *child = at(sim, i);
    if (child->exists && child->live && child->parent == entry->unit)
      rs_sim_fail(sim, "orphan", "a supervisor ended before %s", rs_story_path(sim, i));
  }
  seen->live = seen->ready = false;
  rs_charge_ended(sim, entry->unit, entry->a, entry->b);
}

static void entry_of(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  bool supervisor = rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR;
  if (supervisor) entry_supervisor(sim, entry);
  switch (entry->kind) {
  case RS_J_EXITED:
    if (seen->live) rs_sim_fail(sim, "exited", "journalled before it was told");
    if (seen->unexplained)
      rs_sim_fail(sim, "stop", "%s was ended without a reason",
                  rs_story_path(sim, entry->unit));
    break;
  case RS_J_READY:
    if (!rs_oracle_satisfied(sim, entry->unit, false) && !seen->told_wrong &&
        !seen->was_ready)
      rs_sim_fail(sim, "ready", "%s is not", rs_story_path(sim, entry->unit));
    if (supervisor) seen->ready = seen->was_ready = true;
    break;
  case RS_J_VIOLATION:
    rs_watch_violation(sim, entry);
    sim->oracle->troubled = true;
    seen->unexplained = false;
    if (supervisor) { /* it was stopping already, or a probe finds it bad */
      rs_oracle_deposed(sim, entry);
      break;
    }
    seen->violated = true;
    seen->may_stop |= RS_BY_VIOLATION;
    break;
  case RS_J_RESTART:
  case RS_J_ESCALATED: rs_charge_entry(sim, entry); break;
  default: break;
  }
}

static void entry(rs_sim *sim, const rs_entry *entry) {
  rs_oracle *oracle = sim->oracle;
  if (entry->seq != oracle->seq + 1) {
    rs_sim_fail(sim, "seq", "entry %llu follows %llu", (unsigned long long)entry->seq,
                (unsigned long long)oracle->seq);
  }
  oracle->seq = entry->seq;
  if (entry->cause >= entry->seq)
    rs_sim_fail(sim, "cause", "entry %llu has a later cause",
                (unsigned long long)entry->seq);
  if (entry->mono != sim->now) rs_sim_fail(sim, "mono", "an entry of another time");
  if (entry->kind == 0 || entry->kind >= RS_J_COUNT)
    rs_sim_fail(sim, "kind", "entry of kind %u", entry->kind);
  if (rs_oracle_is(sim, entry->unit)) entry_of(sim, entry);
  else if (entry->kind != RS_J_RELOAD)
    rs_sim_fail(sim, "gone", "an entry (kind %u) of no unit", entry->kind);
}

/* --- actions -------------------------------------------------------------------- */

static void action_start(rs_sim *sim, const rs_action *action) {
  rs_seen *seen = at(sim, action->unit);
  if (rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) return;
  rs_order_start(sim, action);
  uint32_t parent = seen->parent;
  uint64_t key = seen->key;
  bool added = seen->added;
  memset(seen, 0, offsetof(rs_seen, charges)); /* what follows is of all its lives */
  seen->exists = seen->live = seen->ever = true;
  seen->added = added;
  seen->parent = parent;
  seen->inc = action->inc;
  seen->state = RS_NONE;
  seen->plan = action->plan;
  seen->row = action->row;
  seen->key = key;
  seen->since = sim->now;
  seen->launch = rs_oracle_spec(sim, seen)->launch;
  seen->lost_at = sim->lost;
}

static void action_end(rs_sim *sim, const rs_action *action) {
  rs_oracle *oracle = sim->oracle;
  if (sim->ended) rs_sim_fail(sim, "end twice", "the host ended before");
  sim->ended = true;
  for (uint32_t i = 0; i < oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (seen->exists && seen->live && rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR)
      rs_sim_fail(sim, "left behind", "%s lives at the end", rs_story_path(sim, i));
  }
  int32_t status = oracle->root_failed || oracle->now;
  if (action->b != status)
    rs_sim_fail(sim, "status", "the host ended with %d, not %d", action->b, status);
}

static void action_gone(rs_sim *sim, const rs_action *action) {
  rs_seen *seen = at(sim, action->unit);
  bool supervisor = rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR;
  if (seen->live && !supervisor)
    rs_sim_fail(sim, "gone alive", "%s", rs_story_path(sim, action->unit));
  seen->exists = seen->live = false;
  rs_world_gone(sim, action->unit);
}

static void action_drop(rs_sim *sim, const rs_action *action) {
  uint32_t number = action->a;
  if (number >= sim->plans || sim->plan[number] == NULL) {
    rs_sim_fail(sim, "drop", "plan %u is not there", number);
    return;
  }
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_view view;
    if (rs_core_view(sim->core, i, &view) && view.plan == number)
      rs_sim_fail(sim, "drop", "plan %u has %s", number, rs_story_path(sim, i));
  }
  for (uint32_t i = 0; i < sim->world.actors; i++) {
    rs_actor *actor = &sim->world.actor[i];
    if (actor->plan == number && !actor->told && !actor->gone)
      rs_sim_fail(sim, "drop", "plan %u: %s was not told of another", number,
                  rs_story_path(sim, actor->unit));
  }
  if (sim->rule[0] != 0) return;
  free(sim->plan[number]);
  sim->plan[number] = NULL;
}

/* What brief did not tell of a supervisor, before a plan may end the silence. */
static void learn_brief(rs_sim *sim, uint32_t unit) {
  rs_view view;
  rs_seen *seen = at(sim, unit);
  if (!seen->exists || rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR) return;
  if (!is_brief(sim, unit) || !rs_core_view(sim->core, unit, &view)) return;
  if (!seen->live && (view.life == RS_LIFE_STARTING || view.life == RS_LIFE_UP)) {
    seen->ever = true;
    seen->inc = view.inc;
    begin_life(sim, unit);
  }
  if (view.ready) seen->ready = seen->was_ready = true;
}

void rs_oracle_applied(rs_sim *sim, uint32_t before, uint32_t after) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) learn_brief(sim, i);
  learn(sim);
  sim->oracle->applied = sim->now;
  rs_reload_mark(sim, before, after);
}

void rs_oracle_action(rs_sim *sim, const rs_action *action) {
  uint32_t kind = action->kind;
  bool look = kind == RS_DO_LOOK || kind == RS_DO_LOOK_VM;
  if (!look) sim->oracle->touched = sim->now;
  if (kind == RS_DO_JOURNAL) {
    entry(sim, &action->entry);
    return;
  }
  if (kind == RS_DO_END) {
    action_end(sim, action);
    return;
  }
  if (kind == RS_DO_DROP_PLAN) {
    action_drop(sim, action);
    return;
  }
  if (!rs_oracle_is(sim, action->unit)) {
    rs_sim_fail(sim, "gone", "action %u for a unit that is gone", kind);
    return;
  }
  rs_seen *seen = at(sim, action->unit);
  bool to_live = kind == RS_DO_ASK || kind == RS_DO_INTERRUPT || kind == RS_DO_KILL ||
                 kind == RS_DO_LOOK || kind == RS_DO_EMIT || kind == RS_DO_SIGNAL;
  /* Decided before the end was told, in this very turn: the engine fences it. */
  bool crossed = !seen->live && seen->inc == action->inc && seen->told_at == sim->now;
  if (to_live && crossed) return;
  if (to_live && (!seen->live || seen->inc != action->inc)) {
    rs_sim_fail(sim, "stale action", "action %u for %s#%u, which does not live", kind,
                rs_story_path(sim, action->unit), action->inc);
    return;
  }
  switch (kind) {
  case RS_DO_START: action_start(sim, action); break;
  case RS_DO_ASK:
  case RS_DO_INTERRUPT:
  case RS_DO_KILL: rs_order_stop(sim, action); break;
  case RS_DO_PATCH:
    seen->plan = action->plan;
    seen->row = action->row;
    break;
  case RS_DO_GONE: action_gone(sim, action); break;
  default: break;
  }
}

void rs_oracle_turn(rs_sim *sim) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) rs_oracle_heed(sim, i);
  rs_charge_turn(sim);
  rs_watch_turn(sim);
}
