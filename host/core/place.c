/* place.c -- one unit's coming, moving from plan to plan, and going. */
#include <string.h>

#include "diff.h"
#include "order.h"
#include "tree.h"
#include "vms.h"
#include "watch.h"

uint32_t rs_diff_find(const rs_core *core, uint32_t parent, const char *name,
                      size_t len) {
  uint32_t hash = rs_index_hash(parent, name, len), at = hash, id;
  while ((id = rs_index_next(&core->index, hash, &at)) != RS_NONE) {
    const rs_unit *u = rs_unit_of(core, id);
    if (u->parent == parent && u->name_len == len && memcmp(u->name, name, len) == 0)
      return id;
  }
  return RS_NONE;
}

void rs_diff_room(rs_core *core, uint32_t more) {
  uint32_t need = core->count + more;
  if (need > core->room && more > core->room / 2) {
    size_t each = sizeof *core->units;
    core->units = core->memory.resize(core->memory.ctx, core->units, core->room * each,
                                      need * each);
    core->room = need;
  }
  core->units = rs_grow(core, core->units, &core->room, need, sizeof *core->units);
  rs_due_room(&core->due, core->room, core->watch_room, &core->memory);
  rs_index_room(&core->index, core->room, &core->memory);
}

static uint32_t take_id(rs_core *core) {
  uint32_t id = core->free_first;
  if (id == RS_NONE) {
    rs_assert(core->count < core->room);
    return core->count++;
  }
  core->free_first = rs_unit_of(core, id)->next;
  if (core->free_first == RS_NONE) core->free_last = RS_NONE;
  return id;
}

static uint32_t take_boss(rs_core *core) {
  uint32_t at = core->boss_free;
  if (at == RS_NONE) {
    core->bosses = rs_grow(core, core->bosses, &core->boss_room, core->boss_count + 1,
                           sizeof *core->bosses);
    at = core->boss_count++;
  } else {
    core->boss_free = core->bosses[at].pool;
  }
  core->bosses[at] = (rs_boss){.tail = RS_NONE, .pool = RS_NONE, .placed = RS_NONE};
  core->bosses[at].pool_tail = RS_NONE;
  return at;
}

static uint32_t take_quota(rs_core *core) {
  uint32_t at = core->quota_free;
  if (at == RS_NONE) {
    core->quotas = rs_grow(core, core->quotas, &core->quota_room, core->quota_count + 1,
                           sizeof *core->quotas);
    at = core->quota_count++;
  } else {
    core->quota_free = core->quotas[at].next;
  }
  core->quotas[at] = (rs_quota){.max = 0};
  return at;
}

static void set_quota(rs_core *core, rs_quota *quota, uint32_t max, rs_time within) {
  quota->within = within;
  if (max == quota->max) return;
  rs_quota old = *quota;
  size_t size = rs_quota_room(max) * sizeof *quota->at;
  *quota = (rs_quota){.max = max, .within = within};
  if (size > 0) quota->at = core->memory.resize(core->memory.ctx, NULL, 0, size);
  rs_quota_copy(quota, &old);
  rs_quota_free(core, &old);
}

static void drop_own(rs_core *core, rs_unit *u) {
  if (u->own == RS_NONE) return;
  rs_quota *own = &core->quotas[u->own];
  rs_quota_free(core, own);
  *own = (rs_quota){.next = core->quota_free};
  core->quota_free = u->own;
  u->own = RS_NONE;
}

static void place_boss(rs_core *core, uint32_t id, const rs_plan_spec *spec) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->boss == RS_NONE) u->boss = take_boss(core);
  rs_boss *boss = rs_boss_of(core, u);
  set_quota(core, &boss->quota, spec->max, spec->within);
  bool isolates = u->parent == RS_NONE || (spec->flags & RS_ISOLATE);
  u->domain = isolates ? id : rs_unit_of(core, u->parent)->domain;
  if (isolates) rs_vms_make(core, id, spec->vms > 0 ? spec->vms : 1);
}

/* True for a worker whose VM is its own and has a stall limit. */
static bool is_watched(const rs_plan_spec *spec) {
  bool alone = spec->backend == RS_THREAD || spec->backend == RS_PROCESS;
  return alone && spec->stall != RS_NEVER;
}

void rs_diff_reserve(rs_core *core, uint32_t id, uint32_t row) {
  rs_unit *u = rs_unit_of(core, id);
  const rs_plan *plan = core->plans[core->plan].plan;
  const rs_plan_spec *spec = rs_plan_spec_at(plan, rs_plan_unit_at(plan, row)->spec);
  if (is_watched(spec)) rs_vms_own(core, id, true);
  if (spec->own_max == RS_NONE) return;
  if (u->own == RS_NONE) u->own = take_quota(core);
  set_quota(core, &core->quotas[u->own], spec->own_max, spec->own_within);
}

static void place_leaf(rs_core *core, uint32_t id, const rs_plan_spec *spec) {
  rs_unit *u = rs_unit_of(core, id);
  uint32_t domain = rs_unit_of(core, u->parent)->domain;
  const rs_boss *boss = rs_boss_of(core, rs_unit_of(core, domain));
  bool moves = u->domain != domain || u->backend != spec->backend || u->vm >= boss->vms;
  u->domain = domain;
  if (spec->backend == RS_COROUTINE && moves) u->vm = rs_vms_pick(core, domain);
  u->backend = spec->backend;
  rs_vms_own(core, id, is_watched(spec));
}

/* One unit fewer lives by the plan. */
static void leave(rs_core *core, uint32_t plan) {
  rs_used *used = &core->plans[plan];
  if (--used->units == 0 && plan != core->plan) core->drops = true;
}

void rs_diff_place(rs_core *core, uint32_t id, uint32_t row) {
  rs_unit *u = rs_unit_of(core, id);
  uint32_t old = u->plan;
  core->plans[core->plan].units++;
  u->plan = core->plan;
  u->row = row;
  if (old != RS_NONE) leave(core, old);
  const rs_plan_unit *unit = rs_row_of(core, u);
  const rs_plan_spec *spec = rs_spec_of(core, u);
  if (!(u->flags & RS_F_ADDED)) {
    core->plans[core->plan].ids[row] = id;
    u->name = rs_plan_bytes(rs_plan_of(core, u), unit->name);
    u->name_len = (uint16_t)unit->name.len;
  }
  u->kind = spec->kind;
  u->flags &= ~(uint32_t)(RS_F_MOVED | RS_F_BRIEF);
  if (u->parent != RS_NONE) {
    const rs_unit *parent = rs_unit_of(core, u->parent);
    bool brief =
      (rs_spec_of(core, parent)->flags & RS_BRIEF) || (parent->flags & RS_F_BRIEF);
    if (brief) u->flags |= RS_F_BRIEF;
  }
  rs_diff_reserve(core, id, row);
  if (spec->own_max == RS_NONE) drop_own(core, u);
  if (u->kind == RS_SUPERVISOR) place_boss(core, id, spec);
  else place_leaf(core, id, spec);
}

void rs_diff_link(rs_core *core, uint32_t parent, uint32_t id) {
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, parent));
  rs_tree_insert(core, parent, boss->placed, id);
  boss->placed = id;
}

uint32_t rs_diff_new(rs_core *core, uint32_t parent, uint32_t row, char *name,
                     uint32_t name_len) {
  uint32_t id = take_id(core);
  rs_unit *u = rs_unit_of(core, id);
  *u = (rs_unit){.name = name, .name_len = (uint16_t)name_len, .wait = core->now};
  u->parent = u->first = u->last = u->next = u->prev = RS_NONE;
  u->plan = u->next_row = u->state = u->edge = u->domain = u->watch = RS_NONE;
  u->boss = u->own = RS_NONE;
  u->launch_by = u->stop_by = u->begun = u->ready_at = RS_NEVER;
  u->since = core->now;
  u->flags = name ? RS_F_ADDED : 0;
  if (name) rs_tree_insert(core, parent, rs_unit_of(core, parent)->last, id);
  else if (parent != RS_NONE) rs_diff_link(core, parent, id);
  rs_diff_place(core, id, row);
  u->flags |= RS_F_SEEN;
  rs_index_put(&core->index, rs_index_hash(u->parent, u->name, u->name_len), id);
  rs_tree_tally(core, id);
  return id;
}

void rs_diff_adopt(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_diff_place(core, id, u->next_row);
  u->next_row = RS_NONE;
  rs_do(core, RS_DO_PATCH, id);
  rs_tree_tally(core, id);
  rs_order_down(core, id); /* by its new row, too, stops may have waited for it */
}

void rs_diff_signal(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_SIGNAL)) return;
  u->flags &= ~(uint32_t)RS_F_SIGNAL;
  rs_do(core, RS_DO_SIGNAL, id);
}

void rs_diff_patched(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags &= ~(uint32_t)RS_F_PATCHED;
  rs_do(core, RS_DO_PATCH, id);
  if (u->life == RS_LIFE_UP) rs_diff_signal(core, id);
  rs_tree_tally(core, id);
}

void rs_diff_drop(rs_core *core) {
  core->drops = false;
  for (uint32_t i = 0; i < core->plan_count; i++) {
    rs_used *used = &core->plans[i];
    if (i == core->plan || used->units > 0 || !used->plan) continue;
    uint32_t rows = rs_plan_count(used->plan, RS_T_UNIT);
    uint32_t afters = rs_plan_count(used->plan, RS_T_AFTER);
    rs_give_back(core, used->ids, rows * sizeof *used->ids);
    rs_give_back(core, used->after_at, (rows + 1) * sizeof *used->after_at);
    rs_give_back(core, used->afters, afters * sizeof *used->afters);
    rs_do(core, RS_DO_DROP_PLAN, RS_NONE)->a = used->number;
    *used = (rs_used){.plan = NULL};
  }
}

void rs_diff_gone(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_assert(u->life == RS_LIFE_DOWN && u->first == RS_NONE && u->parent != RS_NONE);
  rs_do(core, RS_DO_GONE, id)->a = (u->flags & RS_F_DONE) != 0;
  rs_wake(core, id, RS_NEVER);
  rs_tree_tally(core, id);
  rs_assert(u->counted == 0 && !(u->flags & RS_F_DIRTY));
  uint32_t heir = u->next_row;
  if (heir == RS_NONE || (u->flags & RS_F_MOVED)) {
    rs_index_drop(&core->index, rs_index_hash(u->parent, u->name, u->name_len), id);
  } else {
    rs_unit_of(core, heir)->flags &= ~(uint32_t)RS_F_BLOCKED;
    rs_mark(core, heir);
  }
  rs_vms_free(core, id);
  drop_own(core, u);
  if (u->boss != RS_NONE) {
    rs_boss *boss = rs_boss_of(core, u);
    rs_quota_free(core, &boss->quota);
    *boss = (rs_boss){.pool = core->boss_free};
    core->boss_free = u->boss;
  }
  if (u->flags & RS_F_ADDED)
    rs_give_back(core, (char *)(uintptr_t)u->name, u->name_len);
  else if (core->plans[u->plan].ids[u->row] == id)
    core->plans[u->plan].ids[u->row] = RS_NONE;
  rs_mark(core, u->parent);
  rs_tree_unlink(core, id);
  leave(core, u->plan);
  *u = (rs_unit){.next = RS_NONE};
  if (core->free_last == RS_NONE) core->free_first = id;
  else rs_unit_of(core, core->free_last)->next = id;
  core->free_last = id;
}
