/* oracle_watch.c -- no one is judged too early, no one who is really dead too late. */
#include "oracle.h"
#include "sim.h"

#define SLACK (20 * RS_MS) /* messages take a few ms to the engine */

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

static void early(rs_sim *sim, const rs_entry *entry, rs_time observed) {
  rs_sim_fail(sim, "violation too early", "%s: constraint %u, limit %.6f, truly %.6f",
              rs_story_path(sim, entry->unit), entry->a, (double)entry->x / 1e9,
              (double)observed / 1e9);
}

static rs_time latest(rs_time a, rs_time b) { return a > b ? a : b; }

/* Asked in the state in which it still is: there only starting a transition counts. */
static bool is_deaf(const rs_seen *seen) {
  return seen->asked && seen->entered_at <= seen->asked_at &&
         seen->begun_at <= seen->asked_at;
}

/* How long it was silent for reasons of its own. */
static rs_time silence(rs_sim *sim, const rs_seen *seen, rs_actor *actor) {
  rs_time beat = actor->beat;
  rs_time owed = rs_world_owed(sim, (uint32_t)(actor - sim->world.actor));
  rs_time lost = sim->lost - actor->lost_at_beat;
  if (is_deaf(seen)) {
    beat = seen->asked_at;
    lost = sim->lost - seen->lost_at;
    owed = 0;
  }
  return sim->now - beat - owed - lost;
}

static rs_time stop_limit(rs_sim *sim, uint32_t unit) {
  rs_time limit = RS_NEVER;
  for (; unit != RS_NONE; unit = at(sim, unit)->parent) {
    rs_time one = rs_oracle_spec(sim, at(sim, unit))->shutdown;
    if (one < limit) limit = one;
  }
  return limit < 0 ? 0 : limit;
}

void rs_watch_judged(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  rs_actor *actor = rs_world_actor(sim, unit, seen->inc);
  if (seen->judged || actor == NULL) return;
  rs_time lost = sim->lost - seen->lost_at;
  seen->judged = true;
  seen->came_up = seen->entered;
  seen->truly[RS_C_HEARTBEAT] = silence(sim, seen, actor);
  seen->truly[RS_C_TIMEOUT] = sim->now - seen->entered_at - lost;
  seen->truly[RS_C_TRANSITION] = sim->now - seen->begun_at - lost;
  seen->truly[RS_C_LAUNCH] = sim->now - seen->since - lost;
  seen->truly[RS_C_STALL] = sim->now - actor->beat - (sim->lost - actor->lost_at_beat);
  bool by_itself = !seen->asked && rs_oracle_spec(sim, seen)->life != RS_NONE;
  rs_time ending = by_itself ? seen->entered_at : seen->asked_at;
  seen->truly[RS_C_SHUTDOWN] = sim->now - ending - lost;
  for (uint32_t i = 0; i < RS_C_COUNT; i++) {
    rs_time since = sim->now - seen->changed[i];
    if (seen->changed[i] > 0 && since < seen->truly[i]) seen->truly[i] = since;
  }
}

void rs_watch_violation(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  if (rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) return;
  rs_actor *actor = rs_world_actor(sim, entry->unit, entry->inc);
  if (actor == NULL || seen->inc != entry->inc) {
    rs_sim_fail(sim, "violation of none", "%s", rs_story_path(sim, entry->unit));
    return;
  }
  rs_watch_judged(sim, entry->unit); /* a command's is told before it is killed */
  if (entry->a == RS_C_PROBE && !seen->verdict)
    rs_sim_fail(sim, "probe", "%s: no verdict", rs_story_path(sim, entry->unit));
  if (entry->a == RS_C_PROTOCOL && !seen->told_wrong)
    rs_sim_fail(sim, "protocol", "%s said nothing wrong",
                rs_story_path(sim, entry->unit));
  if (entry->a == RS_C_LAUNCH && seen->came_up && !seen->told_wrong)
    rs_sim_fail(sim, "launch", "%s had started", rs_story_path(sim, entry->unit));
  rs_time truly = entry->a < RS_C_COUNT ? seen->truly[entry->a] : 0;
  rs_time limit = entry->x;
  if (entry->a == RS_C_SHUTDOWN && limit > stop_limit(sim, entry->unit))
    limit = stop_limit(sim, entry->unit);
  if (entry->a == RS_C_SHUTDOWN && seen->asked && limit > seen->shutdown)
    limit = seen->shutdown; /* a reload may change it meanwhile */
  bool by_time = entry->a != RS_C_PROBE && entry->a != RS_C_PROTOCOL;
  if (by_time && !seen->told_wrong && truly < limit) early(sim, entry, truly);
}

/* --- too late --------------------------------------------------------------------- */

static void late(rs_sim *sim, uint32_t unit, const char *what, rs_time by) {
  if (sim->now <= by) return;
  rs_sim_fail(sim, "found late", "%s: %s was due at %.6f", rs_story_path(sim, unit),
              what, (double)by / 1e9);
}

/* a + b, where either may be never. */
static rs_time plus(rs_time a, rs_time b) {
  return a >= RS_NEVER - b || b == RS_NEVER ? RS_NEVER : a + b;
}

static void watch_lua(rs_sim *sim, uint32_t unit, rs_actor *actor, rs_time slack) {
  rs_seen *seen = at(sim, unit);
  const rs_plan *plan = sim->plan[seen->plan];
  const rs_plan_state *state =
    rs_plans_state(plan, rs_oracle_spec(sim, seen)->life, seen->state);
  const rs_time *changed = seen->changed;
  rs_time stay = plus(latest(seen->entered_at, changed[RS_C_TIMEOUT]), state->timeout);
  if (seen->moving) {
    const rs_plan_edge *edge = rs_plans_edge(plan, state, seen->edge);
    rs_time begun = latest(seen->begun_at, changed[RS_C_TRANSITION]);
    late(sim, unit, "the transition", plus(plus(begun, edge->timeout), slack));
    return;
  }
  if (state->timeout != RS_NEVER) late(sim, unit, "its stay", plus(stay, slack));
  rs_time shutdown = rs_oracle_spec(sim, seen)->shutdown;
  if (state->ends != RS_ENDS_NOT && !seen->asked && shutdown > 0)
    late(sim, unit, "its end",
         plus(plus(latest(seen->entered_at, changed[RS_C_SHUTDOWN]), shutdown), slack));
  rs_time beat = latest(actor->beat, seen->entered_at);
  if (is_deaf(seen) && seen->heard_at <= seen->asked_at) beat = seen->asked_at;
  beat = latest(beat, changed[RS_C_HEARTBEAT]);
  if (state->heartbeat != RS_NEVER)
    late(sim, unit, "a heartbeat", plus(plus(beat, state->heartbeat), slack));
}

static void watch(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
  rs_actor *actor = rs_world_actor(sim, unit, seen->inc);
  if (actor == NULL || !actor->alive || seen->violated || seen->told_wrong ||
      seen->killed)
    return;
  if (seen->interrupted) return; /* judged, if the journal does not say so yet */
  if (seen->verdict || seen->extended != 0) return;
  const rs_world_vm *vm = &sim->world.vm[actor->vm];
  /* What the world owes it since it began, at most. */
  rs_time owed = vm->blocked + vm->starved + vm->waits;
  if (vm->blocker != RS_NONE && vm->blocker != (uint32_t)(actor - sim->world.actor))
    owed += sim->now - vm->since;
  /* What the engine lost it may count twice: it cannot know how long it was late. */
  rs_time slack = SLACK + owed + 2 * sim->slept;
  if (vm->blocker == (uint32_t)(actor - sim->world.actor) && actor->alive) {
    rs_time from = latest(latest(actor->beat, vm->since), seen->changed[RS_C_STALL]);
    late(sim, unit, "the end of its turn",
         plus(plus(from, spec->stall), SLACK + 2 * sim->slept + vm->waits));
  }
  if (seen->asked && seen->shutdown >= 0)
    late(sim, unit, "its stop",
         plus(plus(latest(seen->asked_at, seen->changed[RS_C_SHUTDOWN]),
                   latest(seen->shutdown, spec->shutdown)),
              slack));
  if (!seen->entered) {
    late(sim, unit, "its launch",
         plus(plus(latest(seen->since, seen->changed[RS_C_LAUNCH]),
                   latest(seen->launch, spec->launch)),
              slack));
  } else if (spec->life != RS_NONE) {
    watch_lua(sim, unit, actor, slack);
  } else if (spec->heartbeat != RS_NEVER && !seen->asked) {
    rs_time beat =
      latest(latest(actor->beat, seen->entered_at), seen->changed[RS_C_HEARTBEAT]);
    late(sim, unit, "a heartbeat", plus(plus(beat, spec->heartbeat), slack));
  }
}

rs_time rs_watch_rung(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  rs_actor *actor = rs_world_actor(sim, unit, seen->inc);
  rs_time held = 0;
  if (actor) held = rs_world_held(sim, (uint32_t)(actor - sim->world.actor));
  if (held > 2000 * RS_MS) held = 2000 * RS_MS;
  return seen->interrupted_at + 100 * RS_MS + held;
}

/* The ladder's rungs are short, but for time that is not the unit's own; that, too, has
** an end. */
static void watch_ladder(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  if (seen->killed || !seen->interrupted) return;
  late(sim, unit, "the kill after its interrupt",
       rs_watch_rung(sim, unit) + 10 * RS_MS + SLACK + 2 * sim->slept);
}

void rs_watch_turn(rs_sim *sim) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (!seen->exists || !seen->live) continue;
    if (rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) continue;
    watch_ladder(sim, i);
    watch(sim, i);
  }
  if (sim->oracle->over_by != 0 && sim->now > sim->oracle->over_by && !sim->ended)
    rs_sim_fail(sim, "not down", "the stop took longer than all its limits");
}
