/* unit.c -- the table of a unit's life. */
#include "unit.h"

#include <string.h>

#include "diff.h"
#include "ladder.h"
#include "leave.h"
#include "order.h"
#include "strategy.h"
#include "tree.h"
#include "vms.h"
#include "watch.h"

uint32_t rs_unit_reached[RS_LIFE_COUNT][RS_HEAR_COUNT];

enum { /* rs_unit.flags that speak of one incarnation */
       THIS_LIFE = RS_F_ASKED | RS_F_DEAF | RS_F_LOOKING | RS_F_VIOLATED | RS_F_TOLD |
                   RS_F_LOST | RS_F_OPERATOR | RS_F_ENDING | RS_F_STARTED | RS_F_GROUP |
                   RS_F_SIGNAL | RS_F_HANDS
};

void rs_unit_live(rs_core *core, uint32_t id, uint8_t life) {
  rs_unit *u = rs_unit_of(core, id);
  u->life = life;
  u->since = core->now;
  rs_tree_tally(core, id);
}

static const rs_plan_state *state_of(const rs_core *core, const rs_unit *u) {
  const rs_plan_spec *spec = rs_spec_of(core, u);
  if (u->state == RS_NONE || spec->life == RS_NONE) return NULL;
  const rs_plan *plan = rs_plan_of(core, u);
  return rs_plan_state_at(plan, rs_plan_life_at(plan, spec->life)->state_at + u->state);
}

/* It is ready no longer: for long enough, and its next wait is the first again. */
static void unready(rs_core *core, rs_unit *u) {
  rs_time reset = rs_strategy_backoff(core, u)->backoff_reset;
  if (u->ready_at != RS_NEVER && core->now - u->ready_at >= reset) u->tries = 0;
  u->ready_at = RS_NEVER;
}

void rs_unit_ready(rs_core *core, uint32_t id, bool ready) {
  rs_unit *u = rs_unit_of(core, id);
  if (ready == (u->ready_at != RS_NEVER)) return;
  if (ready) u->ready_at = core->now;
  else unready(core, u);
  rs_tree_tally(core, id);
  if (!ready) return;
  rs_tell(core, RS_J_READY, id, u->cause);
  rs_leave_ready(core, id);
  rs_order_passed(core, id);
}

static void nothing(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)core, (void)id, (void)ev;
}

static void never(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)core, (void)id, (void)ev;
  rs_assert(false); /* the core itself told a unit what it cannot hear in this life */
}

static void nonsense(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)ev;
  rs_ladder_accuse(core, id, RS_C_PROTOCOL, &(rs_event){.kind = RS_EV_PROTOCOL});
}

static void go(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)ev;
  rs_unit *u = rs_unit_of(core, id);
  rs_action *start = rs_do(core, RS_DO_START, id);
  start->a = u->backend == RS_COROUTINE ? u->vm : 0;
  start->b = (u->flags & RS_F_DATA) != 0;
  u->beat = u->entered = core->now;
  u->state = RS_NONE;
  u->launch_by = rs_time_add(core->now, rs_spec_of(core, u)->launch);
  u->killed = 0;
  rs_unit_live(core, id, RS_LIFE_STARTING);
  rs_watch_arm(core, id);
  rs_vms_start(core, id);
}

static void started(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->flags & RS_F_STARTED) return;
  u->flags |= RS_F_STARTED;
  rs_entry *e = rs_tell(core, RS_J_STARTED, id, u->cause);
  e->a = ev->a, e->b = u->backend;
  if (rs_tree_wanted(core, u)) u->cause = e->seq;
}

/* A hook of a transition that raises begins the error edge instead of that. */
static bool may_begin(const rs_core *core, const rs_unit *u, uint32_t edge) {
  const rs_plan_state *from = state_of(core, u);
  if (!from || edge >= from->edge_count) return false;
  if (u->edge == RS_NONE) return true;
  const rs_plan *plan = rs_plan_of(core, u);
  rs_ref event = rs_plan_edge_at(plan, from->edge_at + edge)->event;
  bool is_error = event.len == 5 && memcmp(rs_plan_bytes(plan, event), "error", 5) == 0;
  return is_error && edge != u->edge;
}

static void begin(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (!may_begin(core, u, ev->a)) {
    nonsense(core, id, ev);
    return;
  }
  u->edge = ev->a;
  u->begun = rs_late_own(&core->late, ev->at);
  if (u->begun > u->beat) u->beat = u->begun;
  u->flags &= ~(uint32_t)RS_F_DEAF;
  rs_watch_arm(core, id);
}

/* It ends by itself; it has as long as if it had been asked to. */
static void end_by_itself(rs_core *core, rs_unit *u) {
  rs_time span = rs_time_max(rs_spec_of(core, u)->shutdown, 0);
  u->flags |= RS_F_ENDING;
  if (u->stop_by == RS_NEVER) u->stop_by = rs_time_add(core->now, span);
}

/* A worker whose life is over has `before_exit` left. One that is not given any time to
** stop is not asked to hurry either. */
static bool is_last(const rs_core *core, const rs_unit *u, const rs_plan_state *state) {
  return state && state->ends != RS_ENDS_NOT && rs_spec_of(core, u)->shutdown > 0;
}

/* True if the state is where the worker may be next. */
static bool may_enter(const rs_core *core, const rs_unit *u, uint32_t state) {
  const rs_plan_state *from = state_of(core, u);
  if (!from) return u->state == RS_NONE && state == 0;
  if (u->edge == RS_NONE) return false;
  return rs_plan_edge_at(rs_plan_of(core, u), from->edge_at + u->edge)->to == state;
}

static void enter(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (!rs_is_lua(u) || !may_enter(core, u, ev->a)) {
    nonsense(core, id, ev);
    return;
  }
  rs_entry *e = rs_tell(core, RS_J_TRANSITION, id, u->cause);
  e->a = u->state, e->c = ev->a;
  e->b = u->edge == RS_NONE ? -1 : (int32_t)u->edge;
  u->state = ev->a;
  u->edge = RS_NONE;
  u->entered = rs_late_own(&core->late, ev->at);
  if (u->entered > u->beat) u->beat = u->entered;
  u->flags &= ~(uint32_t)RS_F_DEAF;
  u->launch_by = RS_NEVER;
  if (u->life == RS_LIFE_STARTING) rs_unit_live(core, id, RS_LIFE_UP);
  const rs_plan_state *state = state_of(core, u);
  if (is_last(core, u, state)) end_by_itself(core, u);
  rs_unit_ready(core, id, !state || state->ready);
  rs_watch_arm(core, id);
}

static void ready(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (rs_is_lua(u)) {
    nonsense(core, id, ev);
    return;
  }
  u->launch_by = RS_NEVER;
  if (u->flags & RS_F_ENDING) { /* too late */
    rs_watch_arm(core, id);
    return;
  }
  u->state = RS_STATE_RUNNING;
  u->beat = rs_time_max(u->beat, rs_late_own(&core->late, ev->at));
  rs_unit_live(core, id, RS_LIFE_UP);
  rs_unit_ready(core, id, true);
  rs_diff_signal(core, id); /* before it was ready it might not have understood */
  rs_watch_arm(core, id);
}

/* Once is enough; a Lua worker is ready by its state. */
static void ready_again(rs_core *core, uint32_t id, const rs_event *ev) {
  if (rs_is_lua(rs_unit_of(core, id))) nonsense(core, id, ev);
}

/* It came up in time, but it is on its way down already. */
static void ready_asked(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (rs_is_lua(u)) {
    nonsense(core, id, ev);
    return;
  }
  u->launch_by = RS_NEVER;
  rs_watch_arm(core, id);
}

static void terminating(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (rs_is_lua(u)) {
    nonsense(core, id, ev);
    return;
  }
  if (u->flags & RS_F_ENDING) return;
  end_by_itself(core, u);
  u->state = RS_STATE_TERMINATING;
  rs_unit_ready(core, id, false);
  rs_watch_arm(core, id);
}

static void extend(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (rs_is_lua(u)) {
    nonsense(core, id, ev);
    return;
  }
  rs_time by = rs_time_add(core->now, rs_time_max(ev->x, 0));
  if (ev->x <= 0 || by == RS_NEVER) return; /* for ever is no limit */
  if (u->launch_by != RS_NEVER) u->launch_by = rs_time_max(u->launch_by, by);
  if (u->stop_by != RS_NEVER) u->stop_by = rs_time_max(u->stop_by, by);
  rs_watch_arm(core, id);
}

static void ended(rs_core *core, uint32_t id, const rs_event *ev) {
  bool known = ev->a >= RS_WHY_OK && ev->a < RS_WHY_COUNT;
  if (known && ev->a != RS_WHY_COLLATERAL && ev->a != RS_WHY_CHILDREN)
    rs_unit_end(core, id, ev);
  else nonsense(core, id, ev);
}

/* Whatever it says, it was killed and is gone. */
static void ended_killed(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_event exit = *ev;
  bool known = exit.a >= RS_WHY_OK && exit.a < RS_WHY_COUNT;
  if (!known || exit.a == RS_WHY_COLLATERAL || exit.a == RS_WHY_CHILDREN)
    exit.a = RS_WHY_KILLED;
  rs_unit_end(core, id, &exit);
}

static void protocol(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_ladder_accuse(core, id, RS_C_PROTOCOL, ev);
}

static void verdict(rs_core *core, uint32_t id, const rs_event *ev) {
  if (ev->b == 0) rs_ladder_accuse(core, id, RS_C_PROBE, ev);
}

static void seen(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_LOOKING)) return;
  u->flags &= ~(uint32_t)RS_F_LOOKING;
  rs_limit broken;
  if (rs_watch_judge(core, id, ev, &broken)) rs_ladder_violate(core, id, &broken);
}

static void look(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)ev;
  rs_unit_of(core, id)->flags |= RS_F_LOOKING;
  rs_do(core, RS_DO_LOOK, id);
}

static void rung_seen(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_LOOKING)) return;
  u->flags &= ~(uint32_t)RS_F_LOOKING;
  rs_ladder_over(core, id, ev->x);
}

static void ask(rs_core *core, uint32_t id, const rs_event *ev) {
  (void)ev;
  rs_unit *u = rs_unit_of(core, id);
  rs_time span = rs_spec_of(core, u)->shutdown;
  u->flags |= RS_F_ASKED;
  if (span < 0) {
    rs_ladder_end(core, id, RS_K_SHUTDOWN);
    return;
  }
  const uint32_t left = rs_leave_ask(core, id);
  rs_do(core, RS_DO_ASK, id)->a = left;
  u->stop_by = rs_time_add(core->now, span);
  u->beat = core->now; /* it has a whole heartbeat to begin to stop */
  if (!rs_is_lua(u)) u->state = RS_STATE_TERMINATING;
  else if (u->state != RS_NONE && u->edge == RS_NONE) u->flags |= RS_F_DEAF;
  rs_unit_live(core, id, RS_LIFE_ASKED);
  rs_watch_arm(core, id);
}

static void kill(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_ladder_end(core, id, (uint8_t)ev->a);
}

/* Already interrupted: only the host's own hurry does not wait for the rung. */
static void kill_sooner(rs_core *core, uint32_t id, const rs_event *ev) {
  if (!core->kill_all) return;
  rs_unit_of(core, id)->killed = (uint8_t)ev->a;
  rs_ladder_kill(core, id);
}

/* Who is killed already may be a command that tidies up after that, in its own time. */
static void kill_again(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  if (!core->kill_all || u->kind != RS_COMMAND || u->killed == RS_K_NOW) return;
  u->killed = (uint8_t)ev->a;
  rs_ladder_kill(core, id);
}

static void stall(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_limit broken = {RS_NEVER, ev->at, ev->x, RS_C_STALL};
  rs_ladder_violate(core, id, &broken);
}

typedef void rule(rs_core *core, uint32_t id, const rs_event *ev);

/* Life by what is heard. Whatever a runner, a command or an operator can cause has an
** answer in every life; `never` is what the core itself does not say. */
/* clang-format off */
static rule *const rules[RS_LIFE_COUNT][RS_HEAR_COUNT] = {
  /* STARTED, BEGIN, ENTER, READY, TERMINATING, EXTEND, EXIT, PROTOCOL, SEEN, VERDICT,
  ** GO, ASK, KILL, DUE, STALL */
  [RS_LIFE_DOWN] = {
    nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing,
    nothing, go, never, never, never, never},
  [RS_LIFE_STARTING] = {
    started, nonsense, enter, ready, terminating, extend, ended, protocol, seen,
    verdict, never, ask, kill, look, stall},
  [RS_LIFE_UP] = {
    started, begin, enter, ready_again, terminating, extend, ended, protocol, seen,
    verdict, never, ask, kill, look, stall},
  [RS_LIFE_ASKED] = {
    started, begin, enter, ready_asked, terminating, extend, ended, protocol, seen,
    nothing, never, never, kill, look, stall},
  [RS_LIFE_INTERRUPTED] = {
    started, nothing, nothing, nothing, nothing, nothing, ended, nothing, rung_seen,
    nothing, never, nothing, kill_sooner, look, nothing},
  [RS_LIFE_KILLED] = {
    started, nothing, nothing, nothing, nothing, nothing, ended_killed, nothing,
    nothing, nothing, never, nothing, kill_again, never, nothing},
};
/* clang-format on */

void rs_unit_hear(rs_core *core, uint32_t id, uint32_t hear, const rs_event *ev) {
  rs_assert(hear < RS_HEAR_COUNT);
  uint8_t life = rs_unit_of(core, id)->life;
  rs_unit_reached[life][hear]++;
  rules[life][hear](core, id, ev);
}

void rs_unit_down(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  unready(core, u);
  u->inc++; /* not at the next start but now: its ring may still hold its words */
  u->flags &= ~(uint32_t)THIS_LIFE;
  u->state = u->edge = RS_NONE;
  u->launch_by = u->stop_by = u->begun = RS_NEVER;
  rs_wake(core, id, RS_NEVER);
  rs_unit_live(core, id, RS_LIFE_DOWN);
  rs_order_down(core, id);
  rs_mark(core, id);
}

/* True if it did not fail. One that is stopped and goes by what it was sent has not,
** and who has to be ended in a stop has not either. */
static bool ended_well(const rs_core *core, const rs_unit *u, const rs_event *ev) {
  if (!(u->flags & RS_F_ASKED))
    return ev->a == RS_WHY_OK && !(u->flags & RS_F_VIOLATED);
  const rs_plan_spec *spec = rs_spec_of(core, u);
  bool sent = false;
  if (ev->a == RS_WHY_SIGNAL && u->kind == RS_COMMAND && spec->exec != RS_NONE) {
    const rs_plan *plan = rs_plan_of(core, u);
    const rs_plan_exec *exec = (const rs_plan_exec *)rs_plan_table(plan, RS_T_EXEC);
    sent = exec[spec->exec].stop_signal == ev->b;
  }
  return sent || ev->a == RS_WHY_OK || u->life >= RS_LIFE_INTERRUPTED;
}

void rs_unit_end(rs_core *core, uint32_t id, const rs_event *ev) {
  rs_unit *u = rs_unit_of(core, id);
  rs_ladder_tell(core, id, ev->a == RS_WHY_INTERRUPTED ? ev->text : 0);
  rs_entry *e = rs_tell(core, RS_J_EXITED, id, u->cause);
  e->a = ev->a, e->b = ev->b, e->c = (u->flags & RS_F_ASKED) != 0;
  e->text = ev->text;
  u->cause = e->seq;
  rs_end end = {
    .ok = ended_well(core, u, ev),
    .asked = (u->flags & RS_F_ASKED) != 0,
    .operated = (u->flags & RS_F_OPERATOR) != 0,
  };
  rs_leave_end(core, id, ev->a == RS_WHY_OK && !(u->flags & RS_F_VIOLATED));
  rs_unit_down(core, id);
  if (!rs_is_lua(u)) u->state = end.ok ? RS_STATE_STOPPED : RS_STATE_CRASHED;
  rs_strategy_ended(core, id, end);
}
