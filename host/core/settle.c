/* settle.c -- first start, stop, restart, hold and reload are all this: a unit is not
** yet what it should be. */
#include "settle.h"

#include "collateral.h"
#include "diff.h"
#include "order.h"
#include "strategy.h"
#include "tree.h"

/* Down and to be up again: the journal has the reason before the start. */
static void tell_again(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (!(u->flags & RS_F_AGAIN)) return;
  u->flags &= ~(uint32_t)RS_F_AGAIN;
  rs_entry *e = rs_tell(core, RS_J_RESTART, id, u->cause);
  e->a = u->again;
  e->x = u->wait > core->now ? u->wait - core->now : 0;
  u->cause = e->seq;
  u->restarts++;
}

/* A supervisor begins anew: with a fresh limit, and children of whom nothing is known.
** */
static void start_boss(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_boss *boss = rs_boss_of(core, u);
  boss->quota.used = boss->quota.next = 0;
  boss->release = 2;
  rs_mark(core, id);
  u->life = RS_LIFE_STARTING;
  u->since = core->now;
  u->flags &= ~(uint32_t)(RS_F_GIVEUP | RS_F_FINISH | RS_F_DOOM);
  rs_entry *e = rs_tell(core, RS_J_STARTED, id, u->cause);
  u->cause = e->seq;
  for (uint32_t at = u->first; at != RS_NONE; at = rs_unit_of(core, at)->next) {
    rs_unit *child = rs_unit_of(core, at);
    child->flags &= ~(uint32_t)(RS_F_DONE | RS_F_FAILED | RS_F_AGAIN);
    if (child->flags & RS_F_ADDED) child->flags |= RS_F_REMOVE;
    child->tries = 0;
    child->wait = core->now;
    if (child->own != RS_NONE) {
      core->quotas[child->own].used = 0;
      core->quotas[child->own].next = 0;
    }
    child->cause = e->seq;
    rs_tree_tally(core, at);
  }
}

static void start(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (core->lost > 0) {
    rs_mark(core, id); /* behind all of these, which are in line already */
    return;
  }
  tell_again(core, id);
  if (u->wait > core->now) {
    rs_wake(core, id, u->wait);
    return;
  }
  if (rs_order_start_waits(core, id) != RS_NONE) return;
  rs_wake(core, id, RS_NEVER);
  if (u->kind == RS_SUPERVISOR) start_boss(core, id);
  else rs_unit_hear(core, id, RS_HEAR_GO, NULL);
}

static void end_host(rs_core *core, uint32_t id, bool failed) {
  core->ended = true;
  rs_unit_of(core, id)->flags |= failed ? RS_F_FAILED : RS_F_DONE;
  rs_do(core, RS_DO_END, id)->b = failed || core->kill_all ? 1 : 0;
}

/* All its children are down. */
static void finish_boss(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  bool gave_up = u->flags & RS_F_GIVEUP, completed = u->flags & RS_F_FINISH;
  bool failed = gave_up || (u->flags & RS_F_VIOLATED);
  rs_end end = {
    .ok = !failed,
    .asked = (u->flags & RS_F_ASKED) || !rs_tree_wanted(core, u),
    .operated = (u->flags & RS_F_OPERATOR) != 0,
  };
  if (end.operated) end.ok = false;
  rs_entry *e = rs_tell(core, RS_J_EXITED, id, u->cause);
  e->a = gave_up ? RS_WHY_CHILDREN : end.ok ? RS_WHY_OK : RS_WHY_KILLED;
  e->c = end.asked;
  u->cause = e->seq;
  u->flags &= ~(uint32_t)(RS_F_GIVEUP | RS_F_FINISH | RS_F_DOOM);
  rs_unit_down(core, id);
  bool over = core->stopping || !(u->flags & RS_F_CYCLE);
  if (u->parent == RS_NONE && over) {
    if (completed && !failed)
      rs_tell(core, RS_J_COMPLETED, id, u->cause)->inc = u->inc - 1;
    end_host(core, id, failed);
  } else {
    rs_strategy_ended(core, id, end);
  }
}

/* True if it may be asked to stop now: by its own, or once its supervisor stops. */
static bool may_stop(const rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  bool alone = u->flags & (RS_F_HELD | RS_F_CYCLE | RS_F_REMOVE);
  if (!alone && u->parent != RS_NONE &&
      rs_unit_of(core, u->parent)->life != RS_LIFE_ASKED)
    return false;
  return rs_order_stop_waits(core, id) == RS_NONE;
}

void rs_settle_doom(rs_core *core, uint32_t id, uint8_t why) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->flags & RS_F_DOOM) return;
  u->flags |= RS_F_DOOM;
  u->killed = why;
  rs_tree_mark(core, id, true);
}

static void stop_boss(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_time span = rs_spec_of(core, u)->shutdown;
  /* Who ends by itself was not asked, whatever an operator says meanwhile; who was
  ** asked stays so. */
  if (!(u->flags & (RS_F_GIVEUP | RS_F_FINISH))) {
    u->flags |= RS_F_ASKED;
    bool alone = u->flags & (RS_F_HELD | RS_F_CYCLE | RS_F_REMOVE);
    if (!alone && u->parent != RS_NONE) u->cause = rs_unit_of(core, u->parent)->cause;
  }
  u->life = RS_LIFE_ASKED;
  u->since = core->now;
  u->stop_by = span < 0 ? RS_NEVER : rs_time_add(core->now, span);
  rs_wake(core, id, u->stop_by);
  rs_unit_ready(core, id, false);
  rs_order_wave(core, id);
  if (span < 0) rs_settle_doom(core, id, RS_K_SHUTDOWN);
  else rs_tree_mark(core, id, true);
}

static void settle_boss(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_boss *boss = rs_boss_of(core, u);
  const uint32_t *counts = boss->counts;
  if (boss->release > 0 && counts[RS_N_GROUP] == 0) {
    if (--boss->release > 0)
      rs_mark(core, id); /* who is in line already goes first, and waits */
    else rs_tree_mark(core, id, false);
  }
  bool ends = u->flags & (RS_F_GIVEUP | RS_F_FINISH);
  if (u->life != RS_LIFE_ASKED) {
    bool pool = rs_spec_of(core, u)->flags & RS_POOL;
    if (!ends && counts[RS_N_OPEN] == 0 && counts[RS_N_LIVE] == 0 && !pool) {
      u->flags |= RS_F_FINISH;
      ends = true;
    }
    if (!ends && rs_tree_wanted(core, u)) {
      if (counts[RS_N_UNREADY] == 0 && u->life == RS_LIFE_STARTING) {
        u->life = RS_LIFE_UP;
        rs_unit_ready(core, id, true);
      }
      return;
    }
    if (!ends && !may_stop(core, id)) return;
    stop_boss(core, id);
  }
  const rs_unit *parent = u->parent == RS_NONE ? NULL : rs_unit_of(core, u->parent);
  if (core->kill_all) rs_settle_doom(core, id, RS_K_NOW);
  else if (u->flags & RS_F_OPERATOR) rs_settle_doom(core, id, RS_K_OPERATOR);
  else if (parent && (parent->flags & RS_F_DOOM))
    rs_settle_doom(core, id, parent->killed);
  if (counts[RS_N_LIVE] == 0) finish_boss(core, id);
}

static void settle_leaf(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  const rs_unit *parent = u->parent == RS_NONE ? NULL : rs_unit_of(core, u->parent);
  bool wanted = rs_tree_wanted(core, u);
  bool doomed = core->kill_all || (parent && (parent->flags & RS_F_DOOM));
  if (doomed && !wanted) {
    rs_event why = {.a = core->kill_all ? RS_K_NOW : parent->killed};
    if (u->life < RS_LIFE_INTERRUPTED) {
      if (parent) u->cause = parent->cause;
      u->flags |= RS_F_ASKED;
    }
    rs_unit_hear(core, id, RS_HEAR_KILL, &why);
    return;
  }
  if (u->life != RS_LIFE_STARTING && u->life != RS_LIFE_UP) return;
  if (wanted || !may_stop(core, id)) return;
  if (parent && !(u->flags & (RS_F_HELD | RS_F_CYCLE | RS_F_REMOVE)))
    u->cause = parent->cause;
  rs_unit_hear(core, id, RS_HEAR_ASK, NULL);
}

void rs_settle(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->flags & RS_F_LOST) {
    rs_collateral_end(core, id); /* puts it in line again */
    return;
  }
  if (u->flags & RS_F_PATCHED) rs_diff_patched(core, id);
  if (u->life != RS_LIFE_DOWN) {
    if (u->kind == RS_SUPERVISOR) settle_boss(core, id);
    else settle_leaf(core, id);
    return;
  }
  if (u->flags & RS_F_REMOVE) {
    if (u->first == RS_NONE && !(u->flags & RS_F_BLOCKED)) rs_diff_gone(core, id);
    return;
  }
  if (u->parent == RS_NONE && core->stopping) {
    if (!core->ended) end_host(core, id, false);
    return;
  }
  if (u->flags & RS_F_MOVED) rs_diff_adopt(core, id);
  u->flags &= ~(uint32_t)RS_F_CYCLE;
  if (rs_tree_wanted(core, u)) start(core, id);
  else rs_wake(core, id, RS_NEVER);
  rs_tree_tally(core, id);
}

void rs_settle_due(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  if (u->kind != RS_SUPERVISOR || u->life != RS_LIFE_ASKED) {
    rs_mark(core, id);
    return;
  }
  rs_entry *e = rs_tell(core, RS_J_VIOLATION, id, u->cause);
  e->a = RS_C_SHUTDOWN;
  e->b = -1;
  e->x = rs_time_max(rs_spec_of(core, u)->shutdown, 0);
  e->y = core->now - u->since;
  u->cause = e->seq;
  e = rs_tell(core, RS_J_KILLED, id, u->cause);
  e->a = RS_K_SHUTDOWN;
  u->cause = e->seq;
  rs_settle_doom(core, id, RS_K_SHUTDOWN);
}
