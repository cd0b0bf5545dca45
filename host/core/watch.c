/* watch.c -- heartbeat, state, transition, launch and stop limits of one unit. */
#include "watch.h"

static void limit(rs_limit *first, uint8_t constraint, rs_time from, rs_time span) {
  rs_time by = rs_time_add(from, span);
  if (by < first->by) *first = (rs_limit){by, from, span, constraint};
}

static void limit_state(const rs_core *core, const rs_unit *u, rs_limit *first) {
  const rs_plan *plan = rs_plan_of(core, u);
  const rs_plan_spec *spec = rs_spec_of(core, u);
  if (u->state == RS_NONE || spec->life == RS_NONE) return;

  uint32_t row = rs_plan_life_at(plan, spec->life)->state_at + u->state;
  const rs_plan_state *state = rs_plan_state_at(plan, row);
  rs_time transition = RS_NEVER;
  if (u->edge != RS_NONE)
    transition = rs_plan_edge_at(plan, state->edge_at + u->edge)->timeout;
  /* A transition with a limit of its own may be silent for so long. */
  limit(first, RS_C_TRANSITION, u->begun, transition);
  if (transition == RS_NEVER) limit(first, RS_C_HEARTBEAT, u->beat, state->heartbeat);
  limit(first, RS_C_TIMEOUT, u->entered, state->timeout);
}

rs_limit rs_watch_first(const rs_core *core, const rs_unit *u) {
  const rs_plan_spec *spec = rs_spec_of(core, u);
  rs_limit first = {RS_NEVER, RS_NEVER, RS_NEVER, 0};
  if (u->life < RS_LIFE_STARTING || u->life > RS_LIFE_ASKED) return first;

  if (u->stop_by != RS_NEVER) {
    rs_time span = rs_time_max(spec->shutdown, 0);
    first = (rs_limit){u->stop_by, u->stop_by - rs_time_min(span, u->stop_by), span,
                       RS_C_SHUTDOWN};
  }
  if (u->launch_by < first.by) {
    rs_time from = u->launch_by - rs_time_min(spec->launch, u->launch_by);
    first = (rs_limit){u->launch_by, from, spec->launch, RS_C_LAUNCH};
  }
  if (rs_is_lua(u)) limit_state(core, u, &first);
  else if (u->life == RS_LIFE_UP && !(u->flags & RS_F_ENDING))
    limit(&first, RS_C_HEARTBEAT, u->beat, spec->heartbeat);
  return first;
}

void rs_watch_arm(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->flags & RS_F_LOOKING) return; /* the answer arms it */
  rs_wake(core, id, rs_watch_first(core, u).by);
}

bool rs_watch_judge(rs_core *core, uint32_t id, const rs_event *seen,
                    rs_limit *broken) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_DEAF) && seen->at > u->heard) {
    u->heard = seen->at;
    u->beat = rs_time_max(u->beat, rs_late_own(&core->late, seen->at));
  }
  *broken = rs_watch_first(core, u);
  rs_time by = rs_time_add(broken->by, seen->x > 0 ? seen->x : 0);
  if (by <= core->now) return true;
  rs_wake(core, id, by);
  return false;
}
