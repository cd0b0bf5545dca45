/* store.c -- the core's memory, its line of units to settle, and its outbox. */
#include "store.h"

void rs_mark(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->flags & RS_F_DIRTY) return;
  u->flags |= RS_F_DIRTY;
  u->dirty = RS_NONE;
  if (core->dirty_first == RS_NONE) core->dirty_first = id;
  else rs_unit_of(core, core->dirty_last)->dirty = id;
  core->dirty_last = id;
}

void *rs_grow(rs_core *core, void *items, uint32_t *room, uint32_t need, size_t each) {
  if (need <= *room) return items;
  uint32_t to = *room < 8 ? 8 : *room;
  while (to < need) to += to / 2;
  items = core->memory.resize(core->memory.ctx, items, *room * each, to * each);
  *room = to;
  return items;
}

void rs_give_back(rs_core *core, void *bytes, size_t size) {
  if (bytes) core->memory.resize(core->memory.ctx, bytes, size, 0);
}

void rs_quota_free(rs_core *core, const rs_quota *quota) {
  rs_give_back(core, quota->at, rs_quota_room(quota->max) * sizeof *quota->at);
}

void rs_widen(rs_core *core) {
  uint32_t room = core->out_room > 0 ? core->out_room * 2 : RS_OUT_MIN;
  size_t each = sizeof *core->out;
  rs_action *out = core->memory.resize(core->memory.ctx, NULL, 0, room * each);
  for (uint32_t i = 0; i < core->out_count; i++)
    out[i] = core->out[(core->out_at + i) & (core->out_room - 1)];
  rs_give_back(core, core->out, core->out_room * each);
  core->out = out;
  core->out_room = room;
  core->out_at = 0;
}

rs_action *rs_do(rs_core *core, uint32_t kind, uint32_t id) {
  if (core->out_count == core->out_room) rs_widen(core);
  uint32_t at = (core->out_at + core->out_count++) & (core->out_room - 1);
  rs_action *action = &core->out[at];
  *action = (rs_action){.kind = kind, .unit = id};
  if (id == RS_NONE) return action;
  const rs_unit *u = rs_unit_of(core, id);
  action->inc = u->inc;
  action->plan = core->plans[u->plan].number;
  action->row = u->row;
  return action;
}

/* What 'brief' keeps. */
static bool kept(uint32_t kind) {
  return kind == RS_J_VIOLATION || kind == RS_J_EXITED || kind == RS_J_KILLED ||
         kind == RS_J_RESTART || kind == RS_J_COLLATERAL || kind == RS_J_ESCALATED;
}

rs_entry *rs_tell(rs_core *core, uint32_t kind, uint32_t id, uint64_t cause) {
  const rs_unit *u = id == RS_NONE ? NULL : rs_unit_of(core, id);
  rs_action *action = &core->nowhere;
  uint64_t seq = cause;
  if (!u || !(u->flags & RS_F_BRIEF) || kept(kind)) {
    action = rs_do(core, RS_DO_JOURNAL, id);
    seq = ++core->seq;
  }
  action->entry = (rs_entry){.seq = seq, .cause = cause, .mono = core->real};
  action->entry.kind = kind;
  action->entry.unit = id;
  action->entry.inc = u ? u->inc : 0;
  action->entry.other = RS_NONE;
  return &action->entry;
}

void rs_wake(rs_core *core, uint32_t id, rs_time at) {
  rs_due_set(&core->due, id, at < core->now ? core->now : at);
}
