/* world.c -- who lives where, who blocks whom, who dies with whom. */
#include "world.h"

#include "sim.h"

static rs_world *world_of(rs_sim *sim) { return &sim->world; }

static rs_actor *actor_of(rs_sim *sim, uint32_t actor) { return &sim->world.actor[actor]; }

rs_time rs_world_delay(rs_sim *sim, uint32_t actor, rs_time most) {
  rs_actor *self = actor_of(sim, actor);
  uint64_t which = (uint64_t)self->inc << 20 | self->steps++;
  rs_time range[2] = {RS_MS / 100, most};
  return rs_choice_span(sim->choices, RS_AT_SEND, self->key, which, range);
}

/* --- time that others took ------------------------------------------------------ */

static rs_time others(const rs_sim *sim, uint32_t actor) {
  const rs_actor *self = &sim->world.actor[actor];
  const rs_world_vm *vm = &sim->world.vm[self->vm];
  rs_time sum = vm->blocked + vm->starved - self->own;
  if (vm->starved_until > sim->now) sum -= vm->starved_until - sim->now;
  if (vm->blocker == actor) return sum + (vm->waits < sim->now - vm->since
                                            ? vm->waits : sim->now - vm->since);
  if (vm->blocker != RS_NONE) sum += sim->now - vm->since;
  return sum;
}

rs_time rs_world_owed(const rs_sim *sim, uint32_t actor) {
  rs_time owed = others(sim, actor) - sim->world.actor[actor].others_at_beat;
  return owed > 0 ? owed : 0;
}

void rs_world_beat(rs_sim *sim, uint32_t actor) {
  rs_actor *self = actor_of(sim, actor);
  rs_world_vm *vm = &sim->world.vm[self->vm];
  self->beat = sim->now;
  self->others_at_beat = others(sim, actor);
  self->lost_at_beat = sim->lost;
  self->slept_at_beat = sim->slept;
  if (!vm->missed) return;
  vm->missed = false;
  rs_event ev = {.kind = RS_EV_VM_RUNS, .unit = self->unit, .inc = self->inc};
  if (vm->number != RS_NONE) {
    ev = (rs_event){.kind = RS_EV_VM_RUNS, .unit = sim->world.domain[vm->domain].unit,
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

/* No processor for a VM; nobody's fault. */
static void starve(rs_sim *sim, uint32_t index) {
  rs_world_vm *vm = &sim->world.vm[index];
  rs_domain *domain = &sim->world.domain[vm->domain];
  if (vm->blocker != RS_NONE || vm->starved_until > sim->now || sim->world.calm) return;
  uint64_t which = (uint64_t)sim->world.actors << 8 | vm->number;
  static const rs_time range[2] = {100 * RS_MS, 4000 * RS_MS};
  if (!rs_choice_chance(sim->choices, RS_AT_STARVE, domain->key, which,
                        sim->profile.late / 2)) return;
  rs_time span = rs_choice_span(sim->choices, RS_AT_STARVE, domain->key, which, range);
  vm->starved_until = sim->now + span;
  vm->starved += span;
  rs_story_say(sim, "vm %u of %s gets no processor for %.3f s", vm->number,
               rs_story_path(sim, domain->unit), (double)span / 1e9);
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
  if (sim->world.calm || !rs_choice_chance(sim->choices, RS_AT_MESSAGE, self->key, which,
                                           sim->profile.garbage)) return;
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
  rs_world_tell(sim, actor, (rs_event){.kind = RS_EV_EXIT, .unit = self->unit,
                                       .inc = self->inc, .a = why, .b = status});
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
  rs_time at = (domain->told_last > sim->now ? domain->told_last : sim->now) + RS_MS / 10;
  rs_item item = {.at = at, .kind = RS_IT_TELL, .actor = RS_NONE, .who = index, .ev = ev};
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

/* --- starts --------------------------------------------------------------------- */

static uint32_t domain_at(rs_sim *sim, uint32_t unit) {
  rs_world *world = world_of(sim);
  for (uint32_t i = 0; i < world->domains; i++) {
    if (world->domain[i].unit == unit) return i;
  }
  if (world->domains == RS_DOMAINS_MAX) return 0;
  world->domain[world->domains] = (rs_domain){.unit = unit};
  world->domain[world->domains].key = rs_oracle_key(sim, unit);
  return world->domains++;
}

static uint32_t vm_at(rs_sim *sim, const rs_actor *actor, uint32_t number) {
  rs_world *world = world_of(sim);
  uint32_t generation = 0;
  if (actor->domain != RS_NONE) generation = world->domain[actor->domain].generation;
  for (uint32_t i = 0; number != RS_NONE && i < world->vms; i++) {
    const rs_world_vm *vm = &world->vm[i];
    if (vm->domain == actor->domain && vm->generation == generation &&
        vm->number == number) return i;
  }
  if (world->vms == RS_WVMS_MAX) return 0;
  world->vm[world->vms] = (rs_world_vm){.domain = actor->domain, .number = number,
                                        .generation = generation, .blocker = RS_NONE};
  return world->vms++;
}

static void decide(rs_sim *sim, rs_actor *actor) {
  static const uint8_t starts[] = {0, 0, 0, 0, 0, 0, RS_START_SLOW, RS_START_SLOW,
                                   RS_START_NEVER, RS_START_FAILS, RS_START_EARLY_EXIT};
  static const uint8_t stops[] = {0, 0, 0, 0, RS_STOP_SLOW, RS_STOP_SLOW, RS_STOP_NEVER,
                                  RS_STOP_DEAF};
  if (sim->world.calm) return;
  rs_choices *choices = sim->choices;
  uint64_t key = actor->key, inc = actor->inc;
  uint32_t rate = sim->profile.faults;
  if (rs_choice_chance(choices, RS_AT_START, key, inc, rate))
    actor->start = starts[rs_choice_of(choices, RS_AT_START, key, inc, 11)];
  if (rs_choice_chance(choices, RS_AT_FAULT, key, inc, rate * 2))
    actor->fault = rs_choice_of(choices, RS_AT_FAULT, key, inc, RS_F_COUNT);
  if (rs_choice_chance(choices, RS_AT_STOP, key, inc, rate * 2))
    actor->stop = stops[rs_choice_of(choices, RS_AT_STOP, key, inc, 8)];
}

static void schedule_fault(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  static const rs_time soon[2] = {0, 20 * RS_MS}, late[2] = {0, 4000 * RS_MS};
  bool early = rs_choice_chance(sim->choices, RS_AT_FAULT_AT, actor->key, actor->inc, 250);
  rs_time after = rs_choice_span(sim->choices, RS_AT_FAULT_AT, actor->key, actor->inc,
                                 early ? soon : late);
  rs_item item = {.at = sim->now + after, .kind = RS_IT_FAULT, .who = index};
  rs_queue_put(&sim->queue, item);
}

static void confirm(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  rs_event ev = {.unit = actor->unit, .inc = actor->inc, .a = 1000 + index};
  rs_time wait = rs_world_delay(sim, index, 10 * RS_MS);
  rs_time first = rs_world_delay(sim, index, 30 * RS_MS);
  if (actor->start == RS_START_SLOW) { /* from half of its limit to half as much again */
    rs_time range[2] = {actor->spec.launch / 2, actor->spec.launch / 2 * 3};
    first = rs_choice_span(sim->choices, RS_AT_STARTED, actor->key, actor->inc, range);
  }
  if (actor->start == RS_START_NEVER) return;
  if (actor->start == RS_START_FAILS || actor->start == RS_START_EARLY_EXIT) {
    bool early = actor->start == RS_START_EARLY_EXIT;
    rs_world_end(sim, index, early ? RS_WHY_EXCEPTION : RS_WHY_LAUNCH, 0);
    if (!early) return;
  }
  ev.kind = RS_EV_STARTED;
  rs_item item = {.at = sim->now + wait, .kind = RS_IT_TELL, .actor = index, .ev = ev};
  rs_queue_put(&sim->queue, item);
  if (actor->told_last < item.at && actor->alive) actor->told_last = item.at;
  if (actor->alive) rs_world_later(sim, index, sim->now + wait + first);
}

static void killed_from_outside(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  static const rs_time range[2] = {0, 3000 * RS_MS};
  if (sim->world.calm || !rs_choice_chance(sim->choices, RS_AT_DOMAIN, actor->key,
                                           actor->inc, sim->profile.domains)) return;
  rs_item item = {.kind = RS_IT_DIE, .who = actor->domain, .actor = RS_NONE};
  item.token = sim->world.domain[actor->domain].generation;
  item.at = sim->now + rs_choice_span(sim->choices, RS_AT_DOMAIN, actor->key,
                                      actor->inc, range);
  rs_queue_put(&sim->queue, item);
}

static void start(rs_sim *sim, const rs_action *action) {
  rs_world *world = world_of(sim);
  if (world->actors == RS_ACTORS_MAX) return;
  const rs_plan *plan = sim->plan[action->plan];
  uint32_t index = world->actors++;
  rs_actor *actor = actor_of(sim, index);
  *actor = (rs_actor){.unit = action->unit, .inc = action->inc, .plan = action->plan,
                      .row = action->row, .alive = true, .domain = RS_NONE,
                      .born = sim->now, .beat = sim->now, .told_last = sim->now};
  actor->spec = *rs_plans_spec(plan, action->row);
  actor->key = rs_oracle_key(sim, action->unit);
  bool shared = actor->spec.backend == RS_COROUTINE;
  if (shared || actor->spec.backend == RS_THREAD) {
    rs_view view;
    if (!rs_core_view(sim->core, action->unit, &view)) return;
    actor->domain = domain_at(sim, view.domain);
  }
  actor->vm = vm_at(sim, actor, shared ? action->a : RS_NONE);
  actor->others_at_beat = 0;
  actor->others_at_beat = others(sim, index);
  actor->lost_at_beat = sim->lost;
  actor->slept_at_beat = sim->slept;
  decide(sim, actor);
  if (actor->domain != RS_NONE && world->domain[actor->domain].dying) {
    actor->alive = false; /* its runner is dead, only the core does not know yet */
    return;
  }
  if (shared) starve(sim, actor->vm);
  if (actor->domain != RS_NONE) killed_from_outside(sim, index);
  confirm(sim, index);
  if (actor->fault != RS_F_NONE && actor->alive) schedule_fault(sim, index);
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
  if (!lua || actor->stop == RS_STOP_DEAF || actor->start == RS_START_NEVER) return;
  actor->interrupted = true;
  if (vm->blocker != RS_NONE && vm->blocker != index) {
    actor->pending = true; /* found when the VM runs again */
    return;
  }
  rs_item item = {.at = sim->now + rs_world_delay(sim, index, 60 * RS_MS),
                  .kind = RS_IT_END, .who = index};
  item.ev.a = RS_WHY_INTERRUPTED;
  rs_queue_put(&sim->queue, item);
}

static void do_kill(rs_sim *sim, uint32_t index) {
  rs_actor *actor = actor_of(sim, index);
  rs_time at = sim->now + rs_world_delay(sim, index, 20 * RS_MS);
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
    start(sim, action);
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
  if (!actor->alive) ev.at = sim->now; /* its end is on its way */
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
  rs_actor probe = {.domain = domain_at(sim, action->unit)};
  return &sim->world.vm[vm_at(sim, &probe, action->a)];
}

rs_event rs_world_look_vm(rs_sim *sim, const rs_action *action) {
  rs_event ev = {.kind = RS_EV_VM_SEEN, .unit = action->unit, .inc = action->inc,
                 .a = action->a, .other = RS_NONE, .other_inc = RS_NONE};
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
