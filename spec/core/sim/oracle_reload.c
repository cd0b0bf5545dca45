/* oracle_reload.c -- what a new plan may touch, and where all must be in the end. */
#include "oracle.h"
#include "sim.h"

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

/* The draft's keys again, from a plan's rows. */
static uint64_t key_of(const rs_plan *plan, uint32_t row) {
  const rs_plan_unit *unit = rs_plans_unit(plan, row);
  if (unit->parent == RS_NONE) return 1;
  const char *heap = (const char *)plan + plan->tables[RS_T_BYTES].at;
  uint64_t slot = (uint64_t)(heap[unit->name.at] - 'a') + 1;
  return rs_choice_mix(key_of(plan, unit->parent), slot);
}

static uint32_t row_of(const rs_plan *plan, uint64_t key) {
  for (uint32_t i = 0; i < rs_plans_rows(plan); i++) {
    if (rs_plans_spec(plan, i)->flags & RS_TEMPLATE) continue;
    if (key_of(plan, i) == key) return i;
  }
  return RS_NONE;
}

static uint32_t template_of(const rs_plan *plan, uint32_t row) {
  for (uint32_t i = row + 1; i < rs_plans_rows(plan); i++) {
    if (rs_plans_unit(plan, i)->parent == row &&
        rs_plans_spec(plan, i)->flags & RS_TEMPLATE)
      return i;
  }
  return RS_NONE;
}

/* Its runner stays, and the VM in which it lives, if it shares one. */
static bool same_place(rs_sim *sim, uint32_t unit, const rs_plan *a, uint32_t ra,
                       const rs_plan *b, uint32_t rb) {
  uint8_t backend = rs_plans_spec(a, ra)->backend;
  if (backend != RS_COROUTINE && backend != RS_THREAD) return true;
  uint32_t da = rs_plans_domain(a, ra), db = rs_plans_domain(b, rb);
  if (key_of(a, da) != key_of(b, db)) return false;
  rs_actor *actor = rs_world_actor(sim, unit, at(sim, unit)->inc);
  if (backend == RS_THREAD || actor == NULL) return true;
  return sim->world.vm[actor->vm].number < rs_plans_spec(b, db)->vms;
}

static bool same_unit(const rs_plan *a, uint32_t ra, const rs_plan *b, uint32_t rb) {
  return rs_plans_unit(a, ra)->identity == rs_plans_unit(b, rb)->identity &&
         rs_plans_spec(a, ra)->kind == rs_plans_spec(b, rb)->kind &&
         rs_plans_spec(a, ra)->backend == rs_plans_spec(b, rb)->backend;
}

static void loosen(rs_sim *sim, uint32_t unit, const rs_plan_spec *a,
                   const rs_plan_spec *b) {
  rs_seen *seen = at(sim, unit);
  if (a->max != b->max || a->within != b->within) seen->charges.loose = true;
  if (a->own_max != b->own_max) seen->own.loose = true;
  if (a->strategy == b->strategy && !((a->flags ^ b->flags) & RS_ORDERED)) return;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (at(sim, i)->parent == unit) at(sim, i)->in_pass = false;
  }
}

/* A limit that it had not before counts from now on. */
static void relimit(rs_sim *sim, uint32_t unit, const rs_plan *a, uint32_t ra,
                    const rs_plan *b, uint32_t rb) {
  rs_seen *seen = at(sim, unit);
  const rs_plan_spec *was = rs_plans_spec(a, ra), *is = rs_plans_spec(b, rb);
  bool other[RS_C_COUNT] = {
    [RS_C_HEARTBEAT] = was->heartbeat != is->heartbeat,
    [RS_C_LAUNCH] = was->launch != is->launch,
    [RS_C_STALL] = was->stall != is->stall,
    [RS_C_SHUTDOWN] = was->shutdown != is->shutdown,
  };
  if (was->life != RS_NONE && is->life != RS_NONE && seen->state != RS_NONE) {
    const rs_plan_state *x = rs_plans_state(a, was->life, seen->state);
    const rs_plan_state *y = rs_plans_state(b, is->life, seen->state);
    other[RS_C_HEARTBEAT] = x->heartbeat != y->heartbeat;
    other[RS_C_TIMEOUT] = x->timeout != y->timeout;
    other[RS_C_TRANSITION] = seen->moving && rs_plans_edge(a, x, seen->edge)->timeout !=
                                               rs_plans_edge(b, y, seen->edge)->timeout;
  }
  for (uint32_t i = 0; i < RS_C_COUNT; i++)
    if (other[i]) seen->changed[i] = sim->now;
}

static bool is_supervisor(const rs_plan *plan, uint32_t row) {
  return rs_plans_spec(plan, row)->kind == RS_SUPERVISOR;
}

/* Who completed begins anew where something below it is new. */
static void revive(rs_sim *sim, uint32_t unit) {
  unit = at(sim, unit)->parent;
  if (unit == RS_NONE || at(sim, unit)->live) return;
  for (; unit != RS_NONE; unit = at(sim, unit)->parent)
    at(sim, unit)->completed = false;
}

static void mark(rs_sim *sim, uint32_t unit, const rs_plan *a, const rs_plan *b) {
  rs_seen *seen = at(sim, unit);
  bool fresh = seen->fresh;
  seen->fresh = false;
  if (fresh && a != NULL) revive(sim, unit);
  if (a == NULL || fresh) return; /* it may start as any other */
  uint32_t ra = row_of(a, seen->key), rb = row_of(b, seen->key);
  if (seen->added) {
    uint64_t above = at(sim, seen->parent)->key;
    ra = template_of(a, row_of(a, above));
    rb = row_of(b, above) == RS_NONE ? RS_NONE : template_of(b, row_of(b, above));
  }
  if (ra == RS_NONE) {
    if (rb == RS_NONE || !seen->removed) return;
    seen->removed = false; /* it was on its way out and is wanted again */
    if (!seen->held) seen->may_start |= RS_BY_RELOAD;
    return;
  }
  seen->in_pass = false;
  if (rb == RS_NONE || is_supervisor(a, ra) != is_supervisor(b, rb)) {
    seen->may_stop |= RS_BY_RELOAD;
    seen->removed = true;
    seen->may_start = 0;
    return;
  }
  loosen(sim, unit, rs_plans_spec(a, ra), rs_plans_spec(b, rb));
  bool passes = seen->live && seen->may_stop & RS_BY_STRATEGY && !seen->held;
  if (passes && rs_plans_spec(b, rb)->restart != RS_TEMPORARY)
    seen->may_start |= RS_BY_STRATEGY; /* it was temporary when the pass began */
  bool moves = seen->live && !same_place(sim, unit, a, ra, b, rb);
  if (same_unit(a, ra, b, rb) && !moves) {
    bool stays = !(seen->may_stop & RS_BY_RELOAD);
    if (seen->live && stays) relimit(sim, unit, a, ra, b, rb);
    return;
  }
  seen->may_stop |= RS_BY_RELOAD;
  seen->completed = seen->failed = false; /* it is to begin anew, once it may */
  if (!seen->held) seen->may_start |= RS_BY_RELOAD;
}

void rs_reload_mark(rs_sim *sim, uint32_t before, uint32_t after) {
  const rs_plan *from = before == RS_NONE ? NULL : sim->plan[before];
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (at(sim, i)->exists) mark(sim, i, from, sim->plan[after]);
  }
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    if (at(sim, i)->exists && rs_oracle_blocked(sim, i)) at(sim, i)->heir = true;
  }
}

/* --- when it is quiet ------------------------------------------------------------- */

static bool may_start_now(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  const rs_plan *plan = sim->plan[seen->plan];
  if (seen->held || seen->told_wrong || seen->unsure || seen->may_start == 0 ||
      !at(sim, seen->parent)->live)
    return false;
  if (rs_oracle_stopping(sim, seen->parent)) return false;
  if (rs_oracle_blocked(sim, unit)) return false;
  uint32_t before = RS_NONE;
  for (uint32_t i = rs_core_child(sim->core, seen->parent); i != RS_NONE && i != unit;
       i = rs_core_next(sim->core, i))
    before = i;
  const rs_plan_spec *above = rs_oracle_spec(sim, at(sim, seen->parent));
  bool ordered = above->flags & RS_ORDERED || above->strategy == RS_REST_FOR_ONE;
  bool held = before != RS_NONE && at(sim, before)->held; /* the one before it counts */
  if (ordered && before != RS_NONE && (held || !rs_oracle_satisfied(sim, before, true)))
    return false;
  for (uint32_t k = 0; k < rs_plans_unit(plan, seen->row)->after_count; k++) {
    uint32_t row = rs_plans_after(plan, seen->row, k);
    for (uint32_t i = 0; i < sim->oracle->ids; i++) {
      rs_seen *other = at(sim, i);
      if (other->exists && other->parent == seen->parent && other->row == row &&
          other->plan == seen->plan && !rs_oracle_satisfied(sim, i, true))
        return false;
    }
  }
  return true;
}

static void check_tree(rs_sim *sim) {
  const rs_plan *plan = sim->plan[sim->current];
  uint32_t units = 0;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (!seen->exists || seen->added) continue;
    units++;
    if (row_of(plan, seen->key) == RS_NONE)
      rs_sim_fail(sim, "removed", "%s is still there", rs_story_path(sim, i));
  }
  for (uint32_t i = 0; i < rs_plans_rows(plan); i++) {
    if (!(rs_plans_spec(plan, i)->flags & RS_TEMPLATE)) units--;
  }
  if (units != 0) rs_sim_fail(sim, "units", "the tree is not the plan's");
}

/* Where all went well a supervisor is down if, and only if, nothing below it has
** anything left to do: so a fresh start would have it. */
static void check_group(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  bool open = rs_oracle_spec(sim, seen)->flags & RS_POOL;
  bool may_end = rs_oracle_spec(sim, seen)->auto_shutdown != RS_AUTO_NEVER;
  if (!at(sim, seen->parent)->live || (may_end && !seen->live)) return;
  for (uint32_t i = rs_core_child(sim->core, unit); i != RS_NONE && !open;
       i = rs_core_next(sim->core, i))
    open = at(sim, i)->live || !at(sim, i)->completed;
  if (open != seen->live)
    rs_sim_fail(sim, "reload is start", "%s is %s", rs_story_path(sim, unit),
                open ? "down, and has work below it" : "up, and has nothing to do");
}

void rs_oracle_calm(rs_sim *sim) {
  if (rs_oracle_stopping(sim, sim->oracle->root) || sim->ended) return;
  check_tree(sim);
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = at(sim, i);
    if (!seen->exists || i == sim->oracle->root) continue;
    bool calm = sim->profile.faults + sim->profile.ops == 0 && !sim->oracle->troubled;
    if (rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) {
      if (calm) check_group(sim, i);
      continue;
    }
    if (!seen->live && may_start_now(sim, i))
      rs_sim_fail(sim, "forgotten", "%s does not run and waits for nothing",
                  rs_story_path(sim, i));
    bool up = seen->live ? seen->entered : seen->completed;
    if (calm && !up && at(sim, seen->parent)->live)
      rs_sim_fail(sim, "reload is start", "%s is not as a fresh start would have it",
                  rs_story_path(sim, i));
    if (seen->live && sim->profile.faults == 0 && !seen->entered)
      rs_sim_fail(sim, "unhealthy", "%s never came up", rs_story_path(sim, i));
  }
}
