/* check_tree.c -- units: one tree in pre-order, names that differ, `after` without
** cycles. There is no heap here, so the last two use a table on the stack, in several
** passes. */
#include <string.h>

#include "check.h"

enum {
  SCRATCH = 1 << 17,  /* words: 512 KiB */
  FILL = SCRATCH / 4, /* names a pass, about */
  PROBES = 4096       /* who collides more often than this does it on purpose */
};

static const rs_plan_spec *spec_of(const rs_plan *plan, uint32_t row) {
  return rs_plan_spec_at(plan, rs_plan_unit_at(plan, row)->spec);
}

/* True if `parent` is the row before or one above it: rows are in pre-order. */
static bool is_above(const rs_plan *plan, uint32_t row, uint32_t parent) {
  for (uint32_t at = row - 1; at != RS_NONE; at = rs_plan_unit_at(plan, at)->parent)
    if (at == parent) return true;
  return false;
}

static bool check_after(rs_check *check, const rs_plan_unit *unit) {
  if (!rs_check_part(check, unit->after_at, unit->after_count, RS_T_AFTER))
    return false;
  const uint32_t *rows = rs_plan_after_at(check->plan, unit->after_at);
  const rs_plan_spec *parent = spec_of(check->plan, unit->parent);
  bool ordered = (parent->flags & RS_ORDERED) || parent->strategy == RS_REST_FOR_ONE;
  for (uint32_t i = 0; i < unit->after_count; i++) {
    if (!rs_check_index(check, rows[i], RS_T_UNIT, false)) return false;
    const rs_plan_unit *other = rs_plan_unit_at(check->plan, rows[i]);
    bool sibling = other->parent == unit->parent && rows[i] != check->row &&
                   !(spec_of(check->plan, rows[i])->flags & RS_TEMPLATE);
    if (!rs_check_that(check, sibling, "after one that is no sibling") ||
        !rs_check_that(check, !ordered || rows[i] < check->row,
                       "after one that an ordered supervisor starts later"))
      return false;
  }
  return true;
}

/* What every row must have before any row is looked at by way of another. */
static bool check_unit(rs_check *check, const rs_plan_unit *unit) {
  return rs_check_index(check, unit->spec, RS_T_SPEC, false) &&
         rs_check_ref(check, unit->name) && rs_check_ref(check, unit->args) &&
         rs_check_ref(check, unit->file) &&
         rs_check_that(check, (check->row == 0) == (unit->parent == RS_NONE),
                       "not one root") &&
         rs_check_that(check, check->row == 0 || unit->parent < check->row,
                       "before its parent");
}

static bool check_place(rs_check *check, const rs_plan_unit *unit) {
  const rs_plan *plan = check->plan;
  const rs_plan_spec *spec = spec_of(plan, check->row);
  bool template = spec->flags & RS_TEMPLATE, boss = spec->kind == RS_SUPERVISOR;
  uint32_t next = check->row + 1;
  bool children = next < rs_plan_count(plan, RS_T_UNIT) &&
                  rs_plan_unit_at(plan, next)->parent == check->row;
  bool named = rs_name_ok(rs_plan_bytes(plan, unit->name), unit->name.len);
  if (!rs_check_that(check, template || named, "not a name") ||
      !rs_check_that(check, boss == children, "children of none, or none of its own"))
    return false;
  if (check->row == 0)
    return rs_check_that(check, boss, "a root that is no supervisor") &&
           rs_check_that(check, unit->after_count == 0, "a root after one");
  const rs_plan_spec *parent = spec_of(plan, unit->parent);
  return rs_check_that(check, parent->kind == RS_SUPERVISOR, "below no supervisor") &&
         rs_check_that(check, is_above(plan, check->row, unit->parent),
                       "not in pre-order") &&
         rs_check_that(check, !template || (parent->flags & RS_POOL),
                       "a template in no pool") &&
         check_after(check, unit);
}

bool rs_check_units(rs_check *check) {
  const rs_plan *plan = check->plan;
  uint32_t count = rs_plan_count(plan, RS_T_UNIT), pools = 0, templates = 0;
  check->table = "unit";
  check->row = 0;
  if (!rs_check_that(check, count >= 1 && count <= RS_UNITS_MAX, "none, or too many"))
    return false;
  uint32_t afters = 0;
  for (; check->row < count; check->row++) {
    const rs_plan_unit *unit = rs_plan_unit_at(plan, check->row);
    bool in_line = unit->after_count == 0 || unit->after_at == afters;
    if (!check_unit(check, unit) ||
        !rs_check_that(check, in_line, "shared `after` rows"))
      return false;
    afters += unit->after_count; /* checked below, row by row, to be in their table */
    if (!rs_check_part(check, 0, afters, RS_T_AFTER)) return false;
  }
  for (check->row = 0; check->row < count; check->row++) {
    if (!check_place(check, rs_plan_unit_at(plan, check->row))) return false;
    uint32_t flags = spec_of(plan, check->row)->flags;
    pools += (flags & RS_POOL) != 0;
    templates += (flags & RS_TEMPLATE) != 0;
  }
  return rs_check_that(check, pools == templates, "a pool without a template");
}

/* A unit's name; a template's is the empty one, so that a pool has at most one. */
static rs_ref name_of(const rs_plan *plan, uint32_t row) {
  bool template = spec_of(plan, row)->flags & RS_TEMPLATE;
  return template ? (rs_ref){0, 0} : rs_plan_unit_at(plan, row)->name;
}

static bool same_name(const rs_plan *plan, uint32_t a, uint32_t b) {
  rs_ref x = name_of(plan, a), y = name_of(plan, b);
  if (rs_plan_unit_at(plan, a)->parent != rs_plan_unit_at(plan, b)->parent)
    return false;
  if (x.len != y.len) return false;
  return x.len == 0 ||
         memcmp(rs_plan_bytes(plan, x), rs_plan_bytes(plan, y), x.len) == 0;
}

static bool enter_name(rs_check *check, uint32_t *scratch, uint64_t hash) {
  uint32_t at = (uint32_t)hash;
  for (uint32_t probes = 0; probes < PROBES; probes++, at++) {
    uint32_t *cell = &scratch[at & (SCRATCH - 1)];
    if (*cell == RS_NONE) {
      *cell = check->row;
      return true;
    }
    bool differ = !same_name(check->plan, *cell, check->row);
    if (!rs_check_that(check, differ, "a sibling has its name")) return false;
  }
  return rs_check_that(check, false, "names that were chosen to collide");
}

bool rs_check_names(rs_check *check) {
  uint32_t scratch[SCRATCH];
  const rs_plan *plan = check->plan;
  uint32_t count = rs_plan_count(plan, RS_T_UNIT), passes = count / FILL + 1;
  for (uint32_t pass = 0; pass < passes; pass++) {
    memset(scratch, 0xff, sizeof scratch);
    for (check->row = 0; check->row < count; check->row++) {
      rs_ref name = name_of(plan, check->row);
      uint64_t parent = rs_plan_unit_at(plan, check->row)->parent;
      uint64_t hash = rs_hash(rs_plan_bytes(plan, name), name.len, parent);
      if ((hash >> 32) % passes != pass) continue;
      if (!enter_name(check, scratch, hash)) return false;
    }
  }
  return true;
}

/* True if all that it is after can be started before it. */
static bool can_start(const rs_plan *plan, const uint32_t *done, uint32_t row) {
  const rs_plan_unit *unit = rs_plan_unit_at(plan, row);
  const uint32_t *rows = rs_plan_after_at(plan, unit->after_at);
  for (uint32_t i = 0; i < unit->after_count; i++)
    if (!(done[rows[i] / 32] >> rows[i] % 32 & 1)) return false;
  return true;
}

/* Starts all in turns, forth and back: a turn without a start is a cycle. */
bool rs_check_cycles(rs_check *check) {
  const rs_plan *plan = check->plan;
  uint32_t count = rs_plan_count(plan, RS_T_UNIT), left = count;
  if (rs_plan_count(plan, RS_T_AFTER) == 0) return true;
  uint32_t done[RS_UNITS_MAX / 32 + 1] = {0};
  for (uint32_t turn = 0; left > 0; turn++) {
    uint32_t before = left;
    for (uint32_t i = 0; i < count; i++) {
      check->row = turn % 2 == 0 ? i : count - 1 - i;
      uint32_t bit = 1u << check->row % 32, *word = &done[check->row / 32];
      if ((*word & bit) || !can_start(plan, done, check->row)) continue;
      *word |= bit;
      left--;
    }
    if (!rs_check_that(check, left < before, "after itself, by way of others"))
      return false;
  }
  return true;
}
