/* compare.c -- the difference as rs_core_apply would find it, told and not made. */
#include "compare.h"

#include <string.h>

#include "diff.h"

/* A plan that is not the core's, beside the units. */
typedef struct rs_beside {
  const rs_core *core;
  const rs_plan *plan;
  rs_change_row *rows;
  uint32_t count;
} rs_beside;

static const rs_plan_spec *spec_at(const rs_plan *plan, uint32_t row) {
  return rs_plan_spec_at(plan, rs_plan_unit_at(plan, row)->spec);
}

bool rs_compare_bytes(const rs_plan *a, rs_ref x, const rs_plan *b, rs_ref y) {
  return x.len == y.len && memcmp(rs_plan_bytes(a, x), rs_plan_bytes(b, y), x.len) == 0;
}

/* The same bytes in any order: the encoding of a table has its keys in another order in
** each process. Whether a unit has changed is told by its identity; this, where. */
static bool same_mix(const rs_plan *a, rs_ref x, const rs_plan *b, rs_ref y) {
  uint32_t balance[256] = {0};
  const unsigned char *from = (const unsigned char *)rs_plan_bytes(a, x);
  const unsigned char *to = (const unsigned char *)rs_plan_bytes(b, y);
  if (x.len != y.len) return false;
  for (uint32_t i = 0; i < x.len; i++) {
    balance[from[i]]++;
    balance[to[i]]--;
  }
  for (int i = 0; i < 256; i++)
    if (balance[i] != 0) return false;
  return true;
}

/* The unit that a row is about; RS_NONE. Each row's parent was found before. */
static uint32_t unit_of(const rs_beside *beside, uint32_t row) {
  const rs_plan_unit *unit = rs_plan_unit_at(beside->plan, row);
  const rs_plan_spec *spec = rs_plan_spec_at(beside->plan, unit->spec);
  if (unit->parent == RS_NONE) return beside->core->root;
  uint32_t parent = beside->rows[unit->parent].unit;
  if (parent == RS_NONE || (spec->flags & RS_TEMPLATE)) return RS_NONE;
  if (beside->rows[unit->parent].what == RS_CHANGE_START) return RS_NONE;
  return rs_diff_find(beside->core, parent, rs_plan_bytes(beside->plan, unit->name),
                      unit->name.len);
}

static bool same_state(const rs_plan *a, const rs_plan_state *x, const rs_plan *b,
                       const rs_plan_state *y, bool times) {
  if (x->edge_count != y->edge_count || x->ends != y->ends) return false;
  bool same = x->timeout == y->timeout && x->heartbeat == y->heartbeat &&
              x->every == y->every && x->ready == y->ready;
  if (times && !same) return false;
  for (uint32_t i = 0; i < x->edge_count; i++) {
    const rs_plan_edge *from = rs_plan_edge_at(a, x->edge_at + i);
    const rs_plan_edge *to = rs_plan_edge_at(b, y->edge_at + i);
    if (from->to != to->to || (times && from->timeout != to->timeout)) return false;
  }
  return true;
}

/* The same lifecycle; with `times` in all its limits too. */
static bool same_life(const rs_plan *a, uint32_t x, const rs_plan *b, uint32_t y,
                      bool times) {
  if (x == RS_NONE || y == RS_NONE) return x == y;
  const rs_plan_life *from = rs_plan_life_at(a, x), *to = rs_plan_life_at(b, y);
  if (from->state_count != to->state_count) return false;
  for (uint32_t i = 0; i < from->state_count; i++)
    if (!same_state(a, rs_plan_state_at(a, from->state_at + i), b,
                    rs_plan_state_at(b, to->state_at + i), times))
      return false;
  return true;
}

static uint64_t version_of(const rs_plan *plan, const rs_plan_spec *spec) {
  if (spec->run_module == RS_NONE) return 0;
  const char *first = (const char *)plan + plan->tables[RS_T_MODULE].at;
  return ((const rs_plan_module *)(const void *)first)[spec->run_module].version;
}

/* What of a changed unit's description it is. */
static uint32_t differs(const rs_core *core, const rs_unit *u, const rs_plan *plan,
                        uint32_t row) {
  const rs_plan *old = rs_plan_of(core, u);
  const rs_plan_spec *was = rs_spec_of(core, u), *is = spec_at(plan, row);
  uint32_t why = 0;
  if (was->backend != is->backend) why |= RS_DIFFERS_BACKEND;
  rs_ref args = rs_plan_unit_at(plan, row)->args;
  if (!same_mix(old, rs_row_of(core, u)->args, plan, args)) why |= RS_DIFFERS_ARGS;
  if (!same_mix(old, was->run, plan, is->run) ||
      version_of(old, was) != version_of(plan, is))
    why |= RS_DIFFERS_CODE;
  if (!same_life(old, was->life, plan, is->life, false)) why |= RS_DIFFERS_LIFE;
  if (was->exec != RS_NONE || is->exec != RS_NONE)
    why |= rs_compare_exec(old, was->exec, plan, is->exec);
  return why ? why : RS_DIFFERS_OTHER;
}

/* It would live elsewhere. */
static bool moves(const rs_beside *beside, const rs_unit *u, uint32_t row) {
  if (!rs_is_guest(u) || u->life == RS_LIFE_DOWN) return false;
  while (row != 0) {
    row = rs_plan_unit_at(beside->plan, row)->parent;
    if (spec_at(beside->plan, row)->flags & RS_ISOLATE) break;
  }
  if (beside->rows[row].unit != u->domain) return true;
  return u->backend == RS_COROUTINE && u->vm >= spec_at(beside->plan, row)->vms;
}

/* The same names, in the same order. */
static bool same_after(const rs_core *core, const rs_unit *u, const rs_plan *plan,
                       uint32_t row) {
  const rs_plan *old = rs_plan_of(core, u);
  const rs_plan_unit *was = rs_row_of(core, u), *is = rs_plan_unit_at(plan, row);
  if (was->after_count != is->after_count) return false;
  const uint32_t *from = rs_plan_after_at(old, was->after_at);
  const uint32_t *to = rs_plan_after_at(plan, is->after_at);
  for (uint32_t i = 0; i < is->after_count; i++)
    if (!rs_compare_bytes(old, rs_plan_unit_at(old, from[i])->name, plan,
                          rs_plan_unit_at(plan, to[i])->name))
      return false;
  return true;
}

/* All numbers of a spec that are rules, and not references into a plan. */
static bool same_rules(const rs_plan_spec *a, const rs_plan_spec *b) {
  return a->restart == b->restart && a->strategy == b->strategy &&
         a->auto_shutdown == b->auto_shutdown && a->flags == b->flags &&
         a->vms == b->vms && a->max == b->max && a->own_max == b->own_max &&
         a->within == b->within && a->own_within == b->own_within &&
         a->backoff_first == b->backoff_first && a->backoff_max == b->backoff_max &&
         a->backoff_reset == b->backoff_reset &&
         !(a->backoff_factor < b->backoff_factor) &&
         !(a->backoff_factor > b->backoff_factor) &&
         !(a->backoff_jitter < b->backoff_jitter) &&
         !(a->backoff_jitter > b->backoff_jitter) && a->shutdown == b->shutdown &&
         a->launch == b->launch && a->stall == b->stall && a->heartbeat == b->heartbeat;
}

static void judge(const rs_beside *beside, rs_change_row *out) {
  const rs_core *core = beside->core;
  const rs_unit *u = rs_unit_of(core, out->unit);
  const rs_plan *old = rs_plan_of(core, u), *plan = beside->plan;
  const rs_plan_spec *was = rs_spec_of(core, u), *is = spec_at(plan, out->row);
  uint64_t identity = rs_plan_unit_at(plan, out->row)->identity;
  bool boss = u->kind == RS_SUPERVISOR;
  bool changed = rs_row_of(core, u)->identity != identity;
  if (!boss)
    changed = changed || was->kind != is->kind || was->backend != is->backend ||
              !same_life(old, was->life, plan, is->life, false);
  out->what = RS_CHANGE_RESTART;
  if (changed) out->why = differs(core, u, plan, out->row);
  else if (!boss && moves(beside, u, out->row)) out->why = RS_DIFFERS_PLACE;
  if (out->why || (u->flags & (RS_F_MOVED | RS_F_REMOVE))) return;
  out->what = RS_CHANGE_PATCH;
  if (!same_rules(was, is) || !same_life(old, was->life, plan, is->life, true))
    out->why |= RS_DIFFERS_RULES;
  if (!same_after(core, u, plan, out->row)) out->why |= RS_DIFFERS_AFTER;
  out->why |= rs_compare_rules(core, out->unit, plan, out->row);
  if (!out->why) out->what = RS_CHANGE_KEEP;
}

/* The plan's rows; `seen` units are marked in the second half of the array, whose rest
** serves by_order. */
static void by_rows(rs_beside *beside, rs_change_row *seen) {
  uint32_t count = rs_plan_count(beside->plan, RS_T_UNIT);
  for (uint32_t row = 0; row < count; row++) {
    rs_change_row *out = &beside->rows[row];
    *out = (rs_change_row){.what = RS_CHANGE_START, .unit = RS_NONE, .row = row};
    uint32_t id = unit_of(beside, row);
    if (id == RS_NONE) continue;
    const rs_unit *u = rs_unit_of(beside->core, id);
    bool boss = spec_at(beside->plan, row)->kind == RS_SUPERVISOR;
    if ((u->kind == RS_SUPERVISOR) != boss || (u->flags & RS_F_ADDED)) {
      out->why = RS_DIFFERS_KIND;
      continue;
    }
    out->unit = id;
    seen[id].what = 1;
    judge(beside, out);
  }
  beside->count = count;
}

/* Where two that stay have changed places, their supervisor's row says so. Rows are in
** pre-order in either plan. */
static void by_order(rs_beside *beside, rs_change_row *last) {
  const rs_core *core = beside->core;
  uint32_t count = rs_plan_count(beside->plan, RS_T_UNIT);
  for (uint32_t row = 0; row < count; row++) last[row].row = 0;
  for (uint32_t row = 1; row < count; row++) {
    const rs_change_row *child = &beside->rows[row];
    uint32_t parent = rs_plan_unit_at(beside->plan, row)->parent;
    rs_change_row *above = &beside->rows[parent];
    if (child->unit == RS_NONE || above->unit == RS_NONE) continue;
    const rs_unit *u = rs_unit_of(core, child->unit);
    if (u->plan != core->plan) continue; /* it is on its way to another row */
    if (u->row < last[parent].row) {
      above->why |= RS_DIFFERS_ORDER;
      if (above->what == RS_CHANGE_KEEP) above->what = RS_CHANGE_PATCH;
    }
    last[parent].row = u->row;
  }
}

/* The template that a pool's unit goes by; RS_NONE. */
static uint32_t template_of(const rs_beside *beside, const rs_unit *u) {
  uint32_t count = rs_plan_count(beside->plan, RS_T_UNIT);
  if (!(u->flags & RS_F_ADDED)) return RS_NONE;
  for (uint32_t row = 1; row < count; row++)
    if ((spec_at(beside->plan, row)->flags & RS_TEMPLATE) &&
        beside->rows[rs_plan_unit_at(beside->plan, row)->parent].unit == u->parent)
      return row;
  return RS_NONE;
}

/* Units that no row is about: pools' units go by their templates, others go. */
static void by_units(rs_beside *beside, const rs_change_row *seen) {
  const rs_core *core = beside->core;
  for (uint32_t id = 0; id < core->count; id++) {
    const rs_unit *u = rs_unit_of(core, id);
    if (u->kind == 0 || seen[id].what || (u->flags & RS_F_REMOVE)) continue;
    rs_change_row *out = &beside->rows[beside->count++];
    *out = (rs_change_row){.what = RS_CHANGE_STOP, .unit = id};
    out->row = template_of(beside, u);
    if (out->row != RS_NONE) judge(beside, out);
  }
}

/* Templates are no units: their rows go. */
static uint32_t tidy(rs_beside *beside) {
  uint32_t kept = 0, count = rs_plan_count(beside->plan, RS_T_UNIT);
  for (uint32_t i = 0; i < beside->count; i++) {
    rs_change_row row = beside->rows[i];
    if (i < count && (spec_at(beside->plan, row.row)->flags & RS_TEMPLATE)) continue;
    beside->rows[kept++] = row;
  }
  return kept;
}

uint32_t rs_core_compare(const rs_core *core, const rs_plan *plan,
                         rs_change_row *rows) {
  rs_beside beside = {.core = core, .plan = plan, .rows = rows};
  rs_change_row *seen = rows + rs_plan_count(plan, RS_T_UNIT) + core->count;
  for (uint32_t id = 0; id < core->count; id++) seen[id].what = 0;
  if (core->root == RS_NONE) return 0;
  by_rows(&beside, seen);
  by_order(&beside, seen + core->count);
  by_units(&beside, seen);
  return tidy(&beside);
}
