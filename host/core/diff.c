/* diff.c -- makes a plan the one that holds. */
#include "diff.h"

#include <string.h>

#include "order.h"
#include "strategy.h"
#include "tree.h"
#include "vms.h"
#include "watch.h"

typedef struct rs_news {
  uint32_t added, removed, changed, unchanged;
  uint64_t cause; /* the reload's entry */
} rs_news;

static const rs_plan_spec *spec_at(const rs_plan *plan, uint32_t row) {
  return rs_plan_spec_at(plan, rs_plan_unit_at(plan, row)->spec);
}

/* Which rows are after each row: counted, summed up, filled in. */
static void turn_afters(rs_core *core, rs_used *used) {
  uint32_t rows = rs_plan_count(used->plan, RS_T_UNIT);
  uint32_t afters = rs_plan_count(used->plan, RS_T_AFTER);
  if (afters == 0) return;
  const rs_memory *m = &core->memory;
  size_t each = sizeof(uint32_t);
  uint32_t *at = m->resize(m->ctx, NULL, 0, (rows + 1) * each);
  uint32_t *to = m->resize(m->ctx, NULL, 0, afters * each);
  memset(at, 0, (rows + 1) * each);
  for (uint32_t row = 0; row < rows; row++) {
    const rs_plan_unit *u = rs_plan_unit_at(used->plan, row);
    const uint32_t *from = rs_plan_after_at(used->plan, u->after_at);
    for (uint32_t i = 0; i < u->after_count; i++) at[from[i]]++;
  }
  for (uint32_t row = 0, sum = 0; row <= rows; row++) {
    sum += at[row];
    at[row] = sum; /* the end of its part; filling moves it to the begin */
  }
  for (uint32_t row = rows; row-- > 0;) {
    const rs_plan_unit *u = rs_plan_unit_at(used->plan, row);
    const uint32_t *from = rs_plan_after_at(used->plan, u->after_at);
    for (uint32_t i = 0; i < u->after_count; i++) to[--at[from[i]]] = row;
  }
  used->after_at = at;
  used->afters = to;
}

/* Enters the plan among those in use; finds who is in it already. Returns who is not.
** */
static uint32_t match(rs_core *core, const rs_plan *plan, uint32_t number) {
  uint32_t at = 0, rows = rs_plan_count(plan, RS_T_UNIT), fresh = 0;
  while (at < core->plan_count && core->plans[at].plan) at++;
  if (at == core->plan_count) {
    core->plans = rs_grow(core, core->plans, &core->plan_room, ++core->plan_count,
                          sizeof *core->plans);
  }
  rs_used *used = &core->plans[at];
  *used = (rs_used){.plan = plan, .number = number};
  used->ids = core->memory.resize(core->memory.ctx, NULL, 0, rows * sizeof *used->ids);
  turn_afters(core, used);
  for (uint32_t row = 0; row < rows; row++) {
    const rs_plan_unit *unit = rs_plan_unit_at(plan, row);
    const rs_plan_spec *spec = rs_plan_spec_at(plan, unit->spec);
    uint32_t parent = unit->parent == RS_NONE ? RS_NONE : used->ids[unit->parent];
    uint32_t id = RS_NONE;
    if (unit->parent == RS_NONE) id = core->root;
    else if (parent != RS_NONE && !(spec->flags & RS_TEMPLATE))
      id = rs_diff_find(core, parent, rs_plan_bytes(plan, unit->name), unit->name.len);
    if (id != RS_NONE) {
      const rs_unit *u = rs_unit_of(core, id);
      bool boss = u->kind == RS_SUPERVISOR;
      if (boss != (spec->kind == RS_SUPERVISOR) || (u->flags & RS_F_ADDED))
        id = RS_NONE;
    }
    used->ids[row] = id;
    if (id == RS_NONE) fresh++;
  }
  core->plan = at;
  return fresh;
}

static bool same_edges(const rs_plan *a, const rs_plan *b, const rs_plan_state *x,
                       const rs_plan_state *y) {
  if (x->edge_count != y->edge_count || x->ends != y->ends) return false;
  for (uint32_t i = 0; i < x->edge_count; i++)
    if (rs_plan_edge_at(a, x->edge_at + i)->to !=
        rs_plan_edge_at(b, y->edge_at + i)->to)
      return false;
  return true;
}

/* True if a worker of the one lifecycle can live on by the other, where only times
** differ. */
static bool same_life(const rs_plan *a, uint32_t x, const rs_plan *b, uint32_t y) {
  if (x == RS_NONE || y == RS_NONE) return x == y;
  const rs_plan_life *from = rs_plan_life_at(a, x), *to = rs_plan_life_at(b, y);
  if (from->state_count != to->state_count) return false;
  for (uint32_t i = 0; i < from->state_count; i++)
    if (!same_edges(a, b, rs_plan_state_at(a, from->state_at + i),
                    rs_plan_state_at(b, to->state_at + i)))
      return false;
  return true;
}

/* True if the unit cannot live on by that row. */
static bool is_changed(const rs_core *core, const rs_unit *u, uint32_t row) {
  const rs_plan *old = rs_plan_of(core, u), *plan = core->plans[core->plan].plan;
  const rs_plan_spec *was = rs_spec_of(core, u), *is = spec_at(plan, row);
  if (rs_row_of(core, u)->identity != rs_plan_unit_at(plan, row)->identity) return true;
  if (u->kind == RS_SUPERVISOR) return false;
  if (was->kind != is->kind || was->backend != is->backend) return true;
  if (!same_life(old, was->life, plan, is->life)) return true;
  if (!rs_is_guest(u) || u->life == RS_LIFE_DOWN) return false;
  uint32_t domain = rs_unit_of(core, u->parent)->domain;
  if (u->domain != domain) return true;
  const rs_boss *boss = rs_boss_of(core, rs_unit_of(core, domain));
  return u->backend == RS_COROUTINE && u->vm >= boss->vms;
}

/* One that completed begins anew where something below it is new or other. */
static void revive(rs_core *core, uint32_t id) {
  for (; id != RS_NONE; id = rs_unit_of(core, id)->parent) {
    rs_unit *u = rs_unit_of(core, id);
    if (!(u->flags & RS_F_DONE)) continue;
    u->flags &= ~(uint32_t)RS_F_DONE;
    rs_tree_tally(core, id);
    rs_mark(core, id);
  }
}

static void add(rs_core *core, uint32_t row, rs_news *news) {
  rs_used *used = &core->plans[core->plan];
  const rs_plan_unit *unit = rs_plan_unit_at(used->plan, row);
  uint32_t parent = unit->parent == RS_NONE ? RS_NONE : used->ids[unit->parent];
  const char *name = rs_plan_bytes(used->plan, unit->name);
  uint32_t old = RS_NONE;
  if (parent != RS_NONE) old = rs_diff_find(core, parent, name, unit->name.len);
  if (old != RS_NONE) {
    const rs_unit *u = rs_unit_of(core, old);
    uint32_t hash = rs_index_hash(parent, u->name, u->name_len);
    rs_index_drop(&core->index, hash, old);
  }
  uint32_t id = rs_diff_new(core, parent, row, NULL, 0);
  rs_unit *u = rs_unit_of(core, id);
  u->cause = news->cause;
  news->added++;
  if (old != RS_NONE) {
    if (!(rs_unit_of(core, old)->flags & RS_F_REMOVE)) news->removed++;
    rs_unit_of(core, old)->next_row = id;
    rs_unit_of(core, old)->flags &= ~(uint32_t)RS_F_MOVED;
    rs_unit_of(core, old)->flags |= RS_F_REMOVE;
    rs_tree_tally(core, old);
    rs_mark(core, old);
    u->flags |= RS_F_BLOCKED;
  }
  if (parent == RS_NONE) core->root = id;
  else if (rs_unit_of(core, parent)->life == RS_LIFE_DOWN) revive(core, parent);
}

/* It is to go down and live by another row afterwards. */
static void change(rs_core *core, uint32_t id, uint32_t row, const rs_news *news) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->life != RS_LIFE_DOWN) {
    u->flags |= RS_F_CYCLE | RS_F_AGAIN;
    u->again = RS_R_RELOAD;
  } else {
    rs_strategy_hasten(core, id); /* what made it wait is changed */
    u->tries = 0;
  }
  u->flags &= ~(uint32_t)(RS_F_REMOVE | RS_F_DONE | RS_F_FAILED);
  u->cause = news->cause;
  if (u->parent != RS_NONE && rs_unit_of(core, u->parent)->life == RS_LIFE_DOWN)
    revive(core, u->parent);
  if (u->kind == RS_SUPERVISOR) {
    rs_diff_place(core, id, row);
    u->flags |= RS_F_PATCHED;
  } else {
    u->flags |= RS_F_MOVED;
    u->next_row = row;
    rs_diff_reserve(core, id, row);
  }
}

/* The limits of the state that a worker is in, where the plan before had others. */
static void retime_state(rs_core *core, rs_unit *u, const rs_plan *old,
                         const rs_plan_spec *was) {
  const rs_plan *plan = rs_plan_of(core, u);
  const rs_plan_spec *spec = rs_spec_of(core, u);
  if (u->state == RS_NONE || spec->life == RS_NONE) return;
  uint32_t from = rs_plan_life_at(old, was->life)->state_at + u->state;
  uint32_t to = rs_plan_life_at(plan, spec->life)->state_at + u->state;
  const rs_plan_state *x = rs_plan_state_at(old, from);
  const rs_plan_state *y = rs_plan_state_at(plan, to);
  if (x->heartbeat != y->heartbeat) u->beat = core->now;
  if (x->timeout != y->timeout) u->entered = core->now;
  if (u->edge != RS_NONE && rs_plan_edge_at(old, x->edge_at + u->edge)->timeout !=
                              rs_plan_edge_at(plan, y->edge_at + u->edge)->timeout)
    u->begun = core->now;
}

/* What passed under another limit is not held against it: a limit that the plan before
** had not counts from now on. */
static void retime(rs_core *core, uint32_t id, const rs_plan *old,
                   const rs_plan_spec *was) {
  rs_unit *u = rs_unit_of(core, id);
  const rs_plan_spec *spec = rs_spec_of(core, u);
  if (u->life == RS_LIFE_DOWN || u->life > RS_LIFE_ASKED) return;
  bool launches = u->life == RS_LIFE_STARTING || u->launch_by != RS_NEVER;
  bool stops = u->life == RS_LIFE_ASKED || (u->flags & RS_F_ENDING);
  if (launches && spec->launch != was->launch)
    u->launch_by = rs_time_add(core->now, spec->launch);
  if (stops && spec->shutdown != was->shutdown)
    u->stop_by = rs_time_add(core->now, rs_time_max(spec->shutdown, 0));
  if (u->kind == RS_SUPERVISOR) {
    if (u->life == RS_LIFE_ASKED)
      rs_wake(core, id, u->flags & RS_F_DOOM ? RS_NEVER : u->stop_by);
    return;
  }
  if (spec->heartbeat != was->heartbeat) u->beat = core->now;
  retime_state(core, u, old, was);
  rs_watch_arm(core, id);
  if (spec->stall == was->stall) return;
  u->turn = core->now;
  if (spec->stall < was->stall) rs_vms_again(core, id);
}

/* True if files of a command's have other contents: it is to be told by a signal. */
static bool has_news(const rs_core *core, const rs_unit *u, uint32_t row) {
  const rs_plan_spec *was = rs_spec_of(core, u);
  const rs_plan *old = rs_plan_of(core, u), *plan = core->plans[core->plan].plan;
  const rs_plan_spec *is = spec_at(plan, row);
  bool lives = u->life == RS_LIFE_STARTING || u->life == RS_LIFE_UP;
  if (u->kind != RS_COMMAND || !lives) return false;
  if (was->exec == RS_NONE || is->exec == RS_NONE) return false;
  const rs_plan_exec *from = (const rs_plan_exec *)rs_plan_table(old, RS_T_EXEC);
  const rs_plan_exec *to = (const rs_plan_exec *)rs_plan_table(plan, RS_T_EXEC);
  return from[was->exec].files_hash != to[is->exec].files_hash;
}

/* Moves a unit that lives on to its row. */
static void patch(rs_core *core, uint32_t id, uint32_t row) {
  rs_unit *u = rs_unit_of(core, id);
  const rs_plan *old = rs_plan_of(core, u);
  const rs_plan_spec *was = rs_spec_of(core, u);
  bool news = has_news(core, u, row);
  rs_diff_place(core, id, row);
  u->flags |= RS_F_PATCHED | (news ? RS_F_SIGNAL : 0u);
  retime(core, id, old, was);
}

static void keep(rs_core *core, uint32_t id, uint32_t row, rs_news *news) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags |= RS_F_SEEN;
  if (u->parent != RS_NONE && !(u->flags & RS_F_ADDED)) {
    rs_tree_unlink(core, id);
    rs_diff_link(core, u->parent, id);
  }
  if (u->flags & RS_F_MOVED) {
    u->next_row = row;
    rs_diff_reserve(core, id, row);
    u->flags &= ~(uint32_t)RS_F_REMOVE;
    if (u->life != RS_LIFE_DOWN) u->flags |= RS_F_CYCLE;
    news->changed++;
  } else if (is_changed(core, u, row) || (u->flags & RS_F_REMOVE)) {
    change(core, id, row, news);
    news->changed++;
  } else {
    patch(core, id, row);
    news->unchanged++;
  }
  if (u->boss != RS_NONE)
    rs_boss_of(core, u)->pool = rs_boss_of(core, u)->placed = RS_NONE;
  rs_tree_tally(core, id);
}

/* Who was not found in the plan: a pool's unit goes by its template, others go. */
static void sweep(rs_core *core, rs_news *news) {
  for (uint32_t id = core->count; id-- > 0;) {
    rs_unit *u = rs_unit_of(core, id);
    if (u->kind == 0 || (u->flags & RS_F_SEEN)) continue;
    if (u->flags & RS_F_REMOVE) { /* what it waited for may be no order any more */
      rs_mark(core, id);
      continue;
    }
    uint32_t pool = RS_NONE;
    const rs_unit *parent = rs_unit_of(core, u->parent);
    if ((u->flags & RS_F_ADDED) && (parent->flags & RS_F_SEEN))
      pool = rs_boss_of(core, parent)->pool;
    if (pool != RS_NONE) {
      keep(core, id, pool, news);
      rs_mark(core, id);
      continue;
    }
    news->removed++;
    rs_strategy_hasten(core, id);
    u->flags |= RS_F_REMOVE;
    u->flags &= ~(uint32_t)RS_F_MOVED;
    u->next_row = RS_NONE;
    u->cause = news->cause;
    rs_tree_tally(core, id);
    rs_order_passed(core, id);
    rs_mark(core, id);
  }
  for (uint32_t id = 0; id < core->count; id++) {
    rs_unit *u = rs_unit_of(core, id);
    u->flags &= ~(uint32_t)RS_F_SEEN;
    if (u->kind == RS_SUPERVISOR) rs_order_wave(core, id); /* lists were linked anew */
  }
}

/* Puts in line what the plan speaks of: who is to go down from the last on, then who is
** told of, or may start, from the first on. */
static void line_up(rs_core *core) {
  const rs_used *used = &core->plans[core->plan];
  uint32_t rows = rs_plan_count(used->plan, RS_T_UNIT);
  for (uint32_t row = rows; row-- > 0;) {
    uint32_t id = used->ids[row];
    if (id != RS_NONE && (rs_unit_of(core, id)->flags & RS_F_CYCLE)) rs_mark(core, id);
  }
  for (uint32_t row = 0; row < rows; row++) {
    uint32_t id = used->ids[row];
    if (id == RS_NONE) continue;
    const rs_unit *u = rs_unit_of(core, id);
    bool may_start =
      u->parent == RS_NONE || rs_unit_of(core, u->parent)->life != RS_LIFE_DOWN;
    if (may_start || (u->flags & (RS_F_PATCHED | RS_F_MOVED))) rs_mark(core, id);
  }
}

int rs_core_refuses(const rs_core *core, const rs_plan *plan, char *why,
                    size_t why_size) {
  rs_say say = rs_say_into(why, why_size);
  const rs_unit *root = core->root == RS_NONE ? NULL : rs_unit_of(core, core->root);
  bool over =
    root && (root->flags & (RS_F_GIVEUP | RS_F_FINISH)) && !(root->flags & RS_F_CYCLE);
  if (core->stopping || core->ended || over) {
    rs_say_text(&say, "the host is stopping");
    return -1;
  }
  if (!root) return 0;
  rs_ref name = rs_plan_unit_at(plan, 0)->name;
  if (name.len == root->name_len &&
      memcmp(rs_plan_bytes(plan, name), root->name, name.len) == 0)
    return 0;
  rs_say_text(&say, "the root's name cannot change: it is ");
  rs_say_bytes(&say, root->name, root->name_len);
  return -1;
}

void rs_core_because(rs_core *core, uint64_t cause, uint64_t text, rs_time span) {
  core->because = cause;
  core->because_text = text;
  core->because_span = span;
}

int rs_core_apply(rs_core *core, rs_time now, const rs_plan *plan, uint32_t number,
                  char *why, size_t why_size) {
  core->real = now;
  core->now = rs_late_now(&core->late, now, rs_due_first(&core->due));
  if (rs_core_refuses(core, plan, why, why_size) != 0) {
    rs_core_because(core, 0, 0, 0);
    return -1;
  }

  rs_news news = {.cause = core->seq + 1};
  rs_diff_room(core, match(core, plan, number));
  uint32_t rows = rs_plan_count(plan, RS_T_UNIT);
  for (uint32_t row = 0; row < rows; row++) {
    uint32_t id = core->plans[core->plan].ids[row];
    const rs_plan_unit *unit = rs_plan_unit_at(plan, row);
    if (spec_at(plan, row)->flags & RS_TEMPLATE) {
      const rs_unit *parent =
        rs_unit_of(core, core->plans[core->plan].ids[unit->parent]);
      rs_boss_of(core, parent)->pool = row;
    } else if (id == RS_NONE) {
      add(core, row, &news);
    } else {
      keep(core, id, row, &news);
    }
  }
  sweep(core, &news);
  line_up(core);
  rs_entry *e = rs_tell(core, RS_J_RELOAD, core->root, core->because);
  e->text = core->because_text;
  e->y = core->because_span;
  e->a = news.added;
  e->b = (int32_t)news.removed;
  e->c = news.changed;
  e->x = news.unchanged;
  rs_core_because(core, 0, 0, 0);
  return 0;
}
