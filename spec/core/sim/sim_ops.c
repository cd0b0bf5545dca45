/* sim_ops.c -- operators and the outside: stops, starts, reloads, additions, and events
** about things that never were. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static const rs_profile profiles[] = {
  /* faults ops reloads late garbage domains */
  {0, 0, 0, 0, 0, 0},     {0, 0, 4, 0, 0, 0},   {80, 0, 0, 0, 0, 5},
  {300, 0, 0, 0, 0, 0},   {150, 4, 0, 0, 0, 0}, {100, 4, 4, 0, 0, 0},
  {150, 6, 4, 10, 10, 9}, {0, 10, 6, 0, 0, 0},  {100, 0, 0, 40, 0, 0},
  {250, 9, 9, 30, 30, 9}, {60, 2, 2, 5, 2, 0},  {200, 0, 0, 0, 20, 30},
};

enum { OPS_MAX = 12, OP_KINDS = 12 };

/* Schedules what operators will do. */
void rs_ops_plan(rs_sim *sim) {
  static const rs_time when[2] = {0, 14000 * RS_MS};
  uint32_t count = sizeof profiles / sizeof profiles[0];
  sim->profile = profiles[rs_choice_of(sim->choices, RS_AT_PROFILE, 0, 0, count)];
  uint32_t most = sim->profile.ops + sim->profile.reloads;
  for (uint32_t i = 0; i < most && i < OPS_MAX; i++) {
    if (!rs_choice_chance(sim->choices, RS_AT_OP, i, 0, 600)) continue;
    rs_time at = sim->now + rs_choice_span(sim->choices, RS_AT_OP, i, 1, when);
    rs_queue_put(&sim->queue, (rs_item){.at = at, .kind = RS_IT_OP, .who = i});
  }
}

/* --- reloads -------------------------------------------------------------------- */

static bool same_view(rs_view a, rs_view b) {
  a.plan = b.plan;
  a.row = b.row;
  if (a.inc == b.inc && a.life != 0) a.until = b.until; /* it may be looked at sooner */
  a.waits_for = b.waits_for;
  return memcmp(&a, &b, sizeof a) == 0;
}

static void tell_change(rs_sim *sim, uint32_t unit, const rs_view *a,
                        const rs_view *b) {
  rs_story_say(sim,
               "before: #%u life %u state %d health %u ready %u waits %d cause %llu",
               a->inc, a->life, (int)a->state, a->health, a->ready, (int)a->waits_for,
               (unsigned long long)a->cause);
  rs_story_say(sim,
               "after:  #%u life %u state %d health %u ready %u waits %d cause %llu",
               b->inc, b->life, (int)b->state, b->health, b->ready, (int)b->waits_for,
               (unsigned long long)b->cause);
  rs_story_say(sim, "since %.6f %.6f until %.6f %.6f", (double)a->since / 1e9,
               (double)b->since / 1e9, (double)a->until / 1e9, (double)b->until / 1e9);
  rs_sim_fail(sim, "reload", "%s changed, though its plan did not",
              rs_story_path(sim, unit));
}

/* Applies a plan that says the same as the one that holds: nothing may change. */
static void check_same(rs_sim *sim, const rs_view *before, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    rs_view view;
    memset(&view, 0, sizeof view);
    bool is = rs_core_view(sim->core, i, &view);
    if (is != (before[i].unit != RS_NONE) || (is && !same_view(view, before[i])))
      tell_change(sim, i, &before[i], &view);
  }
}

static uint32_t views(rs_sim *sim, rs_view *out) {
  uint32_t count = rs_core_units(sim->core);
  if (count > RS_ORACLE_UNITS_MAX) count = RS_ORACLE_UNITS_MAX;
  memset(out, 0, count * sizeof *out);
  for (uint32_t i = 0; i < count; i++) {
    if (!rs_core_view(sim->core, i, &out[i])) out[i].unit = RS_NONE;
  }
  return count;
}

static void apply(rs_sim *sim, rs_plan *plan) {
  rs_view before[RS_ORACLE_UNITS_MAX];
  char why[200] = "";
  uint32_t count = views(sim, before), number = sim->plans++;
  uint32_t old = sim->current;
  /* A core that is late learns so in this very call, which moves all its limits. */
  bool late = rs_core_due(sim->core) < sim->now;
  bool same = old != RS_NONE && !late && sim->plan[old]->size == plan->size &&
              memcmp(sim->plan[old], plan, plan->size) == 0;
  sim->plan[number] = plan;
  rs_story_plan(sim, plan, number);
  sim->growing = true;
  int code = rs_core_apply(sim->core, sim->now, plan, number, why, sizeof why);
  sim->growing = false;
  if (code != 0) {
    rs_story_say(sim, "refused: %s", why);
    if (!sim->oracle->shutdown && !rs_oracle_stopping(sim, sim->oracle->root))
      rs_sim_fail(sim, "refused", "a plan: %s", why);
    if (!late) check_same(sim, before, count);
    free(plan);
    sim->plan[number] = NULL;
    return;
  }
  sim->current = number;
  rs_oracle_applied(sim, old, number);
  if (same) check_same(sim, before, count);
}

void rs_ops_reload(rs_sim *sim) {
  if (sim->plans == RS_SIM_PLANS_MAX) return;
  char why[200];
  rs_draft_make(&sim->draft, sim->choices, sim->plans);
  rs_plan *plan = rs_plans_bytes(&sim->draft);
  if (rs_plan_check(plan, plan->size, why, sizeof why) != 0) {
    rs_sim_fail(sim, "plan check", "%s", why);
    free(plan);
    return;
  }
  apply(sim, plan);
}

/* A tree with another root is refused, and nothing changes. */
static void reload_other_root(rs_sim *sim) {
  char why[200] = "";
  rs_plan *plan = rs_plans_bytes(&sim->draft);
  char *heap = (char *)plan + plan->tables[RS_T_BYTES].at;
  heap[rs_plans_unit(plan, 0)->name.at] = 'g';
  rs_view before[RS_ORACLE_UNITS_MAX];
  uint32_t count = views(sim, before);
  bool late = rs_core_due(sim->core) < sim->now;
  sim->growing = true;
  if (rs_core_apply(sim->core, sim->now, plan, RS_SIM_PLANS_MAX, why, sizeof why) == 0)
    rs_sim_fail(sim, "root's name", "a plan with another root was taken");
  sim->growing = false;
  if (!late) check_same(sim, before, count);
  free(plan);
}

/* --- others --------------------------------------------------------------------- */

/* Some unit, the same one as long as it exists. */
static uint32_t target(rs_sim *sim, uint64_t op, uint32_t flag) {
  uint32_t best = RS_NONE;
  uint64_t least = UINT64_MAX;
  uint64_t turn = rs_choice_of(sim->choices, RS_AT_OP_TARGET, op, flag, 1000);
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = &sim->oracle->unit[i];
    if (!seen->exists) continue;
    if (flag && !(rs_oracle_spec(sim, seen)->flags & flag)) continue;
    uint64_t rank = rs_choice_mix(rs_choice_mix(seen->key, op), turn);
    if (rank >= least) continue;
    least = rank;
    best = i;
  }
  return best;
}

static void operate(rs_sim *sim, uint32_t kind, uint32_t unit) {
  if (unit == RS_NONE) return;
  rs_event ev = {.kind = kind, .unit = unit, .text = 77};
  bool added = sim->oracle->unit[unit].added;
  if (kind == RS_EV_REMOVE && !added) ev.kind = RS_EV_RESTART;
  if (unit == sim->oracle->root && ev.kind != RS_EV_STOP) return;
  rs_oracle_operator(sim, &ev);
  rs_story_event(sim, &ev);
  if (sim->oracle->shutdown) rs_ops_bound(sim);
  rs_sim_step(sim, &ev);
}

static void pool_add(rs_sim *sim, uint32_t supervisor) {
  if (supervisor == RS_NONE || sim->plans == 0) return;
  char name[8], why[200] = "";
  uint32_t len = (uint32_t)snprintf(name, sizeof name, "n%u", sim->added++);
  sim->growing = true;
  uint32_t id =
    rs_core_add(sim->core, sim->now, supervisor, name, len, 77, why, sizeof why);
  sim->growing = false;
  rs_story_say(sim, "add %s to %s: %s", name, rs_story_path(sim, supervisor),
               id == RS_NONE ? why : "done");
  rs_seen *seen = &sim->oracle->unit[supervisor];
  if (id == RS_NONE) {
    if (seen->live && !rs_oracle_stopping(sim, supervisor))
      rs_sim_fail(sim, "add", "refused: %s", why);
    return;
  }
  rs_oracle_applied(sim, RS_NONE, sim->current);
  sim->oracle->unit[id].added = true;
}

/* About an incarnation that is not yet, of a unit that is down. */
static void unborn(rs_sim *sim, rs_event *ev) {
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = &sim->oracle->unit[i];
    rs_view view;
    if (!seen->exists || seen->live || !rs_core_view(sim->core, i, &view)) continue;
    if (view.life != 0 || rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR) continue;
    ev->unit = i;
    ev->inc = view.inc;
  }
}

static void confuse(rs_sim *sim, uint64_t op) {
  rs_event ev = {.kind = rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 1, RS_EV_STOP)};
  static const uint32_t units[] = {RS_NONE, 100, 1000, 0x7fffffff, 0xfffffffe};
  ev.unit = units[rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 2, 5)];
  if (rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 3, 2)) {
    ev.unit = target(sim, op, 0);
    ev.inc = 1000000;
    if (rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 6, 2)) unborn(sim, &ev);
  }
  ev.a = units[rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 4, 5)];
  ev.other = units[rs_choice_of(sim->choices, RS_AT_GARBAGE, op, 5, 5)];
  ev.at = -5;
  ev.x = -5;
  bool of_domain = ev.kind == RS_EV_DOMAIN_DEAD || ev.kind == RS_EV_VM_RUNS ||
                   ev.kind == RS_EV_VM_SEEN;
  if (!of_domain || !rs_oracle_is(sim, ev.unit)) rs_sim_event(sim, &ev);
}

/* All is down by then: the sum of all limits, and of the ladder's rungs. */
void rs_ops_bound(rs_sim *sim) {
  rs_time sum = 2000 * RS_MS;
  for (uint32_t i = 0; i < sim->oracle->ids; i++) {
    rs_seen *seen = &sim->oracle->unit[i];
    if (!seen->exists) continue;
    const rs_plan_spec *spec = rs_oracle_spec(sim, seen);
    if (spec->kind == RS_SUPERVISOR) continue;
    sum += spec->shutdown == RS_NEVER ? 6200 * RS_MS : spec->shutdown + 300 * RS_MS;
    sum += 2000 * RS_MS; /* an interrupt that finds no processor */
  }
  if (sim->oracle->over_by == 0) sim->oracle->over_by = sim->now + sum + sim->slept;
}

void rs_ops_shutdown(rs_sim *sim, uint32_t how) {
  rs_event ev = {.kind = RS_EV_SHUTDOWN, .a = how, .text = 77};
  sim->over = true;
  rs_oracle_operator(sim, &ev);
  rs_story_event(sim, &ev);
  rs_ops_bound(sim);
  rs_sim_step(sim, &ev);
}

void rs_ops_do(rs_sim *sim, const rs_item *item) {
  static const uint8_t kinds[OP_KINDS] = {
    0,          RS_EV_STOP,  RS_EV_START,   RS_EV_RESTART,  RS_EV_KILL, RS_EV_REMOVE,
    RS_EV_STOP, RS_EV_START, RS_EV_RESTART, RS_EV_SHUTDOWN, 100,        101};
  uint64_t op = item->who;
  if (sim->world.calm) return;
  if (item->kind == RS_IT_TIED) {
    rs_seen *seen = &sim->oracle->unit[item->who];
    if (!seen->exists) return;
    op = rs_choice_mix(seen->key, item->token);
    uint32_t up = rs_choice_of(sim->choices, RS_AT_TIED, op, 7, 3);
    uint32_t unit = item->who;
    for (; up > 0 && unit != sim->oracle->root; up--)
      unit = sim->oracle->unit[unit].parent;
    static const uint8_t tied[] = {RS_EV_STOP, RS_EV_RESTART, RS_EV_KILL, RS_EV_START};
    operate(sim, tied[rs_choice_of(sim->choices, RS_AT_TIED, op, 8, 4)], unit);
    return;
  }
  uint32_t all = sim->profile.ops + sim->profile.reloads;
  bool reload = rs_choice_of(sim->choices, RS_AT_OP, op, 2, all) < sim->profile.reloads;
  if (reload) {
    if (rs_choice_of(sim->choices, RS_AT_OP, op, 3, 10) == 1) reload_other_root(sim);
    else rs_ops_reload(sim);
    return;
  }
  uint32_t kind = kinds[rs_choice_of(sim->choices, RS_AT_OP, op, 4, OP_KINDS)];
  uint32_t pool = target(sim, op, RS_POOL);
  if (kind == 100) pool_add(sim, pool);
  else if (kind == 101 || kind == 0) confuse(sim, op);
  else if (kind != RS_EV_SHUTDOWN) operate(sim, kind, target(sim, op, 0));
  else if (op == 0)
    rs_ops_shutdown(sim, rs_choice_of(sim->choices, RS_AT_OP, op, 5, 2));
}
