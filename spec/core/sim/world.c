/* world.c -- who lives where, who blocks whom, who dies with whom. */
#include "world.h"

#include "sim.h"

static rs_actor *actor_of(rs_sim *sim, uint32_t actor) {
  return &sim->world.actor[actor];
}

rs_time rs_world_delay(rs_sim *sim, uint32_t actor, rs_time most) {
  rs_actor *self = actor_of(sim, actor);
  uint64_t which = (uint64_t)self->inc << 20 | self->steps++;
  rs_time range[2] = {RS_MS / 100, most};
  return rs_choice_span(sim->choices, RS_AT_SEND, self->key, which, range);
}

/* --- time that others took ------------------------------------------------------ */

rs_time rs_world_others(const rs_sim *sim, uint32_t actor) {
  const rs_actor *self = &sim->world.actor[actor];
  const rs_world_vm *vm = &sim->world.vm[self->vm];
  rs_time sum = vm->blocked + vm->starved - self->own;
  if (vm->starved_until > sim->now) sum -= vm->starved_until - sim->now;
  if (vm->blocker == actor)
    return sum + (vm->waits < sim->now - vm->since ? vm->waits : sim->now - vm->since);
  if (vm->blocker != RS_NONE) sum += sim->now - vm->since;
  return sum;
}

rs_time rs_world_owed(const rs_sim *sim, uint32_t actor) {
  rs_time owed = rs_world_others(sim, actor) - sim->world.actor[actor].others_at_beat;
  return owed > 0 ? owed : 0;
}

rs_time rs_world_held(const rs_sim *sim, uint32_t actor) {
  const rs_actor *self = &sim->world.actor[actor];
  rs_time since = sim->now - self->struck;
  if (!self->alive) return since; /* its end is on its way */
  rs_time held = rs_world_others(sim, actor) - self->others_at_strike;
  if (held < 0) held = 0;
  held += self->unwind < since ? self->unwind : since;
  return held < since ? held : since;
}

void rs_world_beat(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_world_vm *vm = &sim->world.vm[self->vm];
  self->beat = sim->now;
  self->others_at_beat = rs_world_others(sim, actor);
  self->lost_at_beat = sim->lost;
  self->slept_at_beat = sim->slept;
  if (!vm->missed) return;
  vm->missed = false;
  rs_event ev = {.kind = RS_EV_VM_RUNS, .unit = self->unit, .inc = self->inc};
  if (vm->number != RS_NONE) {
    ev = (rs_event){.kind = RS_EV_VM_RUNS,
                    .unit = sim->world.domain[vm->domain].unit,
                    .a = vm->number};
  }
  rs_world_tell(sim, actor, ev);
}

void rs_world_later(rs_sim *sim, uint32_t actor, rs_time at) {
  uint32_t token = ++actor_of(sim, actor)->token;
  rs_item item = {.at = at, .kind = RS_IT_STEP, .who = actor, .token = token};
  rs_queue_put(&sim->queue, item);
}

/* --- blocked VMs ---------------------------------------------------------------- */

static void release(rs_sim *sim, uint32_t index) {
  rs_world_vm *vm = &sim->world.vm[index];
  if (vm->blocker == RS_NONE) return;
  rs_time took = sim->now - vm->since;
  actor_of(sim, vm->blocker)->own += took;
  vm->blocked += took;
  vm->blocker = RS_NONE;
  for (uint32_t i = 0; i < sim->world.actors; i++) {
    rs_actor *other = actor_of(sim, i);
    if (other->vm != index || !other->alive || !other->pending) continue;
    other->pending = false;
    if (other->interrupted) rs_world_end(sim, i, RS_WHY_INTERRUPTED, 0);
    else rs_world_later(sim, i, sim->now);
  }
}

void rs_world_block(rs_sim *sim, uint32_t actor, rs_time span) {
  rs_actor *self = actor_of(sim, actor);
  rs_world_vm *vm = &sim->world.vm[self->vm];
  if (vm->blocker != RS_NONE || vm->starved_until > sim->now) return;
  rs_world_beat(sim, actor);
  vm->blocker = actor;
  vm->since = sim->now;
  static const rs_time wait[2] = {0, 400 * RS_MS};
  vm->waits = 0;
  if (rs_choice_chance(sim->choices, RS_AT_STARVE, self->key, self->inc, 200)) {
    vm->waits = rs_choice_span(sim->choices, RS_AT_STARVE, self->key, self->inc, wait);
  }
  vm->token++;
  if (span == RS_NEVER) return;
  rs_item item = {.at = sim->now + span, .kind = RS_IT_FREE, .who = self->vm};
  item.token = vm->token;
  rs_queue_put(&sim->queue, item);
}

static void unblock(rs_sim *sim, const rs_item *item) {
  rs_world_vm *vm = &sim->world.vm[item->who];
  if (vm->token != item->token || vm->blocker == RS_NONE) return;
  uint32_t actor = vm->blocker;
  release(sim, item->who);
  actor_of(sim, actor)->busy = false;
  rs_world_beat(sim, actor);
  rs_world_later(sim, actor, sim->now);
}

/* --- ends ----------------------------------------------------------------------- */

void rs_world_tell(rs_sim *sim, uint32_t actor, rs_event ev) {
  rs_actor *self = actor_of(sim, actor);
  rs_time at = sim->now + rs_world_delay(sim, actor, 4 * RS_MS);
  if (at < self->told_last) at = self->told_last;
  self->told_last = at;
  if (self->domain != RS_NONE && sim->world.domain[self->domain].told_last < at) {
    sim->world.domain[self->domain].told_last = at;
  }
  rs_item item = {.at = at, .kind = RS_IT_TELL, .actor = actor, .ev = ev};
  item.sent = sim->now;
  rs_queue_put(&sim->queue, item);
  item.sent = 0;
  bool life = ev.kind == RS_EV_BEGIN || ev.kind == RS_EV_ENTER;
  uint64_t which = (uint64_t)self->inc << 20 | self->steps;
  if (sim->world.calm || !rs_choice_chance(sim->choices, RS_AT_MESSAGE, self->key,
                                           which, sim->profile.garbage))
    return;
  static const rs_time late[2] = {0, 3000 * RS_MS};
  item.at += rs_choice_span(sim->choices, RS_AT_MESSAGE, self->key, which, late);
  if (life) self->garbled = true; /* what it says twice may be nonsense */
  if (ev.kind != RS_EV_VM_RUNS) rs_queue_put(&sim->queue, item);
}

void rs_world_end(rs_sim *sim, uint32_t actor, uint32_t why, int32_t status) {
  rs_actor *self = actor_of(sim, actor);
  if (!self->alive) return;
  self->alive = false;
  self->token++;
  if (sim->world.vm[self->vm].blocker == actor) release(sim, self->vm);
  rs_world_tell(
    sim, actor,
    (rs_event){
      .kind = RS_EV_EXIT, .unit = self->unit, .inc = self->inc, .a = why, .b = status});
}

void rs_world_die(rs_sim *sim, uint32_t index, uint32_t culprit) {
  rs_domain *domain = &sim->world.domain[index];
  if (domain->dying) return;
  domain->dying = true;
  for (uint32_t i = 0; i < sim->world.actors; i++) {
    rs_actor *other = actor_of(sim, i);
    if (other->domain != index || !other->alive) continue;
    other->alive = false;
    other->token++;
  }
  for (uint32_t i = 0; i < sim->world.vms; i++) {
    if (sim->world.vm[i].domain == index) sim->world.vm[i].blocker = RS_NONE;
  }
  rs_event ev = {.kind = RS_EV_DOMAIN_DEAD, .unit = domain->unit, .b = 9};
  ev.other = ev.other_inc = RS_NONE;
  if (culprit != RS_NONE) {
    ev.other = actor_of(sim, culprit)->unit;
    ev.other_inc = actor_of(sim, culprit)->inc;
  }
  rs_time at =
    (domain->told_last > sim->now ? domain->told_last : sim->now) + RS_MS / 10;
  rs_item item = {
    .at = at, .kind = RS_IT_TELL, .actor = RS_NONE, .who = index, .ev = ev};
  item.token = domain->generation;
  rs_queue_put(&sim->queue, item);
}

void rs_world_told(rs_sim *sim, const rs_item *item) {
  if (item->ev.kind == RS_EV_EXIT) actor_of(sim, item->actor)->told = true;
  if (item->ev.kind == RS_EV_STARTED) actor_of(sim, item->actor)->confirmed = true;
  if (item->ev.kind != RS_EV_DOMAIN_DEAD) return;
  rs_domain *domain = &sim->world.domain[item->who];
  domain->dying = false;
  domain->generation++;
  for (uint32_t i = 0; i < sim->world.actors; i++) {
    if (actor_of(sim, i)->domain == item->who) actor_of(sim, i)->told = true;
  }
}

void rs_world_gone(rs_sim *sim, uint32_t unit) {
  for (uint32_t i = 0; i < sim->world.actors; i++) {
    if (actor_of(sim, i)->unit == unit) actor_of(sim, i)->gone = true;
  }
  for (uint32_t i = 0; i < sim->world.domains; i++) {
    if (sim->world.domain[i].unit == unit) sim->world.domain[i].unit = RS_NONE;
  }
}

/* --- what it is told ------------------------------------------------------------ */

rs_actor *rs_world_actor(rs_sim *sim, uint32_t unit, uint32_t inc) {
  for (uint32_t i = sim->world.actors; i > 0; i--) {
    rs_actor *actor = actor_of(sim, i - 1);
    if (actor->unit == unit && actor->inc == inc && !actor->gone) return actor;
  }
  return NULL;
}

static void interrupt(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  rs_world_vm *vm = &sim->world.vm[actor->vm];
  bool lua = actor->spec.kind == RS_WORKER && actor->spec.backend != RS_CUSTOM;
  actor->struck = sim->now;
  actor->others_at_strike = rs_world_others(sim, index);
  if (!sim->world.calm &&
      rs_choice_chance(sim->choices, RS_AT_UNWIND, actor->key, actor->inc, 150)) {
    static const rs_time wait[2] = {0, 2500 * RS_MS};
    actor->unwind =
      rs_choice_span(sim->choices, RS_AT_UNWIND, actor->key, actor->inc, wait);
  }
  if (!lua || actor->stop == RS_STOP_DEAF || actor->start == RS_START_NEVER) return;
  actor->interrupted = true;
  if (vm->blocker != RS_NONE && vm->blocker != index) {
    actor->pending = true; /* found when the VM runs again */
    return;
  }
  rs_time takes = actor->unwind + rs_world_delay(sim, index, 60 * RS_MS);
  rs_item item = {.at = sim->now + takes, .kind = RS_IT_END, .who = index};
  item.ev.a = RS_WHY_INTERRUPTED;
  rs_queue_put(&sim->queue, item);
}

static void do_kill(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  static const rs_time slow[2] = {0, 1500 * RS_MS};
  rs_time at = sim->now + rs_world_delay(sim, index, 20 * RS_MS);
  if (rs_choice_chance(sim->choices, RS_AT_KILL, actor->key, actor->inc, 100) &&
      !sim->world.calm)
    at += rs_choice_span(sim->choices, RS_AT_KILL, actor->key, actor->inc, slow);
  rs_item item = {.at = at, .kind = RS_IT_END, .who = index};
  item.ev = (rs_event){.a = RS_WHY_KILLED, .b = 9};
  if (actor->domain != RS_NONE) {
    item.kind = RS_IT_DIE;
    item.who = actor->domain;
    item.token = sim->world.domain[actor->domain].generation;
    item.actor = index;
  }
  rs_queue_put(&sim->queue, item);
}

void rs_world_act(rs_sim *sim, const rs_action *action) {
  if (action->kind == RS_DO_START) {
    rs_world_start(sim, action);
    return;
  }
  rs_actor *actor = rs_world_actor(sim, action->unit, action->inc);
  if (actor == NULL) return;
  if (action->kind == RS_DO_PATCH) {
    actor->plan = action->plan;
    actor->row = action->row;
    actor->spec = *rs_plans_spec(sim->plan[action->plan], action->row);
    if (actor->asked) rs_life_forever(sim, (uint32_t)(actor - sim->world.actor));
  }
  if (!actor->alive) return;
  uint32_t index = (uint32_t)(actor - sim->world.actor);
  if (action->kind == RS_DO_ASK) rs_life_ask(sim, index);
  if (action->kind == RS_DO_INTERRUPT) interrupt(sim, index);
  if (action->kind == RS_DO_KILL) do_kill(sim, index);
}

/* --- what is read of it --------------------------------------------------------- */

rs_event rs_world_look(rs_sim *sim, const rs_action *action) {
  rs_event ev = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
  rs_actor *actor = rs_world_actor(sim, action->unit, action->inc);
  if (actor == NULL) return ev;
  ev.at = actor->beat;
  if (actor->struck > 0)
    ev.x = rs_world_held(sim, (uint32_t)(actor - sim->world.actor));
  else if (!actor->alive) ev.at = sim->now; /* its end is on its way */
  else ev.x = rs_world_owed(sim, (uint32_t)(actor - sim->world.actor));
  return ev;
}

/* A domain's VM, or the one that a worker has for itself. */
static rs_world_vm *vm_of(rs_sim *sim, const rs_action *action) {
  rs_seen *seen = &sim->oracle->unit[action->unit];
  if (rs_oracle_spec(sim, seen)->kind != RS_SUPERVISOR) {
    rs_actor *actor = rs_world_actor(sim, action->unit, seen->inc);
    return &sim->world.vm[actor ? actor->vm : 0];
  }
  rs_actor probe = {.domain = rs_world_domain(sim, action->unit)};
  return &sim->world.vm[rs_world_vm_at(sim, &probe, action->a)];
}

rs_event rs_world_look_vm(rs_sim *sim, const rs_action *action) {
  rs_event ev = {.kind = RS_EV_VM_SEEN,
                 .unit = action->unit,
                 .inc = action->inc,
                 .a = action->a,
                 .other = RS_NONE,
                 .other_inc = RS_NONE};
  rs_world_vm *vm = vm_of(sim, action);
  if (vm->blocker == RS_NONE) {
    vm->missed = true;
    return ev;
  }
  rs_actor *actor = actor_of(sim, vm->blocker);
  ev.other = actor->unit;
  ev.other_inc = actor->inc;
  ev.at = actor->beat > vm->since ? actor->beat : vm->since;
  ev.x = actor->beat > vm->since ? 0 : vm->waits;
  if (ev.x > sim->now - ev.at) ev.x = sim->now - ev.at;
  return ev;
}

/* --- what happens --------------------------------------------------------------- */

static void step(rs_sim *sim, const rs_item *item) {
  rs_actor *actor = actor_of(sim, item->who);
  if (!actor->alive || actor->token != item->token) return;
  rs_world_vm *vm = &sim->world.vm[actor->vm];
  if (vm->blocker != RS_NONE && vm->blocker != item->who) {
    actor->pending = true;
  } else if (vm->starved_until > sim->now) {
    rs_world_later(sim, item->who, vm->starved_until);
  } else {
    rs_life_step(sim, item->who);
  }
}

void rs_world_step(rs_sim *sim, const rs_item *item) {
  rs_actor *actor = item->who < sim->world.actors ? actor_of(sim, item->who) : NULL;
  switch (item->kind) {
  case RS_IT_STEP: step(sim, item); break;
  case RS_IT_FREE: unblock(sim, item); break;
  case RS_IT_FAULT:
    if (actor->alive && !sim->world.calm) rs_life_fault(sim, item->who);
    break;
  case RS_IT_END: rs_world_end(sim, item->who, item->ev.a, item->ev.b); break;
  case RS_IT_DIE:
    if (sim->world.domain[item->who].generation == item->token)
      rs_world_die(sim, item->who, item->actor);
    break;
  default: break;
  }
}
