#define _GNU_SOURCE
#include <stdlib.h>

#include "../../core/unit.h"
#include "../base/names.h"
#include "../journal/entry.h"
#include "probes.h"

static const rs_plan_probe *row_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_probe *)rs_plan_rows(plan, RS_T_PROBE) + row;
}

static const rs_plan *plan_of(const rs_probes *probes, uint32_t number) {
  const rs_plan_map *map = rs_plans_get(&probes->engine->plans, number);
  return map ? map->plan : NULL;
}

/* The first row whose unit is `unit` or a later one: rows are sorted by it. */
static uint32_t first_row(const rs_plan *plan, uint32_t unit) {
  uint32_t low = 0, high = rs_plan_count(plan, RS_T_PROBE);
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (row_at(plan, middle)->unit < unit) low = middle + 1;
    else high = middle;
  }
  return low;
}

static bool is_of(const rs_plan *plan, uint32_t row, uint32_t unit) {
  return row < rs_plan_count(plan, RS_T_PROBE) && row_at(plan, row)->unit == unit;
}

static uint64_t hash_of(const rs_plan *plan, uint32_t row) {
  return row_at(plan, row)->identity;
}

rs_watched *rs_probes_watched(rs_probes *probes, uint32_t unit) {
  if (unit >= probes->watched_room) {
    uint32_t room = probes->watched_room ? probes->watched_room : 64;
    while (room <= unit) room *= 2;
    probes->watched = rs_base_grow(probes->watched, room * sizeof *probes->watched);
    for (uint32_t i = probes->watched_room; i < room; i++)
      probes->watched[i] = (rs_watched){.first = RS_NONE};
    probes->watched_room = room;
  }
  return &probes->watched[unit];
}

const char *rs_probes_state(const rs_plan *plan, const rs_view *view, size_t *size) {
  if (view->state == RS_NONE) return NULL;
  const rs_plan_state *state = rs_plan_state_of(plan, view->row, view->state);
  const char *name =
    state ? rs_plan_bytes(plan, state->name) : rs_name_state(view->state);
  *size = state ? state->name.len : strlen(name);
  return name;
}

void rs_probes_tell_state(rs_probes *probes, const rs_probe *probe) {
  rs_view view;
  size_t size = 0;
  if (probe->kind != RS_P_PROBE) return;
  if (!rs_core_view(probes->engine->core, probe->unit, &view)) return;
  const char *name = rs_probes_state(plan_of(probes, view.plan), &view, &size);
  rs_record record = {.kind = RS_DOWN_STATE, .a = view.ready};
  record.size = (uint32_t)(size < RS_TEXT_MAX ? size : RS_TEXT_MAX);
  rs_probes_put(probes, probe, record, name);
}

static rs_probe *add(rs_probes *probes, uint32_t unit, uint32_t inc) {
  uint32_t index = probes->free;
  if (index != RS_NONE) probes->free = probes->at[index].next;
  else index = probes->count++;
  if (index >= probes->room) {
    probes->room = probes->room ? probes->room * 2 : 16;
    probes->at = rs_base_grow(probes->at, probes->room * sizeof *probes->at);
  }
  rs_watched *watched = rs_probes_watched(probes, unit);
  rs_probe *probe = &probes->at[index];
  *probe =
    (rs_probe){.unit = unit, .inc = inc, .slot = RS_NONE, .next = watched->first};
  watched->first = index;
  probes->living++;
  return probe;
}

void rs_probes_free(rs_probes *probes, rs_probe *probe) {
  rs_bytes_free(&probe->detail);
  if (probe->lines) probes->line_readers--;
  if (probe->backlog) {
    for (uint32_t i = 0; i < RS_BACKLOG; i++) rs_bytes_free(&probe->backlog->entry[i]);
    free(probe->backlog);
    probes->activities--;
  }
  *probe = (rs_probe){.unit = RS_NONE, .slot = RS_NONE, .next = probes->free};
  probes->free = (uint32_t)(probe - probes->at);
  probes->living--;
}

/* It is to end; it is gone once the runner has said so. */
static void end(rs_probes *probes, uint32_t *link) {
  rs_probe *probe = &probes->at[*link];
  rs_record record = {.kind = RS_DOWN_ASK};
  *link = probe->next;
  probe->ending = true;
  if (probe->slot == RS_NONE) rs_probes_free(probes, probe);
  else rs_probes_put(probes, probe, record, NULL);
}

/* Whether a unit in this life has such a one. */
static bool wanted(uint8_t kind, const rs_view *view) {
  if (kind == RS_P_ACTIVITY) return true;
  if (view->life == RS_LIFE_STARTING) return true;
  return kind == RS_P_PROBE && view->life == RS_LIFE_UP;
}

static bool has(const rs_probes *probes, const rs_watched *watched, uint32_t row) {
  for (uint32_t i = watched->first; i != RS_NONE; i = probes->at[i].next)
    if (probes->at[i].row == row) return true;
  return false;
}

/* The row of `view`'s unit that says the same as the probe and that no other has. */
static uint32_t same_row(const rs_probes *probes, const rs_watched *watched,
                         const rs_probe *probe, const rs_view *view) {
  const rs_plan *plan = plan_of(probes, view->plan);
  for (uint32_t row = first_row(plan, view->row); is_of(plan, row, view->row); row++) {
    bool taken = false;
    for (uint32_t i = watched->first; i != RS_NONE && !taken; i = probes->at[i].next)
      taken = probes->at[i].plan == view->plan && probes->at[i].row == row;
    if (!taken && row_at(plan, row)->kind == probe->kind &&
        hash_of(plan, row) == probe->hash)
      return row;
  }
  return RS_NONE;
}

/* Its unit is described anew: what is the same goes on, the others end. */
static void adopt(rs_probes *probes, rs_watched *watched, const rs_view *view) {
  for (uint32_t *link = &watched->first; *link != RS_NONE;) {
    rs_probe *probe = &probes->at[*link];
    uint32_t row = same_row(probes, watched, probe, view);
    if (row == RS_NONE) {
      end(probes, link);
      continue;
    }
    probe->plan = view->plan;
    probe->row = row;
    rs_record record = {.kind = RS_DOWN_PATCH, .a = probe->plan, .b = row};
    if (probe->slot != RS_NONE) rs_runner_plan(probes->runner, probe->plan);
    rs_probes_put(probes, probe, record, NULL);
    link = &probes->at[*link].next;
  }
  watched->plan = view->plan;
  watched->row = view->row;
}

static void make(rs_probes *probes, uint32_t unit, const rs_view *view) {
  const rs_plan *plan = plan_of(probes, view->plan);
  for (uint32_t row = first_row(plan, view->row); is_of(plan, row, view->row); row++) {
    uint8_t kind = (uint8_t)row_at(plan, row)->kind;
    if (!wanted(kind, view) || has(probes, rs_probes_watched(probes, unit), row))
      continue;
    rs_probe *probe = add(probes, unit, kind == RS_P_ACTIVITY ? 0 : view->inc);
    probe->plan = view->plan;
    probe->row = row;
    probe->kind = kind;
    probe->hash = hash_of(plan, row);
    rs_ref name = row_at(plan, row)->name;
    snprintf(probe->name, sizeof probe->name, "%.*s", (int)name.len,
             rs_plan_bytes(plan, name));
    /* What a command writes at its start may come before its probe can ask for it. */
    probe->lines = kind == RS_P_READY;
    probes->line_readers += probe->lines;
    if (kind == RS_P_ACTIVITY) {
      probe->backlog = rs_base_new(sizeof *probe->backlog);
      probes->activities++;
    }
    rs_probes_place(probes, probe);
  }
}

static void tell_states(rs_probes *probes, rs_watched *watched, const rs_view *view) {
  bool same = watched->state == view->state && watched->ready == view->ready;
  watched->state = view->state;
  watched->ready = view->ready;
  for (uint32_t i = watched->first; i != RS_NONE; i = probes->at[i].next) {
    if (!same) rs_probes_tell_state(probes, &probes->at[i]);
    if (probes->at[i].backlog) rs_probes_feed(probes, &probes->at[i]);
  }
}

static void settle(rs_probes *probes, uint32_t unit) {
  rs_watched *watched = rs_probes_watched(probes, unit);
  rs_view view;
  watched->dirty = false;
  bool known = rs_core_view(probes->engine->core, unit, &view) &&
               plan_of(probes, view.plan) != NULL;
  for (uint32_t *link = &watched->first; *link != RS_NONE;) {
    const rs_probe *probe = &probes->at[*link];
    bool present = probe->kind == RS_P_ACTIVITY || (known && probe->inc == view.inc);
    if (!known || !present || !wanted(probe->kind, &view)) end(probes, link);
    else link = &probes->at[*link].next;
  }
  if (!known) {
    *watched = (rs_watched){.first = RS_NONE};
    return;
  }
  if (watched->plan != view.plan || watched->row != view.row)
    adopt(probes, watched, &view);
  make(probes, unit, &view);
  tell_states(probes, rs_probes_watched(probes, unit), &view);
}

static void mark(rs_probes *probes, uint32_t unit) {
  rs_watched *watched = rs_probes_watched(probes, unit);
  if (watched->dirty) return;
  watched->dirty = true;
  if (probes->dirty_count == probes->dirty_room) {
    probes->dirty_room = probes->dirty_room ? probes->dirty_room * 2 : 64;
    probes->dirty =
      rs_base_grow(probes->dirty, probes->dirty_room * sizeof *probes->dirty);
  }
  probes->dirty[probes->dirty_count++] = unit;
}

static rs_probes *new_probes(rs_engine *engine) {
  rs_probes *probes = rs_base_new(sizeof *probes);
  probes->engine = engine;
  probes->free = RS_NONE;
  probes->retry.data = probes->stall.data = probes;
  uv_timer_init(&engine->loop, &probes->retry);
  uv_timer_init(&engine->loop, &probes->stall);
  return probes;
}

void rs_probes_apply(rs_engine *engine, uint32_t plan) {
  const rs_plan *bytes = rs_plans_get(&engine->plans, plan)->plan;
  bool any = rs_plan_count(bytes, RS_T_PROBE) > 0;
  if (any && !engine->probes) engine->probes = new_probes(engine);
  if (engine->probes) engine->probes->any = any;
  /* At once: an on_activity hears of its units' first start, too. */
  for (uint32_t i = 0; any && i < rs_core_units(engine->core); i++)
    settle(engine->probes, i);
}

/* Units whose journal is brief are heard of here alone. */
void rs_probes_event(rs_engine *engine, const rs_event *event) {
  rs_probes *probes = engine->probes;
  if (!probes || event->kind > RS_EV_EXIT || event->unit == RS_NONE) return;
  if (!probes->any && probes->living == 0) return;
  mark(probes, event->unit);
}

void rs_probes_notice(rs_engine *engine, const rs_action *action) {
  rs_probes *probes = engine->probes;
  bool entry = action->kind == RS_DO_JOURNAL;
  uint32_t unit = entry ? action->entry.unit : action->unit;
  if (!probes || unit == RS_NONE || (!probes->any && probes->living == 0)) return;
  if (action->kind == RS_DO_DROP_PLAN || action->kind == RS_DO_END) return;
  mark(probes, unit);
}

void rs_probes_flush(rs_engine *engine) {
  rs_probes *probes = engine->probes;
  if (!probes || engine->ended) return;
  for (uint32_t i = 0; i < probes->dirty_count; i++) settle(probes, probes->dirty[i]);
  probes->dirty_count = 0;
  if (probes->living > 0) rs_probes_run(probes);
  else if (!probes->any && probes->runner) rs_runner_kill(probes->runner, RS_NONE, 0);
}

/* Those of the supervisor get it; it is sent at the turn's end. */
static void mark_if_fed(rs_probes *probes, uint32_t unit, const char *line,
                        size_t size) {
  for (uint32_t i = rs_probes_watched(probes, unit)->first; i != RS_NONE;
       i = probes->at[i].next) {
    if (!probes->at[i].backlog) continue;
    rs_probes_keep(probes->at[i].backlog, line, size);
    mark(probes, unit);
  }
}

void rs_probes_entry(rs_engine *engine, uint32_t unit, const char *line, size_t size) {
  rs_probes *probes = engine->probes;
  rs_view view;
  if (!probes || probes->activities == 0 || unit == RS_NONE) return;
  unit = rs_entry_above(engine, unit);
  while (unit != RS_NONE && rs_core_view(engine->core, unit, &view)) {
    mark_if_fed(probes, unit, line, size);
    unit = view.parent;
  }
}
