/* world_life.c -- what an incarnation does of itself: walks its lifecycle, beats, heeds
** a stop or does not, and goes wrong. */
#include "sim.h"
#include "world.h"

static rs_actor *actor_of(rs_sim *sim, uint32_t actor) {
  return &sim->world.actor[actor];
}

static bool is_lua(const rs_actor *self) { return self->spec.life != RS_NONE; }

static const rs_plan_state *state_of(rs_sim *sim, const rs_actor *self) {
  return rs_plans_state(sim->plan[self->plan], self->spec.life, self->state);
}

static uint32_t pick(rs_sim *sim, rs_actor *self, uint32_t site, uint32_t n) {
  uint64_t which = (uint64_t)self->inc << 20 | self->steps++;
  return rs_choice_of(sim->choices, site, self->key, which, n);
}

static rs_time span(rs_sim *sim, rs_actor *self, rs_time least, rs_time most) {
  uint64_t which = (uint64_t)self->inc << 20 | self->steps++;
  rs_time range[2] = {least, most};
  return rs_choice_span(sim->choices, RS_AT_STAY, self->key, which, range);
}

static void tell(rs_sim *sim, uint32_t actor, uint32_t kind, uint32_t a) {
  rs_actor *self = actor_of(sim, actor);
  rs_event ev = {.kind = kind, .unit = self->unit, .inc = self->inc, .a = a};
  ev.at = sim->now;
  rs_world_tell(sim, actor, ev);
}

/* The next step: a beat, or the end of the stay. */
static void schedule(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_time limit = is_lua(self) ? state_of(sim, self)->heartbeat : self->spec.heartbeat;
  rs_time at = self->leave_at;
  if (limit != RS_NEVER) {
    uint32_t part = 300 + pick(sim, self, RS_AT_BEAT, 500);
    if (sim->now + limit / 1000 * part < at) at = sim->now + limit / 1000 * part;
  }
  if (at < sim->now) at = sim->now;
  if (at != RS_NEVER && !self->silent) rs_world_later(sim, actor, at);
}

/* A state where one may stay for ever. */
static bool is_home(const rs_plan_state *state) {
  return state->ready && state->timeout == RS_NEVER;
}

/* In its before_exit, until it is ended. */
static bool lingers(rs_sim *sim, rs_actor *self) {
  if (self->spec.shutdown <= 0 || self->spec.shutdown == RS_NEVER) return false;
  self->silent = pick(sim, self, RS_AT_STAY, 16) == 1;
  return self->silent;
}

static void arrive(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  const rs_plan_state *state = state_of(sim, self);
  tell(sim, actor, RS_EV_ENTER, self->state);
  if (state->ends != RS_ENDS_NOT) {
    bool ok = state->ends == RS_ENDS_OK;
    if (lingers(sim, self)) return;
    rs_world_end(sim, actor, ok ? RS_WHY_OK : RS_WHY_ERROR, 0);
    return;
  }
  rs_time most = state->timeout < 400 * RS_MS ? state->timeout / 2 : 200 * RS_MS;
  self->leave_at = sim->now + span(sim, self, RS_MS / 10, most);
  if (self->goal == RS_GOAL_HOME && is_home(state)) self->leave_at = RS_NEVER;
  if (self->goal == RS_GOAL_STAY) self->leave_at = RS_NEVER;
  schedule(sim, actor);
}

static uint32_t edge_of(rs_sim *sim, rs_actor *self) {
  const rs_plan *plan = sim->plan[self->plan];
  const rs_plan_state *state = state_of(sim, self);
  uint32_t last = state->edge_count - 1;
  if (self->goal == RS_GOAL_BOUNCE) return pick(sim, self, RS_AT_EDGE, last + 1);
  uint32_t to = rs_plans_edge(plan, state, last)->to;
  bool wrong = rs_plans_state(plan, self->spec.life, to)->ends == RS_ENDS_ERROR;
  return self->goal == RS_GOAL_WRONG && wrong ? last : 0;
}

static void begin(rs_sim *sim, uint32_t actor, bool finish) {
  rs_actor *self = actor_of(sim, actor);
  const rs_plan *plan = sim->plan[self->plan];
  self->edge = edge_of(sim, self);
  self->moving = true;
  tell(sim, actor, RS_EV_BEGIN, self->edge);
  rs_time limit = rs_plans_edge(plan, state_of(sim, self), self->edge)->timeout;
  rs_time most = limit < 60 * RS_MS ? limit / 2 : 30 * RS_MS;
  if (finish) rs_world_later(sim, actor, sim->now + span(sim, self, RS_MS / 100, most));
}

static void step_lua(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  if (!self->entered) {
    self->entered = true;
    arrive(sim, actor);
  } else if (self->moving) {
    self->moving = false;
    self->state =
      rs_plans_edge(sim->plan[self->plan], state_of(sim, self), self->edge)->to;
    arrive(sim, actor);
  } else if (sim->now >= self->leave_at) {
    begin(sim, actor, true);
  } else {
    schedule(sim, actor);
  }
}

static void step_other(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  if (!self->entered) {
    self->entered = true;
    self->leave_at = self->goal >= RS_GOAL_STAY || self->goal == RS_GOAL_HOME
                       ? RS_NEVER
                       : sim->now + RS_MS;
    tell(sim, actor, RS_EV_READY, 0);
  } else if (sim->now >= self->leave_at) {
    uint32_t why = self->goal == RS_GOAL_WRONG ? RS_WHY_ERROR : RS_WHY_OK;
    bool signal = self->asked && pick(sim, self, RS_AT_EXIT, 2) == 1;
    rs_world_end(sim, actor, signal ? RS_WHY_SIGNAL : why,
                 signal ? RS_SIM_STOP : why - 1 != 0);
    return;
  }
  schedule(sim, actor);
}

void rs_life_step(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_world_beat(sim, actor);
  if (self->silent) return;
  if (self->busy) {
    rs_time limit = self->spec.stall < 1000 * RS_MS ? self->spec.stall : 1000 * RS_MS;
    if (is_lua(self) && self->entered && state_of(sim, self)->heartbeat < limit)
      limit = state_of(sim, self)->heartbeat;
    rs_world_later(sim, actor, sim->now + limit / 2);
  } else if (is_lua(self)) {
    step_lua(sim, actor);
  } else {
    step_other(sim, actor);
  }
}

/* It sets out for a goal, now or when its transition is over. */
static void head_for(rs_sim *sim, uint32_t actor, uint32_t goal, rs_time at) {
  rs_actor *self = actor_of(sim, actor);
  self->goal = goal;
  self->leave_at = at;
  if (self->entered && !self->moving && !self->silent && !self->busy)
    schedule(sim, actor);
}

/* The host would wait as long as it takes; the world does not. */
void rs_life_forever(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  if (self->spec.shutdown != RS_NEVER) return;
  rs_item item = {.at = sim->now + 6000 * RS_MS, .kind = RS_IT_END, .who = actor};
  item.ev.a = is_lua(self) ? RS_WHY_EXCEPTION : RS_WHY_ERROR;
  rs_queue_put(&sim->queue, item);
}

void rs_life_ask(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  if (self->asked) return;
  self->asked = true;
  rs_life_forever(sim, actor);
  bool forever = self->spec.shutdown == RS_NEVER;
  rs_time limit = forever ? 4000 * RS_MS : self->spec.shutdown;
  rs_time wait = span(sim, self, RS_MS / 10, 8 * RS_MS);
  if (self->stop == RS_STOP_SLOW) wait = span(sim, self, 0, limit / 5 * 6);
  if (self->stop < RS_STOP_NEVER) head_for(sim, actor, RS_GOAL_OUT, sim->now + wait);
}

static void nonsense(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  static const uint32_t kinds[] = {RS_EV_BEGIN,  RS_EV_ENTER,       RS_EV_PROTOCOL,
                                   RS_EV_READY,  RS_EV_TERMINATING, RS_EV_EXTEND,
                                   RS_EV_STARTED};
  static const uint32_t values[] = {RS_NONE, 0, 1, 2, 7, 8, 1000};
  self->garbled = true;
  rs_event ev = {.unit = self->unit, .inc = self->inc, .at = sim->now};
  ev.kind = kinds[pick(sim, self, RS_AT_GARBAGE, 7)];
  ev.a = values[pick(sim, self, RS_AT_GARBAGE, 7)];
  if (pick(sim, self, RS_AT_GARBAGE, 4) == 1) ev.at += 1000000 * RS_MS;
  if (pick(sim, self, RS_AT_GARBAGE, 4) == 1) ev.x = RS_NEVER - 1;
  rs_world_tell(sim, actor, ev);
  if (pick(sim, self, RS_AT_GARBAGE, 4) == 0) return;
  rs_item item = {.kind = RS_IT_FAULT, .who = actor}; /* and goes on so */
  item.at = sim->now + span(sim, self, RS_MS, 200 * RS_MS);
  rs_queue_put(&sim->queue, item);
}

static void fault_block(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_time most = self->spec.stall == RS_NEVER ? 8000 * RS_MS : RS_NEVER;
  if (self->fault != RS_F_BLOCK) most = span(sim, self, 100 * RS_MS, 6000 * RS_MS);
  rs_world_block(sim, actor, most);
  if (sim->world.vm[self->vm].blocker != actor) return; /* it could not run */
  self->token++;
  self->busy = self->fault == RS_F_BUSY;
  if (self->busy) rs_life_step(sim, actor);
}

static void fault_crash(rs_sim *sim, uint32_t actor, bool outside) {
  rs_actor *self = actor_of(sim, actor);
  if (self->domain != RS_NONE) {
    rs_world_die(sim, self->domain, outside ? RS_NONE : actor);
  } else {
    rs_world_end(sim, actor, RS_WHY_SIGNAL, outside ? 9 : 11);
  }
}

static void fault_hang(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  if (is_lua(self) && self->entered && !self->moving) {
    rs_world_beat(sim, actor);
    begin(sim, actor, false);
  }
  self->silent = true;
  self->token++;
}

/* On the unit, or on one of its supervisors. */
static void verdict(rs_sim *sim, rs_actor *self, rs_event *ev) {
  ev->kind = RS_EV_VERDICT;
  ev->x = (rs_time)sim->oracle->seq;
  for (uint32_t up = pick(sim, self, RS_AT_GARBAGE, 4); up > 1; up--) {
    uint32_t parent = sim->oracle->unit[ev->unit].parent;
    if (parent == RS_NONE) return;
    ev->unit = parent;
    ev->inc = sim->oracle->unit[parent].inc;
  }
}

static void fault_words(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_event ev = {.unit = self->unit, .inc = self->inc};
  ev.kind = pick(sim, self, RS_AT_GARBAGE, 2) ? RS_EV_TERMINATING : RS_EV_EXTEND;
  ev.x = 1000 * RS_MS;
  if (self->fault == RS_F_VERDICT) verdict(sim, self, &ev);
  rs_world_tell(sim, actor, ev);
}

void rs_life_fault(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_world_vm *vm = &sim->world.vm[self->vm];
  bool runs = vm->blocker == RS_NONE || vm->blocker == actor;
  if (!runs && self->fault != RS_F_EXTERNAL && self->fault != RS_F_VERDICT) return;
  rs_story_say(sim, "%s#%u: fault %u", rs_story_path(sim, self->unit), self->inc,
               self->fault);
  switch (self->fault) {
  case RS_F_EXCEPTION:
    rs_world_end(sim, actor, is_lua(self) ? RS_WHY_EXCEPTION : RS_WHY_ERROR, 0);
    break;
  case RS_F_OK: head_for(sim, actor, RS_GOAL_OUT, sim->now); break;
  case RS_F_ERROR: head_for(sim, actor, RS_GOAL_WRONG, sim->now); break;
  case RS_F_CRASH: fault_crash(sim, actor, false); break;
  case RS_F_EXTERNAL: fault_crash(sim, actor, true); break;
  case RS_F_SILENT:
    self->silent = true;
    self->token++;
    break;
  case RS_F_BLOCK:
  case RS_F_BLOCK_ONCE:
  case RS_F_BUSY: fault_block(sim, actor); break;
  case RS_F_HANG: fault_hang(sim, actor); break;
  case RS_F_OVERSTAY: head_for(sim, actor, RS_GOAL_STAY, RS_NEVER); break;
  case RS_F_BOUNCE:
    if (is_lua(self)) head_for(sim, actor, RS_GOAL_BOUNCE, sim->now);
    else fault_words(sim, actor);
    break;
  case RS_F_GARBAGE: nonsense(sim, actor); break;
  default: fault_words(sim, actor); break;
  }
}
