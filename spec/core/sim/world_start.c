/* world_start.c -- how an incarnation comes into the world, and its fate. */
#include "sim.h"
#include "world.h"

static rs_actor *actor_of(rs_sim *sim, uint32_t actor) {
  return &sim->world.actor[actor];
}

/* No processor for a VM; nobody's fault. */
static void starve(rs_sim *sim, uint32_t index) {
  rs_world_vm *vm = &sim->world.vm[index];
  rs_domain *domain = &sim->world.domain[vm->domain];
  if (vm->blocker != RS_NONE || vm->starved_until > sim->now || sim->world.calm) return;
  uint64_t which = (uint64_t)sim->world.actors << 8 | vm->number;
  static const rs_time range[2] = {100 * RS_MS, 4000 * RS_MS};
  if (!rs_choice_chance(sim->choices, RS_AT_STARVE, domain->key, which,
                        sim->profile.late / 2))
    return;
  rs_time span = rs_choice_span(sim->choices, RS_AT_STARVE, domain->key, which, range);
  vm->starved_until = sim->now + span;
  vm->starved += span;
  rs_story_say(sim, "vm %u of %s gets no processor for %.3f s", vm->number,
               rs_story_path(sim, domain->unit), (double)span / 1e9);
}

uint32_t rs_world_domain(rs_sim *sim, uint32_t unit) {
  rs_world *world = &sim->world;
  for (uint32_t i = 0; i < world->domains; i++) {
    if (world->domain[i].unit == unit) return i;
  }
  if (world->domains == RS_DOMAINS_MAX) return 0;
  world->domain[world->domains] = (rs_domain){.unit = unit};
  world->domain[world->domains].key = rs_oracle_key(sim, unit);
  return world->domains++;
}

uint32_t rs_world_vm_at(rs_sim *sim, const rs_actor *actor, uint32_t number) {
  rs_world *world = &sim->world;
  uint32_t generation = 0;
  if (actor->domain != RS_NONE) generation = world->domain[actor->domain].generation;
  for (uint32_t i = 0; number != RS_NONE && i < world->vms; i++) {
    const rs_world_vm *vm = &world->vm[i];
    if (vm->domain == actor->domain && vm->generation == generation &&
        vm->number == number)
      return i;
  }
  if (world->vms == RS_WVMS_MAX) return 0;
  world->vm[world->vms] = (rs_world_vm){.domain = actor->domain,
                                        .number = number,
                                        .generation = generation,
                                        .blocker = RS_NONE};
  return world->vms++;
}

static void decide(rs_sim *sim, rs_actor *actor) {
  static const uint8_t starts[] = {0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   0,
                                   RS_START_SLOW,
                                   RS_START_SLOW,
                                   RS_START_NEVER,
                                   RS_START_FAILS,
                                   RS_START_EARLY_EXIT};
  static const uint8_t stops[] = {
    0, 0, 0, 0, RS_STOP_SLOW, RS_STOP_SLOW, RS_STOP_NEVER, RS_STOP_DEAF};
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
  bool early =
    rs_choice_chance(sim->choices, RS_AT_FAULT_AT, actor->key, actor->inc, 250);
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
  if (actor->start ==
      RS_START_SLOW) { /* from half of its limit to half as much again */
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
                                           actor->inc, sim->profile.domains))
    return;
  rs_item item = {.kind = RS_IT_DIE, .who = actor->domain, .actor = RS_NONE};
  item.token = sim->world.domain[actor->domain].generation;
  item.at = sim->now +
            rs_choice_span(sim->choices, RS_AT_DOMAIN, actor->key, actor->inc, range);
  rs_queue_put(&sim->queue, item);
}

void rs_world_start(rs_sim *sim, const rs_action *action) {
  rs_world *world = &sim->world;
  if (world->actors == RS_ACTORS_MAX) return;
  const rs_plan *plan = sim->plan[action->plan];
  uint32_t index = world->actors++;
  rs_actor *actor = actor_of(sim, index);
  *actor = (rs_actor){.unit = action->unit,
                      .inc = action->inc,
                      .plan = action->plan,
                      .row = action->row,
                      .alive = true,
                      .domain = RS_NONE,
                      .born = sim->now,
                      .beat = sim->now,
                      .told_last = sim->now};
  actor->spec = *rs_plans_spec(plan, action->row);
  actor->key = rs_oracle_key(sim, action->unit);
  bool shared = actor->spec.backend == RS_COROUTINE;
  if (shared || actor->spec.backend == RS_THREAD) {
    rs_view view;
    if (!rs_core_view(sim->core, action->unit, &view)) return;
    actor->domain = rs_world_domain(sim, view.domain);
  }
  actor->vm = rs_world_vm_at(sim, actor, shared ? action->a : RS_NONE);
  actor->others_at_beat = 0;
  actor->others_at_beat = rs_world_others(sim, index);
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
