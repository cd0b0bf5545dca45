/* oracle_hear.c -- what the events of the world and the operators' mean. */
#include "oracle.h"
#include "sim.h"

static rs_seen *at(rs_sim *sim, uint32_t unit) { return &sim->oracle->unit[unit]; }

static void hear_enter(rs_sim *sim, rs_seen *seen, const rs_event *ev) {
  const rs_plan *plan = sim->plan[seen->plan];
  uint32_t life = rs_oracle_spec(sim, seen)->life;
  uint32_t to = 0;
  if (seen->moving) {
    const rs_plan_state *from = rs_plans_state(plan, life, seen->state);
    to = rs_plans_edge(plan, from, seen->edge)->to;
  }
  if (ev->a != to || seen->entered != seen->moving) {
    seen->told_wrong = true;
    return;
  }
  seen->state = to;
  seen->entered = true;
  seen->moving = false;
  seen->entered_at = ev->at < sim->now ? ev->at : sim->now;
  seen->heard_at = sim->now;
  seen->lost_at = sim->lost;
  seen->ready = rs_plans_state(plan, life, to)->ready;
  if (seen->ready) seen->was_ready = true;
}

static void hear_begin(rs_sim *sim, rs_seen *seen, const rs_event *ev) {
  const rs_plan *plan = sim->plan[seen->plan];
  uint32_t life = rs_oracle_spec(sim, seen)->life;
  bool wrong = !seen->entered || seen->moving;
  if (!wrong) wrong = ev->a >= rs_plans_state(plan, life, seen->state)->edge_count;
  if (wrong) {
    seen->told_wrong = true;
    return;
  }
  seen->moving = true;
  seen->edge = ev->a;
  seen->begun_at = ev->at < sim->now ? ev->at : sim->now;
  seen->lost_at = sim->lost;
}

static void hear_life(rs_sim *sim, rs_seen *seen, const rs_event *ev) {
  bool lua = rs_oracle_spec(sim, seen)->life != RS_NONE;
  bool life = ev->kind == RS_EV_BEGIN || ev->kind == RS_EV_ENTER;
  if (lua != life) {
    seen->told_wrong = true;
  } else if (ev->kind == RS_EV_BEGIN) {
    hear_begin(sim, seen, ev);
  } else if (ev->kind == RS_EV_ENTER) {
    hear_enter(sim, seen, ev);
  } else if (ev->kind == RS_EV_READY) {
    if (!seen->entered) seen->entered_at = sim->now;
    seen->entered = true;
    if (!seen->ending) seen->ready = seen->was_ready = true;
  } else if (ev->kind == RS_EV_TERMINATING) {
    seen->ready = false;
    seen->ending = true;
  } else if (ev->kind == RS_EV_EXTEND) {
    seen->extended = ev->x < 100000 * RS_MS ? sim->now + ev->x : RS_NEVER;
  }
}

void rs_oracle_event(rs_sim *sim, const rs_event *ev) {
  if (rs_oracle_stale(sim, ev)) return;
  rs_seen *seen = at(sim, ev->unit);
  switch (ev->kind) {
  case RS_EV_STARTED: seen->confirmed = true; break;
  case RS_EV_BEGIN:
  case RS_EV_ENTER:
  case RS_EV_READY:
  case RS_EV_TERMINATING:
  case RS_EV_EXTEND: hear_life(sim, seen, ev); break;
  case RS_EV_PROTOCOL: seen->told_wrong = true; break;
  case RS_EV_VERDICT:
    if (ev->b == 0 && !seen->asked) seen->verdict = true;
    break;
  case RS_EV_EXIT:
    seen->live = false;
    seen->told_at = sim->now;
    rs_charge_ended(sim, ev->unit, ev->a, ev->b);
    break;
  case RS_EV_DOMAIN_DEAD: rs_charge_collateral(sim, ev); break;
  default: break;
  }
}

void rs_oracle_deposed(rs_sim *sim, const rs_entry *entry) {
  rs_seen *seen = at(sim, entry->unit);
  if (entry->a != RS_C_PROBE) return;
  if (!seen->verdict) rs_sim_fail(sim, "verdict", "nobody found it bad");
  seen->verdict = false;
  seen->violated = true;
  seen->may_stop |= RS_BY_GIVING_UP;
  if (entry->unit == sim->oracle->root) sim->oracle->root_failed = true;
}

void rs_oracle_heed(rs_sim *sim, uint32_t unit) {
  rs_seen *seen = at(sim, unit);
  bool supervisor = seen->exists && rs_oracle_spec(sim, seen)->kind == RS_SUPERVISOR;
  if (!supervisor || !seen->verdict) return;
  if (seen->live && !seen->felled && !rs_oracle_stopping(sim, unit))
    rs_sim_fail(sim, "verdict", "%s goes on", rs_story_path(sim, unit));
  seen->verdict = false;
}

void rs_oracle_operator(rs_sim *sim, const rs_event *ev) {
  rs_oracle *oracle = sim->oracle;
  if (ev->kind == RS_EV_SHUTDOWN) {
    oracle->shutdown = true;
    if (ev->a == 1) oracle->now = true;
    return;
  }
  if (!rs_oracle_is(sim, ev->unit)) return;
  rs_seen *seen = at(sim, ev->unit);
  bool leaf = rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR;
  if (ev->kind == RS_EV_KILL && leaf) { /* of one that lives and is not killed yet */
    if (!seen->live || seen->interrupted || seen->killed) return;
    seen->felled = true;
    seen->may_stop |= RS_BY_OPERATOR;
    if (rs_oracle_spec(sim, seen)->restart != RS_TEMPORARY)
      seen->may_start |= RS_BY_OPERATOR;
    return;
  }
  if (ev->kind == RS_EV_KILL && seen->live) seen->felled = true;
  bool well = seen->live && !(seen->may_stop & ~(uint32_t)RS_BY_VIOLATION);
  if (ev->kind == RS_EV_START && well) return;
  bool starts = ev->kind == RS_EV_START || ev->kind == RS_EV_RESTART;
  if (ev->kind != RS_EV_START) seen->may_stop |= RS_BY_OPERATOR;
  if (ev->kind == RS_EV_STOP) seen->held = true;
  if (ev->kind == RS_EV_STOP || ev->kind == RS_EV_REMOVE) seen->may_start = 0;
  if (starts) seen->held = seen->completed = seen->failed = seen->unsure = false;
  if (starts || ev->kind == RS_EV_KILL) seen->may_start |= RS_BY_OPERATOR;
  if (ev->unit == oracle->root && ev->kind == RS_EV_STOP) oracle->shutdown = true;
}
