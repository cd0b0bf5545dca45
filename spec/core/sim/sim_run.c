/* sim_run.c -- the simulated engine: feeds events, performs actions, oversleeps. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { BATCH_MAX = 64, TURN_MAX = 20000 };

void rs_sim_fail(rs_sim *sim, const char *rule, const char *format, ...) {
  if (sim->rule[0] != 0) return;
  va_list args;
  va_start(args, format);
  vsnprintf(sim->text, sizeof sim->text, format, args);
  va_end(args);
  snprintf(sim->rule, sizeof sim->rule, "%s", rule);
  rs_story_say(sim, "BROKEN: %s: %s", sim->rule, sim->text);
}

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  rs_sim *sim = ctx;
  sim->memory += (int64_t)size - (int64_t)old_size;
  if (size > old_size && !sim->growing)
    rs_sim_fail(sim, "memory", "the core asks for memory as it runs");
  if (size == 0) {
    free(old);
    return NULL;
  }
  return realloc(old, size);
}

static void mix(rs_sim *sim, uint64_t value) {
  sim->hash = rs_choice_mix(sim->hash, value);
}

static void hash_action(rs_sim *sim, const rs_action *action) {
  mix(sim, (uint64_t)sim->now);
  mix(sim, (uint64_t)action->kind << 32 | action->unit);
  mix(sim, (uint64_t)action->inc << 32 | action->a);
  mix(sim, (uint64_t)action->plan << 32 | action->row);
  if (action->kind != RS_DO_JOURNAL) return;
  const rs_entry *entry = &action->entry;
  mix(sim, entry->seq);
  mix(sim, entry->cause);
  mix(sim, (uint64_t)entry->kind << 32 | entry->unit);
  mix(sim, (uint64_t)entry->a << 32 | entry->c);
  mix(sim, (uint64_t)entry->x);
}

/* --- events in ------------------------------------------------------------------ */

typedef struct rs_glance { /* what must not change */
  rs_view view[RS_ORACLE_UNITS_MAX];
  uint32_t count;
  rs_time due;
} rs_glance;

static void glance(rs_sim *sim, rs_glance *out) {
  memset(out, 0, sizeof *out);
  out->count = rs_core_units(sim->core);
  out->due = rs_core_due(sim->core);
  for (uint32_t i = 0; i < out->count && i < RS_ORACLE_UNITS_MAX; i++) {
    if (!rs_core_view(sim->core, i, &out->view[i])) out->view[i].unit = RS_NONE;
  }
}

/* An event about what is dead or never was changes nothing. */
static void event_stale(rs_sim *sim, const rs_event *ev) {
  rs_glance *before = malloc(sizeof *before), *after = malloc(sizeof *after);
  bool late = rs_core_due(sim->core) < sim->now; /* it learns so in this very call */
  glance(sim, before);
  rs_core_step(sim->core, sim->now, ev);
  glance(sim, after);
  if (!late && memcmp(before, after, sizeof *before) != 0) {
    rs_sim_fail(sim, "stale", "event %u of %u#%u changed something", ev->kind, ev->unit,
                ev->inc);
  }
  free(before);
  free(after);
}

void rs_sim_event(rs_sim *sim, const rs_event *ev) {
  rs_story_event(sim, ev);
  if (rs_oracle_stale(sim, ev)) {
    event_stale(sim, ev);
    return;
  }
  rs_oracle_event(sim, ev);
  rs_sim_step(sim, ev);
}

void rs_sim_step(rs_sim *sim, const rs_event *ev) {
  sim->growing = true;
  rs_core_step(sim->core, sim->now, ev);
  sim->growing = false;
}

/* --- actions out ---------------------------------------------------------------- */

/* An operator may act just as a unit starts. */
static void tie(rs_sim *sim, const rs_action *action) {
  static const rs_time range[2] = {0, 40 * RS_MS};
  uint64_t key = sim->oracle->unit[action->unit].key;
  uint32_t rate = sim->profile.ops * 4;
  if (sim->world.calm ||
      !rs_choice_chance(sim->choices, RS_AT_TIED, key, action->inc, rate))
    return;
  rs_time after = rs_choice_span(sim->choices, RS_AT_TIED, key, action->inc, range);
  rs_item item = {.at = sim->now + after,
                  .kind = RS_IT_TIED,
                  .who = action->unit,
                  .token = action->inc};
  rs_queue_put(&sim->queue, item);
}

static void perform(rs_sim *sim, const rs_action *action, rs_event *answers,
                    uint32_t *answered) {
  hash_action(sim, action);
  rs_story_action(sim, action);
  rs_oracle_action(sim, action);
  if (sim->rule[0] != 0) return;
  switch (action->kind) {
  case RS_DO_LOOK: answers[(*answered)++] = rs_world_look(sim, action); break;
  case RS_DO_LOOK_VM: answers[(*answered)++] = rs_world_look_vm(sim, action); break;
  case RS_DO_START:
    if (rs_plans_spec(sim->plan[action->plan], action->row)->kind == RS_SUPERVISOR)
      break;
    rs_world_act(sim, action);
    tie(sim, action);
    break;
  case RS_DO_ASK:
  case RS_DO_INTERRUPT:
  case RS_DO_KILL:
  case RS_DO_PATCH: rs_world_act(sim, action); break;
  default: break;
  }
}

/* Pulls actions until there are none; how many there were. */
static uint32_t turn(rs_sim *sim) {
  rs_action batch[BATCH_MAX];
  rs_event answers[BATCH_MAX];
  uint32_t done = 0, count;
  do {
    uint32_t answered = 0;
    uint32_t most = 16 + (uint32_t)(sim->hash % (BATCH_MAX - 15));
    count = rs_core_run(sim->core, sim->now, batch, most);
    if (count > most) rs_sim_fail(sim, "batch", "%u actions of %u", count, most);
    for (uint32_t i = 0; i < count && sim->rule[0] == 0; i++) {
      perform(sim, &batch[i], answers, &answered);
      if (sim->ended && i + 1 < count)
        rs_sim_fail(sim, "end", "actions after the host's end");
    }
    for (uint32_t i = 0; i < answered; i++) rs_sim_event(sim, &answers[i]);
    done += count;
    if (done > TURN_MAX) rs_sim_fail(sim, "no end", "a turn that does not end");
  } while (count > 0 && sim->rule[0] == 0);
  if (sim->rule[0] != 0 || sim->ended) return done;
  if (rs_core_due(sim->core) <= sim->now)
    rs_sim_fail(sim, "due", "the core wants to be called again at once");
  rs_oracle_turn(sim);
  return done;
}

/* --- time ----------------------------------------------------------------------- */

/* The engine oversleeps: alone, or with the whole machine. */
static bool oversleep(rs_sim *sim, rs_time due) {
  static const rs_time range[2] = {100 * RS_MS, 6000 * RS_MS};
  if (sim->world.calm || sim->asleep_until != 0) return false;
  uint64_t wake = sim->naps++;
  if (!rs_choice_chance(sim->choices, RS_AT_LATE, wake, 0, sim->profile.late))
    return false;
  rs_time span = rs_choice_span(sim->choices, RS_AT_LATE, wake, 0, range);
  bool frozen = rs_choice_of(sim->choices, RS_AT_LATE, wake, 1, 2) == 1;
  rs_story_say(sim, "%s for %.3f s from %.3f",
               frozen ? "all stands still" : "the engine sleeps", (double)span / 1e9,
               (double)due / 1e9);
  sim->slept += span;
  sim->oracle->touched += span; /* no quiet while */
  sim->asleep_until = due + span;
  if (!frozen) return true;
  sim->now = due;
  for (uint32_t i = 0; i < sim->world.actors; i++) { /* they count it as another's */
    rs_actor *actor = &sim->world.actor[i];
    uint32_t blocker = sim->world.vm[actor->vm].blocker;
    if (blocker != RS_NONE && blocker != i) actor->lost_at_beat += span;
  }
  sim->lost += span;
  rs_queue_shift(&sim->queue, span);
  return true;
}

static void tell(rs_sim *sim, const rs_item *item) {
  rs_event ev = item->ev;
  if (ev.kind == RS_EV_DOMAIN_DEAD) {
    rs_view view;
    if (sim->world.domain[item->who].generation != item->token) return;
    if (rs_core_view(sim->core, ev.unit, &view)) ev.inc = view.inc;
  }
  rs_sim_event(sim, &ev);
  rs_world_told(sim, item);
}

static void happen(rs_sim *sim, const rs_item *item) {
  switch (item->kind) {
  case RS_IT_TELL:
    if (item->actor != RS_NONE && sim->world.actor[item->actor].gone) break;
    if (item->ev.unit == RS_NONE || !rs_oracle_is(sim, item->ev.unit)) break;
    tell(sim, item);
    break;
  case RS_IT_OP:
  case RS_IT_TIED: rs_ops_do(sim, item); break;
  case RS_IT_CALM:
    sim->world.calm = true;
    rs_story_say(sim, "the world is healthy from now on");
    break;
  case RS_IT_OVER: rs_ops_shutdown(sim, 0); break;
  default: rs_world_step(sim, item); break;
  }
}

/* Everything that happens at this instant; true if the engine is to run. */
static bool events(rs_sim *sim, bool drain) {
  rs_item item;
  bool told = false;
  while (rs_queue_due(&sim->queue) <= sim->now && sim->rule[0] == 0) {
    rs_queue_take(&sim->queue, &item);
    bool of_world = item.kind >= RS_IT_STEP && item.kind <= RS_IT_END;
    if (!of_world && sim->asleep_until > sim->now && item.kind != RS_IT_CALM) {
      item.at = sim->asleep_until;
      rs_queue_put(&sim->queue, item);
      continue;
    }
    bool operated = item.kind == RS_IT_OP || item.kind == RS_IT_TIED;
    if (told && operated) { /* what was told is decided on first */
      rs_queue_put(&sim->queue, item);
      break;
    }
    sim->steps++;
    happen(sim, &item);
    if (!of_world) told = true;
    if (told && !drain) break;
  }
  return told;
}

/* A quiet while after the faults: is all as it should be? Then the end. */
static bool quiet(rs_sim *sim, rs_time next) {
  enum { QUIET_S = 12 };
  rs_time at = sim->oracle->touched + QUIET_S * 1000 * RS_MS;
  if (!sim->world.calm || sim->over || at < sim->now || at > next) return false;
  sim->now = at;
  rs_oracle_calm(sim);
  if (sim->rule[0] == 0) rs_ops_shutdown(sim, 0);
  return true;
}

static void advance(rs_sim *sim) {
  rs_time due = rs_core_due(sim->core);
  rs_time next = rs_queue_due(&sim->queue);
  if (sim->asleep_until != 0) due = sim->asleep_until;
  rs_time soonest = due < next ? due : next;
  if (quiet(sim, soonest)) {
    turn(sim);
    return;
  }
  if (soonest == RS_NEVER) {
    rs_sim_fail(sim, "stuck", "nothing will ever happen again");
    return;
  }
  if (due <= next && oversleep(sim, due)) return;
  bool woke = due <= next;
  bool drain = sim->asleep_until != 0 || woke ||
               rs_choice_of(sim->choices, RS_AT_ENGINE, 0, 0, 2) == 1;
  sim->now = soonest;
  if (sim->asleep_until != 0 && woke) sim->asleep_until = 0;
  if (woke) rs_queue_drain(&sim->queue, sim->now);
  bool told = events(sim, drain);
  if (!woke && !told) return;
  bool idle = sim->world.calm && sim->now - sim->oracle->touched > 5000 * RS_MS;
  uint32_t done = turn(sim);
  if (idle && woke && !told && done == 0 && sim->slept == 0 && sim->rule[0] == 0)
    rs_sim_fail(sim, "idle", "the engine was woken for nothing");
}

/* --- a run ---------------------------------------------------------------------- */

static void begin(rs_sim *sim) {
  static const rs_time horizon[2] = {4000 * RS_MS, 16000 * RS_MS};
  rs_memory memory = {resize, sim};
  sim->growing = true;
  sim->core = rs_core_new(&memory, sim->choices->seed, 0);
  sim->growing = false;
  sim->now = RS_MS * 1000;
  sim->current = RS_NONE;
  rs_oracle_new(sim);
  rs_ops_plan(sim);
  rs_ops_reload(sim);
  if (sim->rule[0] != 0) return;
  rs_time calm = sim->now + rs_choice_span(sim->choices, RS_AT_TICK, 0, 0, horizon);
  rs_queue_put(&sim->queue, (rs_item){.at = calm, .kind = RS_IT_CALM});
  rs_queue_put(&sim->queue, (rs_item){.at = calm + 40000 * RS_MS, .kind = RS_IT_OVER});
  turn(sim);
}

static void finish(rs_sim *sim) {
  sim->growing = true;
  rs_core_free(sim->core);
  if (sim->memory != 0 && sim->rule[0] == 0)
    rs_sim_fail(sim, "leak", "%lld bytes", (long long)sim->memory);
  for (uint32_t i = 0; i < sim->plans; i++) free(sim->plan[i]);
  rs_queue_free(&sim->queue);
  free(sim->oracle);
}

rs_sim_result rs_sim_run(rs_choices *choices, uint32_t steps_max, FILE *story) {
  rs_sim *sim = calloc(1, sizeof *sim);
  sim->choices = choices;
  sim->story = story;
  sim->hash = choices->seed;
  begin(sim);
  while (!sim->ended && sim->rule[0] == 0 && sim->steps < steps_max) advance(sim);
  if (sim->rule[0] == 0 && sim->ended) {
    rs_action left[16];
    if (rs_core_run(sim->core, sim->now, left, 16) != 0)
      rs_sim_fail(sim, "end", "the core goes on after the host's end");
  }
  finish(sim);
  rs_sim_result result = {.hash = sim->hash, .steps = sim->steps};
  memcpy(result.rule, sim->rule, sizeof result.rule);
  memcpy(result.text, sim->text, sizeof result.text);
  free(sim);
  return result;
}
