/* order.c -- starts wait for what comes before, stops for what comes after. */
#include "order.h"

#include "tree.h"

enum { PASSED_OVER = RS_F_HELD | RS_F_FAILED | RS_F_REMOVE };

static bool is_ordered(const rs_core *core, uint32_t supervisor) {
  const rs_plan_spec *spec = rs_spec_of(core, rs_unit_of(core, supervisor));
  return (spec->flags & RS_ORDERED) || spec->strategy == RS_REST_FOR_ONE;
}

/* The sibling that a row of its plan is, or will be once it is down; RS_NONE: none. */
static uint32_t sibling(const rs_core *core, const rs_unit *u, uint32_t row) {
  uint32_t id = core->plans[u->plan].ids[row];
  if (id == RS_NONE || id >= core->count) return RS_NONE;
  const rs_unit *other = rs_unit_of(core, id);
  if (other->kind == 0 || other->parent != u->parent) return RS_NONE;
  if (other->plan == u->plan && other->row == row) return id;
  bool moves = (other->flags & RS_F_MOVED) && u->plan == core->plan;
  return moves && other->next_row == row ? id : RS_NONE;
}

/* Whom it is after: the row's part of RS_T_AFTER. Pool units have their template's. */
static const uint32_t *afters_of(const rs_core *core, const rs_unit *u,
                                 uint32_t *count) {
  const rs_plan_unit *row = rs_row_of(core, u);
  *count = row->after_count;
  return rs_plan_after_at(rs_plan_of(core, u), row->after_at);
}

static uint32_t ordered_start_waits(const rs_core *core, const rs_unit *u) {
  for (uint32_t at = u->prev; at != RS_NONE;) {
    const rs_unit *before = rs_unit_of(core, at);
    if (!(before->flags & PASSED_OVER)) return rs_tree_passable(before) ? RS_NONE : at;
    at = before->prev;
  }
  return RS_NONE;
}

uint32_t rs_order_start_waits(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE) return RS_NONE;
  const rs_unit *parent = rs_unit_of(core, u->parent);
  const rs_boss *boss = rs_boss_of(core, parent);
  if (boss->counts[RS_N_GROUP] > 0 || boss->release > 0) return u->parent;

  uint32_t count;
  const uint32_t *rows = afters_of(core, u, &count);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t other = sibling(core, u, rows[i]);
    if (other != RS_NONE && !rs_tree_passable(rs_unit_of(core, other))) return other;
  }
  return is_ordered(core, u->parent) ? ordered_start_waits(core, u) : RS_NONE;
}

static bool goes_down(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  return u->life != RS_LIFE_DOWN && !rs_tree_wanted(core, u);
}

/* The last child on its way down; the hint moves there, so that a wave is linear. */
static uint32_t last_to_go(const rs_core *core, uint32_t supervisor) {
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, supervisor));
  while (boss->tail != RS_NONE && !goes_down(core, boss->tail))
    boss->tail = rs_unit_of(core, boss->tail)->prev;
  return boss->tail;
}

/* The row is the template of the pool beside the unit. */
static bool is_pool(const rs_core *core, const rs_unit *u, uint32_t row) {
  return u->plan == core->plan &&
         rs_boss_of(core, rs_unit_of(core, u->parent))->pool == row;
}

/* The last of its pool's units on its way down; a hint as above. */
static uint32_t pool_to_go(const rs_core *core, uint32_t supervisor) {
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, supervisor));
  uint32_t at = boss->pool_tail;
  while (at != RS_NONE &&
         !((rs_unit_of(core, at)->flags & RS_F_ADDED) && goes_down(core, at)))
    at = rs_unit_of(core, at)->prev;
  return boss->pool_tail = at;
}

uint32_t rs_order_stop_waits(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE || core->kill_all) return RS_NONE;
  if (rs_unit_of(core, u->parent)->flags & RS_F_DOOM) return RS_NONE;
  if (is_ordered(core, u->parent)) {
    uint32_t last = last_to_go(core, u->parent);
    return last == id ? RS_NONE : last; /* `after` agrees with the list there */
  }
  const rs_used *used = &core->plans[u->plan];
  if (!used->after_at || (u->flags & RS_F_ADDED)) return RS_NONE;
  for (uint32_t i = used->after_at[u->row]; i < used->after_at[u->row + 1]; i++) {
    uint32_t row = used->afters[i], other = sibling(core, u, row);
    if (is_pool(core, u, row)) other = pool_to_go(core, u->parent);
    if (other != RS_NONE && goes_down(core, other)) return other;
  }
  return RS_NONE;
}

static void mark_pool(rs_core *core, uint32_t supervisor) {
  for (uint32_t at = rs_unit_of(core, supervisor)->first; at != RS_NONE;
       at = rs_unit_of(core, at)->next)
    if (rs_unit_of(core, at)->flags & RS_F_ADDED) rs_mark(core, at);
}

void rs_order_passed(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE) return;
  const rs_used *used = &core->plans[u->plan];
  if (used->after_at && !(u->flags & RS_F_ADDED)) {
    for (uint32_t i = used->after_at[u->row]; i < used->after_at[u->row + 1]; i++) {
      uint32_t row = used->afters[i], other = sibling(core, u, row);
      if (other != RS_NONE) rs_mark(core, other);
      if (is_pool(core, u, row)) mark_pool(core, u->parent);
    }
  }
  if (!is_ordered(core, u->parent)) return;
  uint32_t at = u->next;
  while (at != RS_NONE && (rs_unit_of(core, at)->flags & PASSED_OVER))
    at = rs_unit_of(core, at)->next;
  if (at != RS_NONE) rs_mark(core, at);
}

void rs_order_down(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE) return;
  uint32_t count;
  const uint32_t *rows = afters_of(core, u, &count);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t other = sibling(core, u, rows[i]);
    if (other != RS_NONE) rs_mark(core, other);
  }
  if (!is_ordered(core, u->parent)) return;
  uint32_t last = last_to_go(core, u->parent);
  if (last != RS_NONE) rs_mark(core, last);
}

void rs_order_wave(rs_core *core, uint32_t supervisor) {
  const rs_unit *u = rs_unit_of(core, supervisor);
  rs_boss *boss = rs_boss_of(core, u);
  boss->tail = boss->pool_tail = u->last;
}
