/* view.c -- what others may know of a unit. */
#include <string.h>

#include "diff.h"
#include "order.h"
#include "tree.h"

static uint32_t health_of(const rs_unit *u) {
  if (u->flags & RS_F_DONE) return RS_COMPLETED;
  if (u->flags & (RS_F_FAILED | RS_F_GIVEUP)) return RS_FAILED;
  if (u->life >= RS_LIFE_INTERRUPTED) return RS_LINGERING;
  if (u->life == RS_LIFE_DOWN && (u->flags & RS_F_HELD)) return RS_STOPPED;
  return u->life <= RS_LIFE_STARTING ? RS_WAITING : RS_HEALTHY;
}

static uint32_t waits_for(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  bool wanted = rs_tree_wanted(core, u);
  if (u->life == RS_LIFE_DOWN) return wanted ? rs_order_start_waits(core, id) : RS_NONE;
  if (u->kind == RS_SUPERVISOR && u->life == RS_LIFE_ASKED) {
    uint32_t at = u->last;
    while (at != RS_NONE && rs_unit_of(core, at)->life == RS_LIFE_DOWN)
      at = rs_unit_of(core, at)->prev;
    return at;
  }
  if (u->kind == RS_SUPERVISOR && u->life == RS_LIFE_STARTING && wanted) {
    uint32_t at = u->first;
    while (at != RS_NONE && !(rs_unit_of(core, at)->counted & (1u << RS_N_UNREADY)))
      at = rs_unit_of(core, at)->next;
    return at;
  }
  bool stops = !wanted && u->life < RS_LIFE_ASKED;
  return stops ? rs_order_stop_waits(core, id) : RS_NONE;
}

static uint32_t state_of(const rs_unit *u) {
  bool down = u->life == RS_LIFE_DOWN;
  if (u->kind == RS_SUPERVISOR) return RS_NONE;
  if (rs_is_lua(u)) return down ? RS_NONE : u->state; /* it may have been another's */
  if (u->state != RS_NONE) return u->state;
  return down ? RS_STATE_STOPPED : RS_STATE_STARTING;
}

bool rs_core_view(const rs_core *core, uint32_t unit, rs_view *view) {
  if (unit >= core->count || rs_unit_of(core, unit)->kind == 0) return false;
  const rs_unit *u = rs_unit_of(core, unit);
  *view = (rs_view){
    .unit = unit,
    .parent = u->parent,
    .plan = core->plans[u->plan].number,
    .row = u->row,
    .inc = u->inc,
    .ran = u->inc - (u->life == RS_LIFE_DOWN && u->inc > 0),
    .restarts = u->restarts,
    .life = u->life,
    .state = state_of(u),
    .health = health_of(u),
    .ready = u->ready_at != RS_NEVER,
    .domain = u->domain,
    .vm = u->vm,
    .waits_for = waits_for(core, unit),
    .since = rs_late_real(&core->late, u->since),
    .until = rs_late_real(&core->late, rs_due_when(&core->due, unit)),
    .cause = u->cause,
  };
  return true;
}

bool rs_core_intensity(const rs_core *core, uint32_t unit, bool own,
                       rs_intensity *out) {
  if (unit >= core->count || rs_unit_of(core, unit)->kind == 0) return false;
  const rs_unit *u = rs_unit_of(core, unit);
  const rs_quota *quota = NULL;
  if (own && u->own != RS_NONE) quota = &core->quotas[u->own];
  if (!own && u->kind == RS_SUPERVISOR) quota = &rs_boss_of(core, u)->quota;
  if (!quota || quota->max == RS_NONE) return false;
  *out = (rs_intensity){.max = quota->max, .within = quota->within};
  out->used = rs_quota_used(quota, core->real, &out->until);
  return true;
}

uint32_t rs_core_units(const rs_core *core) { return core->count; }

static bool is_unit(const rs_core *core, uint32_t id) {
  return id < core->count && rs_unit_of(core, id)->kind != 0;
}

uint32_t rs_core_child(const rs_core *core, uint32_t unit) {
  return is_unit(core, unit) ? rs_unit_of(core, unit)->first : RS_NONE;
}

uint32_t rs_core_next(const rs_core *core, uint32_t unit) {
  return is_unit(core, unit) ? rs_unit_of(core, unit)->next : RS_NONE;
}

size_t rs_core_path(const rs_core *core, uint32_t unit, char *path, size_t size) {
  if (size > 0) path[0] = 0;
  if (!is_unit(core, unit)) return 0;
  size_t len = 0;
  for (uint32_t at = unit; at != RS_NONE; at = rs_unit_of(core, at)->parent)
    len += rs_unit_of(core, at)->name_len + 1u;
  size_t end = --len;
  if (size > 0) path[len < size ? len : size - 1] = 0;
  for (uint32_t at = unit; at != RS_NONE; at = rs_unit_of(core, at)->parent) {
    const rs_unit *u = rs_unit_of(core, at);
    end -= u->name_len;
    for (size_t i = 0; i < u->name_len && end + i + 1 < size; i++)
      path[end + i] = u->name[i];
    if (end > 0 && --end + 1 < size) path[end] = '/';
  }
  return len;
}

uint32_t rs_core_find(const rs_core *core, const char *path, size_t len) {
  uint32_t parent = RS_NONE;
  for (size_t from = 0; from <= len;) {
    const char *slash = memchr(path + from, '/', len - from);
    size_t end = slash ? (size_t)(slash - path) : len;
    uint32_t id = rs_diff_find(core, parent, path + from, end - from);
    if (id == RS_NONE) return RS_NONE;
    parent = id;
    from = end + 1;
  }
  return parent;
}
