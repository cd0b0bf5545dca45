/* order.c -- starts wait for what comes before, stops for what comes after. */
#include "order.h"

#include "tree.h"

enum { PASSED_OVER = RS_F_HELD | RS_F_FAILED | RS_F_REMOVE };

static bool is_ordered(const rs_core *core, uint32_t supervisor) {
  const rs_plan_spec *spec = rs_spec_of(core, rs_unit_of(core, supervisor));
  return (spec->flags & RS_ORDERED) || spec->strategy == RS_REST_FOR_ONE;
}

/* True if `other` is that row of the unit's plan, or will be once it is down. */
static bool is_row(const rs_core *core, const rs_unit *u, const rs_unit *other,
                   uint32_t row) {
  if (other->plan == u->plan && other->row == row) return true;
  bool moves = (other->flags & RS_F_MOVED) && u->plan == core->plan;
  return moves && other->next_row == row;
}

/* The sibling that is a row; RS_NONE: none. */
static uint32_t sibling(const rs_core *core, const rs_unit *u, uint32_t row) {
  uint32_t id = core->plans[u->plan].ids[row];
  if (id == RS_NONE || id >= core->count) return RS_NONE;
  const rs_unit *other = rs_unit_of(core, id);
  if (other->kind == 0 || other->parent != u->parent) return RS_NONE;
  return is_row(core, u, other, row) ? id : RS_NONE;
}

/* Whom it is after: the row's part of RS_T_AFTER. Pool units have their template's. */
static const uint32_t *afters_of(const rs_core *core, const rs_unit *u,
                                 uint32_t *count) {
  const rs_plan_unit *row = rs_row_of(core, u);
  *count = row->after_count;
  return rs_plan_after_at(rs_plan_of(core, u), row->after_at);
}

/* Who is after a unit: rows of its plan; for a pool's template whoever goes by it. */
typedef struct rs_dependents {
  uint32_t next, end; /* places in the plan's `afters` */
  uint32_t pool, at;  /* the template being gone through, its next sibling; RS_NONE */
} rs_dependents;

static rs_dependents dependents_of(const rs_core *core, const rs_unit *u) {
  const rs_used *used = &core->plans[u->plan];
  rs_dependents list = {.pool = RS_NONE, .at = RS_NONE};
  if (!used->after_at || (u->flags & RS_F_ADDED)) return list;
  list.next = used->after_at[u->row];
  list.end = used->after_at[u->row + 1];
  return list;
}

/* The next one; RS_NONE after the last. A pool's come from the end, where stops begin.
** */
static uint32_t next_dependent(const rs_core *core, const rs_unit *u,
                               rs_dependents *list) {
  const rs_used *used = &core->plans[u->plan];
  for (;;) {
    while (list->at != RS_NONE) {
      uint32_t id = list->at;
      const rs_unit *other = rs_unit_of(core, id);
      list->at = other->prev;
      if ((other->flags & RS_F_ADDED) && is_row(core, u, other, list->pool)) return id;
    }
    if (list->next == list->end) return RS_NONE;
    uint32_t row = used->afters[list->next++];
    uint32_t spec = rs_plan_unit_at(used->plan, row)->spec;
    if (rs_plan_spec_at(used->plan, spec)->flags & RS_TEMPLATE) {
      list->pool = row;
      list->at = rs_unit_of(core, u->parent)->last;
      continue;
    }
    uint32_t id = sibling(core, u, row);
    if (id != RS_NONE) return id;
  }
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

uint32_t rs_order_stop_waits(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE || core->kill_all) return RS_NONE;
  if (rs_unit_of(core, u->parent)->flags & RS_F_DOOM) return RS_NONE;
  if (is_ordered(core, u->parent)) {
    uint32_t last = last_to_go(core, u->parent);
    return last == id ? RS_NONE : last; /* `after` agrees with the list there */
  }
  rs_dependents list = dependents_of(core, u);
  uint32_t other = next_dependent(core, u, &list);
  while (other != RS_NONE && !goes_down(core, other))
    other = next_dependent(core, u, &list);
  return other;
}

void rs_order_passed(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE) return;
  rs_dependents list = dependents_of(core, u);
  for (uint32_t other; (other = next_dependent(core, u, &list)) != RS_NONE;)
    rs_mark(core, other);
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
  rs_boss_of(core, u)->tail = u->last;
}
