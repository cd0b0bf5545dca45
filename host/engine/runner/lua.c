#define _GNU_SOURCE
#include "lua.h"

#include <errno.h>
#include <stdlib.h>

#include "../control/add.h"
#include "handover.h"
#include "rung.h"

enum { CLOSE_MS = 500 };

static void fail(rs_engine *engine, const rs_action *action, const char *why) {
  rs_event exit = {.kind = RS_EV_EXIT, .unit = action->unit, .inc = action->inc};
  exit.a = RS_WHY_LAUNCH;
  exit.text = rs_texts_put(&engine->texts, why, strlen(why));
  rs_engine_exit(engine, action->unit, exit);
}

bool rs_lua_place(rs_runner *runner, uint32_t vm, const rs_action *action,
                  const char *text, uint32_t size) {
  rs_engine *engine = runner->engine;
  uint32_t id = rs_part_slot(runner, action->unit, action->inc, vm);
  if (id == RS_NONE) return false;
  rs_slot *slot = rs_part_memory(runner, id);
  const rs_vm *page = rs_part_page(runner, vm);
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  rs_time now = rs_base_now();
  atomic_store(&slot->beat, now);
  atomic_store(&slot->stalled_from, now);
  atomic_store(&slot->others, atomic_load(&page->busy) - atomic_load(&slot->own));
  atomic_store(&slot->unit, action->unit);
  atomic_store(&slot->inc, action->inc);
  atomic_store(&slot->stopping, RS_STOP_NONE);
  atomic_store(&slot->vm, vm);
  unit->runner = runner;
  unit->slot = id;
  unit->inc = action->inc;
  rs_record record = {.kind = RS_DOWN_START, .slot = id, .inc = action->inc};
  record.a = action->plan;
  record.b = action->row;
  record.at = now;
  record.size = size;
  rs_runner_plan(runner, action->plan);
  rs_handover_give(runner, vm, id, action);
  rs_part_put(runner, vm, &record, text);
  return true;
}

/* The runner of the unit's fault domain; made where there is none. NULL, and errno. */
static rs_runner *domain_of(rs_engine *engine, uint32_t unit) {
  rs_view view, domain;
  if (!rs_core_view(engine->core, unit, &view)) return NULL;
  rs_unit *owner = rs_engine_unit(engine, view.domain);
  if (owner->runner) return owner->runner;
  if (!rs_core_view(engine->core, view.domain, &domain)) return NULL;
  rs_action as = {.unit = view.domain, .inc = domain.inc};
  as.plan = domain.plan;
  as.row = domain.row;
  rs_runner *runner = rs_runner_take(engine, RS_PLACE_DOMAIN, &as);
  if (!runner) return NULL;
  const rs_plan *plan = rs_plans_get(&engine->plans, domain.plan)->plan;
  uint32_t coroutines, threads;
  rs_plan_domain(plan, domain.row, &coroutines, &threads);
  uint32_t vms = rs_plan_spec_of(plan, domain.row)->vms;
  rs_part_domain(runner, vms + (threads > 0 ? threads + threads / 4 + 1 : 0), vms,
                 coroutines + threads + (coroutines + threads) / 8 + 2);
  rs_engine_unit(engine, view.domain)->runner = runner;
  return runner;
}

static void tell_started(rs_runner *runner, rs_unit *unit, const rs_action *action) {
  unit->told = runner->hello;
  if (!runner->hello) return;
  rs_event event = {.kind = RS_EV_STARTED, .unit = action->unit, .inc = action->inc};
  event.a = (uint32_t)runner->child.pid;
  event.at = rs_base_now();
  rs_engine_put(runner->engine, event);
}

void rs_lua_start(rs_engine *engine, const rs_action *action) {
  const rs_plan *plan = rs_plans_get(&engine->plans, action->plan)->plan;
  uint8_t backend = rs_plan_spec_of(plan, action->row)->backend;
  rs_engine_unit(engine, action->unit)->backend = backend;
  if (backend == RS_CUSTOM) {
    rs_custom_start(engine, action);
    return;
  }
  bool process = backend == RS_PROCESS;
  rs_runner *runner = process ? rs_runner_take(engine, RS_PLACE_PROCESS, action)
                              : domain_of(engine, action->unit);
  if (!runner) {
    char why[256];
    snprintf(why, sizeof why, "no runner can be made for it: %s", strerror(errno));
    fail(engine, action, why);
    return;
  }
  uint32_t vm = backend == RS_COROUTINE ? rs_part_shared(runner, action->a)
                                        : rs_part_own(runner, action->unit);
  uint32_t size;
  const char *text = rs_add_text(engine, action->unit, &size);
  if (vm == RS_NONE || !rs_lua_place(runner, vm, action, text, size)) {
    fail(engine, action, "its fault domain has no room for another worker");
    if (process) rs_runner_kill(runner, RS_NONE, 0);
    return;
  }
  if (process) rs_part_ring_now(runner, vm);
  tell_started(runner, rs_engine_unit(engine, action->unit), action);
}

/* The unit's place, if this incarnation has one. */
static rs_unit *living(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  bool lives = unit->runner && unit->slot != RS_NONE && unit->inc == action->inc;
  return lives ? unit : NULL;
}

static void put_down(rs_unit *unit, uint32_t kind, uint32_t a, uint32_t b) {
  rs_record record = {.kind = kind, .slot = unit->slot, .inc = unit->inc};
  record.at = rs_base_now();
  record.a = a;
  record.b = b;
  rs_part_put(unit->runner, rs_part_book(unit->runner, unit->slot)->vm, &record, NULL);
}

void rs_lua_ask(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = living(engine, action);
  if (!unit) return;
  rs_slot *slot = rs_part_memory(unit->runner, unit->slot);
  if (action->a == 1) rs_handover_ask(engine, action);
  if (action->a == 1) atomic_store(&slot->stopping, RS_STOP_LEAVE);
  else if (atomic_load(&slot->stopping) == RS_STOP_NONE)
    atomic_store(&slot->stopping, RS_STOP_ASKED);
  put_down(unit, RS_DOWN_ASK, action->a, 0);
}

void rs_lua_patch(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = living(engine, action);
  if (!unit) return;
  if (unit->custom) rs_custom_patch(unit, action);
  rs_runner_plan(unit->runner, action->plan);
  put_down(unit, RS_DOWN_PATCH, action->plan, action->row);
}

void rs_lua_interrupt(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = living(engine, action);
  if (!unit || unit->custom) return;
  rs_ctl ctl = {.kind = RS_CTL_INTERRUPT, .a = unit->slot, .b = unit->inc};
  ctl.y = RS_RUNG + RS_RUNG_MORE;
  if (!unit->rung) unit->rung = rs_base_new(sizeof *unit->rung);
  rs_rung_begin(unit->rung, unit->runner, unit->slot);
  put_down(unit, RS_DOWN_END, 0, 0);
  rs_runner_tell(unit->runner, &ctl, NULL, NULL, 0);
}

void rs_lua_kill(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = living(engine, action);
  if (!unit) return;
  if (unit->custom) {
    put_down(unit, RS_DOWN_KILL, 0, 0);
    rs_custom_kill(unit);
  } else {
    rs_runner_kill(unit->runner, action->unit, action->inc);
  }
}

static void on_timer_closed(uv_handle_t *handle) { free(handle); }

static void close_late(uv_timer_t *timer) {
  rs_runner *runner = timer->data;
  rs_runner_kill(runner, RS_NONE, 0);
}

/* A process worker's last word is told once its process is gone, so that there never
** are two of it. It may run what it left to be run at its end, for a while. */
static void close_process(rs_runner *runner, uint32_t vm, rs_event event) {
  rs_record record = {.kind = RS_DOWN_CLOSE, .slot = RS_NONE};
  runner->exit = event;
  rs_part_put(runner, vm, &record, NULL);
  if (runner->closing) return;
  runner->closing = rs_base_new(sizeof *runner->closing);
  runner->closing->data = runner;
  uv_timer_init(&runner->engine->loop, runner->closing);
  uv_update_time(&runner->engine->loop);
  uv_timer_start(runner->closing, close_late, CLOSE_MS, 0);
}

void rs_lua_stop_timer(rs_runner *runner) {
  if (!runner->closing) return;
  uv_close((uv_handle_t *)runner->closing, on_timer_closed);
  runner->closing = NULL;
}

void rs_lua_ended(rs_runner *runner, uint32_t slot, rs_event event) {
  const uint32_t vm = rs_part_book(runner, slot)->vm;
  const rs_vm_book *book = rs_part_vm(runner, vm);
  rs_part_free(runner, slot);
  rs_engine_unit(runner->engine, event.unit)->slot = RS_NONE;
  if (runner->place == RS_PLACE_PROCESS) {
    if (!runner->dead) close_process(runner, vm, event);
    else runner->exit = event;
    return;
  }
  if (book->own) {
    rs_record record = {.kind = RS_DOWN_CLOSE, .slot = RS_NONE};
    rs_part_put(runner, vm, &record, NULL);
  }
  rs_engine_exit(runner->engine, event.unit, event);
}

bool rs_lua_no_vm(rs_runner *runner, uint32_t id, const char *why) {
  rs_engine *engine = runner->engine;
  rs_vm_book *book = rs_part_vm(runner, id);
  if (!book || !book->own || runner->place != RS_PLACE_DOMAIN) return false;
  const rs_unit *unit = rs_engine_unit(engine, book->unit);
  const rs_slot_book *slot = rs_part_book(runner, unit->slot);
  if (unit->runner != runner || !slot || slot->vm != id) return false;
  rs_event exit = {.kind = RS_EV_EXIT, .unit = book->unit, .inc = slot->inc};
  exit.a = RS_WHY_LAUNCH;
  exit.text = rs_texts_put(&engine->texts, why, strlen(why));
  book->ended = true;
  rs_lua_ended(runner, unit->slot, exit);
  return true;
}

static void drop_in(rs_runner *runner, uint32_t plan) {
  rs_record record = {.kind = RS_DOWN_DROP_PLAN, .slot = RS_NONE, .a = plan};
  rs_ctl ctl = {.kind = RS_CTL_DROP_PLAN, .a = plan};
  for (uint32_t p = 0; p < runner->part_count; p++)
    for (uint32_t i = 0; i < runner->part[p]->seg.vms; i++)
      if (runner->part[p]->vm[i].made)
        rs_part_put(runner, p << RS_SEGMENT_SHIFT | i, &record, NULL);
  rs_runner_tell(runner, &ctl, NULL, NULL, 0);
}

void rs_lua_drop_plan(rs_engine *engine, uint32_t plan) {
  for (rs_runner *runner = engine->runners; runner; runner = runner->next) {
    for (uint32_t i = 0; i < runner->plan_count; i++) {
      if (runner->plans[i] != plan) continue;
      runner->plans[i] = runner->plans[--runner->plan_count];
      drop_in(runner, plan);
      break;
    }
  }
}
