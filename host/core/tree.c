/* tree.c -- links and counts. */
#include "tree.h"

enum {
  NOT_UP =
    RS_F_HELD | RS_F_DONE | RS_F_FAILED | RS_F_CYCLE | RS_F_REMOVE | RS_F_BLOCKED,
  CLOSING = NOT_UP | RS_F_GIVEUP | RS_F_FINISH
};

void rs_tree_insert(rs_core *core, uint32_t parent, uint32_t after, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id), *p = rs_unit_of(core, parent);
  u->parent = parent;
  u->prev = after;
  u->next = after == RS_NONE ? p->first : rs_unit_of(core, after)->next;
  if (after == RS_NONE) p->first = id;
  else rs_unit_of(core, after)->next = id;
  if (u->next == RS_NONE) p->last = id;
  else rs_unit_of(core, u->next)->prev = id;
}

void rs_tree_unlink(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id), *p = rs_unit_of(core, u->parent);
  rs_boss *boss = rs_boss_of(core, p);
  if (boss->tail == id) boss->tail = u->prev;
  if (boss->pool_tail == id) boss->pool_tail = u->prev;
  if (u->prev == RS_NONE) p->first = u->next;
  else rs_unit_of(core, u->prev)->next = u->next;
  if (u->next == RS_NONE) p->last = u->prev;
  else rs_unit_of(core, u->next)->prev = u->prev;
  u->next = u->prev = RS_NONE;
}

uint32_t rs_tree_below(const rs_core *core, uint32_t top, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (u->first != RS_NONE) return u->first;
  while (id != top) {
    u = rs_unit_of(core, id);
    if (u->next != RS_NONE) return u->next;
    id = u->parent;
  }
  return RS_NONE;
}

bool rs_tree_wanted(const rs_core *core, const rs_unit *u) {
  if (core->stopping || (u->flags & NOT_UP)) return false;
  while (u->parent != RS_NONE) {
    u = rs_unit_of(core, u->parent);
    if (u->flags & CLOSING) return false;
    if (u->life != RS_LIFE_STARTING && u->life != RS_LIFE_UP) return false;
  }
  return true;
}

bool rs_tree_passable(const rs_unit *u) {
  if (u->flags & (RS_F_CYCLE | RS_F_LOST | RS_F_GIVEUP | RS_F_FINISH)) return false;
  if (u->flags & RS_F_DONE) return true;
  /* Its state may still be a ready one while it is on its way down. */
  bool stays = u->life == RS_LIFE_UP && !(u->flags & RS_F_HELD);
  return stays && u->ready_at != RS_NEVER;
}

static uint32_t bits_of(const rs_core *core, const rs_unit *u) {
  uint32_t live = u->life != RS_LIFE_DOWN, bits = live << RS_N_LIVE;
  if (live && (u->flags & RS_F_GROUP)) bits |= 1u << RS_N_GROUP;
  if (u->flags & RS_F_REMOVE) return bits;
  if (!(u->flags & RS_F_DONE)) bits |= 1u << RS_N_OPEN;
  if (!rs_tree_passable(u)) bits |= 1u << RS_N_UNREADY;
  if (!(u->flags & (RS_F_DONE | RS_F_FAILED)) &&
      (rs_spec_of(core, u)->flags & RS_SIGNIFICANT))
    bits |= 1u << RS_N_SIGNIFICANT;
  return bits;
}

void rs_tree_tally(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->parent == RS_NONE) return;
  uint32_t bits = bits_of(core, u), changed = bits ^ u->counted;
  if (changed == 0) return;

  u->counted = (uint8_t)bits;
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, u->parent));
  for (uint32_t i = 0; i < RS_N_COUNT; i++) {
    if (!(changed >> i & 1)) continue;
    boss->counts[i] += bits >> i & 1 ? 1u : UINT32_MAX;
    if (boss->counts[i] > 0) continue;
    rs_mark(core, u->parent);
    if (i == RS_N_GROUP) boss->release = 2;
  }
}

void rs_tree_mark(rs_core *core, uint32_t id, bool reverse) {
  const rs_unit *u = rs_unit_of(core, id);
  uint32_t at = reverse ? u->last : u->first;
  while (at != RS_NONE) {
    rs_mark(core, at);
    const rs_unit *child = rs_unit_of(core, at);
    at = reverse ? child->prev : child->next;
  }
}
