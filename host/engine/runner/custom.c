#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>

#include "../control/add.h"
#include "lua.h"

enum {
  LOST_MAX = 3,    /* deaths of its runner in a row that a unit outlives */
  STUCK_MS = 1000, /* that a turn may last before `kill` has its own */
};

/* A unit that a backend's functions look after. It outlives their runner. */
struct rs_custom {
  uint32_t unit, inc, plan, row;
  rs_bytes handle; /* what its start returned; empty: not known yet */
  rs_bytes status;
  uint32_t lost; /* runners that died on it since it last spoke */
  bool killed;   /* its `kill` is to be called */
};

static const rs_plan_backend *backend_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_backend *)rs_plan_rows(plan, RS_T_BACKEND) + row;
}

static bool same(const rs_plan *a, rs_ref ref_a, const rs_plan *b, rs_ref ref_b) {
  return ref_a.len == ref_b.len &&
         memcmp(rs_plan_bytes(a, ref_a), rs_plan_bytes(b, ref_b), ref_a.len) == 0;
}

/* The runner of a backend of the same name and code, whatever plan it came from. */
static rs_runner *runner_of(rs_engine *engine, const rs_plan *plan, uint32_t row) {
  const rs_plan_backend *wanted = backend_at(plan, row);
  for (rs_runner *runner = engine->runners; runner; runner = runner->next) {
    if (runner->place != RS_PLACE_BACKEND || runner->dead || runner->killed) continue;
    const rs_plan_map *map = rs_plans_get(&engine->plans, runner->plan);
    if (!map) continue;
    const rs_plan_backend *had = backend_at(map->plan, runner->backend);
    if (same(plan, wanted->name, map->plan, had->name) &&
        same(plan, wanted->code, map->plan, had->code))
      return runner;
  }
  return NULL;
}

/* What START says: the size of what was added to a pool, that, and the handle. */
static void put_text(const rs_engine *engine, const rs_custom *custom, rs_bytes *text) {
  uint32_t size;
  const char *added = rs_add_text(engine, custom->unit, &size);
  rs_bytes_print(text, "%u:", size);
  rs_bytes_add(text, added, size);
  rs_bytes_add(text, custom->handle.at, custom->handle.size);
}

/* Puts the unit into its backend's runner; false where there is no room. */
static bool place(rs_engine *engine, rs_custom *custom) {
  const rs_plan *plan = rs_plans_get(&engine->plans, custom->plan)->plan;
  uint32_t row = rs_plan_spec_of(plan, custom->row)->custom;
  rs_action action = {.unit = custom->unit, .inc = custom->inc};
  action.plan = custom->plan;
  action.row = custom->row;
  rs_runner *runner = runner_of(engine, plan, row);
  if (!runner) {
    runner = rs_runner_take(engine, RS_PLACE_BACKEND, &action);
    if (!runner) return false;
    runner->backend = row;
  }
  uint32_t vm = rs_part_shared(runner, 0);
  rs_bytes text = {0};
  put_text(engine, custom, &text);
  bool placed =
    vm != RS_NONE && rs_lua_place(runner, vm, &action, text.at, (uint32_t)text.size);
  rs_bytes_free(&text);
  return placed;
}

static void tell(rs_engine *engine, const rs_custom *custom, uint32_t kind,
                 const char *why) {
  rs_event event = {.kind = kind, .unit = custom->unit, .inc = custom->inc};
  event.at = rs_base_now();
  if (kind == RS_EV_STARTED) {
    rs_engine_put(engine, event);
    return;
  }
  event.a = custom->killed ? RS_WHY_KILLED : RS_WHY_LAUNCH;
  event.b = custom->killed ? SIGKILL : 0;
  event.text = rs_texts_put(&engine->texts, why, strlen(why));
  rs_engine_exit(engine, custom->unit, event);
}

void rs_custom_start(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  rs_custom *custom = rs_base_new(sizeof *custom);
  custom->unit = action->unit;
  custom->inc = action->inc;
  custom->plan = action->plan;
  custom->row = action->row;
  unit->custom = custom;
  unit->inc = action->inc;
  unit->told = true;
  if (place(engine, custom)) tell(engine, custom, RS_EV_STARTED, NULL);
  else tell(engine, custom, RS_EV_EXIT, "its backend has no room for another unit");
}

void rs_custom_free(rs_custom *custom) {
  if (!custom) return;
  rs_bytes_free(&custom->handle);
  rs_bytes_free(&custom->status);
  free(custom);
}

void rs_custom_patch(rs_unit *unit, const rs_action *action) {
  rs_runner *runner = unit->runner;
  const rs_plan *plan = rs_plans_get(&runner->engine->plans, action->plan)->plan;
  unit->custom->plan = runner->plan = action->plan;
  unit->custom->row = runner->row = action->row;
  runner->backend = rs_plan_spec_of(plan, action->row)->custom;
}

const rs_bytes *rs_custom_status(const rs_custom *custom) {
  return custom ? &custom->status : NULL;
}

void rs_custom_tells(rs_engine *engine, uint32_t id, uint32_t kind, const char *text,
                     uint32_t size) {
  rs_custom *custom = rs_engine_unit(engine, id)->custom;
  if (!custom) return;
  rs_bytes *kept = kind == RS_UP_HANDLE ? &custom->handle : &custom->status;
  kept->size = 0;
  rs_bytes_add(kept, text, size);
  custom->lost = 0;
}

static void await_turn(rs_runner *runner, rs_time span);

/* Functions of one backend share a VM. One that does not return keeps every `kill` from
** being called: it is ended with the runner, which the others outlive. */
static void on_turn_due(uv_timer_t *timer) {
  rs_runner *runner = timer->data;
  uint32_t vm = rs_part_shared(runner, 0);
  const rs_vm *page = rs_part_page(runner, vm);
  rs_time left = atomic_load(&page->since) + STUCK_MS * RS_MS - rs_base_now();
  uint32_t id = rs_fate_runs(runner, vm);
  rs_lua_stop_timer(runner);
  if (id == RS_NONE) return;
  if (left > 0) await_turn(runner, left);
  else rs_runner_kill(runner, id, rs_engine_unit(runner->engine, id)->inc);
}

static void await_turn(rs_runner *runner, rs_time span) {
  if (runner->closing) return;
  runner->closing = rs_base_new(sizeof *runner->closing);
  runner->closing->data = runner;
  uv_timer_init(&runner->engine->loop, runner->closing);
  uv_update_time(&runner->engine->loop);
  uv_timer_start(runner->closing, on_turn_due, (uint64_t)(span / RS_MS) + 1, 0);
}

void rs_custom_kill(rs_unit *unit) {
  unit->custom->killed = true;
  await_turn(unit->runner, STUCK_MS * RS_MS);
}

/* True if the death of its runner is the unit's end: without a handle, or after too
** many. Who was named as the cause of one has it counted alone. */
static bool ends_with(const rs_runner *runner, rs_custom *custom) {
  bool blamed = runner->killed && runner->culprit != RS_NONE;
  if (!blamed || runner->culprit == custom->unit) custom->lost++;
  else if (custom->handle.size > 0) return false;
  return custom->handle.size == 0 || custom->lost > (custom->killed ? 1 : LOST_MAX);
}

/* What a runner was asked to start and did not say the handle of is lost with it. */
void rs_custom_lost(rs_runner *runner) {
  rs_engine *engine = runner->engine;
  for (uint32_t p = 0; p < runner->part_count; p++) {
    for (uint32_t i = 0; i < runner->part[p]->fresh; i++) {
      uint32_t id = runner->part[p]->slot[i].unit;
      if (id == RS_NONE) continue;
      rs_unit *unit = rs_engine_unit(engine, id);
      rs_custom *custom = unit->custom;
      uint32_t stopping = atomic_load(&runner->part[p]->seg.slot[i].stopping);
      unit->slot = RS_NONE;
      unit->runner = NULL;
      if (ends_with(runner, custom))
        tell(engine, custom, RS_EV_EXIT, "its backend's runner died");
      else if (!place(engine, custom))
        tell(engine, custom, RS_EV_EXIT, "its backend has no room for another unit");
      else {
        rs_action order = {.unit = id, .inc = custom->inc};
        if (stopping) rs_lua_ask(engine, &order);
        if (custom->killed) rs_lua_kill(engine, &order);
      }
    }
  }
}
