/* strategy.c -- restart types, intensity, the three strategies, auto_shutdown. */
#include "strategy.h"

#include "backoff.h"
#include "order.h"
#include "tree.h"

static void give_up(rs_core *core, uint32_t supervisor, uint32_t child,
                    const rs_quota *quota) {
  rs_unit *s = rs_unit_of(core, supervisor);
  bool own = quota != &rs_boss_of(core, s)->quota;
  uint64_t cause = child == RS_NONE ? s->cause : rs_unit_of(core, child)->cause;
  rs_entry *e = rs_tell(core, RS_J_ESCALATED, supervisor, cause);
  e->a = quota->max;
  e->x = quota->within;
  e->b = own;
  e->other = child;
  s->cause = e->seq;
  s->flags |= RS_F_GIVEUP;
  if (core->trial && s->parent == RS_NONE) {
    s->flags |= RS_F_CYCLE | RS_F_AGAIN;
    s->again = RS_R_RELOAD;
  }
  rs_mark(core, supervisor);
}

bool rs_strategy_charge(rs_core *core, uint32_t supervisor, uint32_t child) {
  rs_quota *quota = &rs_boss_of(core, rs_unit_of(core, supervisor))->quota;
  rs_quota *own = NULL;
  if (child != RS_NONE && rs_unit_of(core, child)->own != RS_NONE)
    own = &core->quotas[rs_unit_of(core, child)->own];
  const rs_quota *empty = own && !rs_quota_has(own, core->real) ? own : NULL;
  if (!rs_quota_has(quota, core->real)) empty = quota;
  if (empty) {
    give_up(core, supervisor, child, empty);
    return false;
  }
  rs_quota_take(quota, core->real);
  if (own) rs_quota_take(own, core->real);
  return true;
}

const rs_plan_spec *rs_strategy_backoff(const rs_core *core, const rs_unit *u) {
  return rs_spec_of(core, u->parent == RS_NONE ? u : rs_unit_of(core, u->parent));
}

rs_time rs_strategy_delay(rs_core *core, uint32_t id, const rs_plan_spec *rule) {
  rs_unit *u = rs_unit_of(core, id);
  rs_time delay = rs_backoff_delay(rule, u->tries, &core->random);
  if (u->tries < UINT32_MAX) u->tries++;
  return delay;
}

/* A sibling of one that restarts: goes down with it and waits as long. */
static void join(rs_core *core, uint32_t id, const rs_unit *failed) {
  rs_unit *u = rs_unit_of(core, id);
  bool live = u->life != RS_LIFE_DOWN;
  if (live) u->flags |= RS_F_GROUP;
  if (!(u->flags & (RS_F_HELD | RS_F_REMOVE | RS_F_FAILED))) {
    u->wait = rs_time_max(u->wait, failed->wait);
    bool temporary = rs_spec_of(core, u)->restart == RS_TEMPORARY;
    bool done = u->flags & RS_F_DONE;
    if ((live && !(u->flags & RS_F_CYCLE)) || (done && !temporary)) {
      u->cause = failed->cause;
      if (!(u->flags & RS_F_AGAIN)) u->again = RS_R_STRATEGY;
      u->flags |= RS_F_AGAIN | (live ? RS_F_CYCLE : 0);
      u->flags &= ~(uint32_t)RS_F_DONE;
    }
  }
  rs_tree_tally(core, id);
  rs_mark(core, id);
}

/* Its siblings, as the strategy says, the last first: so do their stops go out. */
static void join_siblings(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id), *s = rs_unit_of(core, u->parent);
  uint32_t strategy = rs_spec_of(core, s)->strategy;
  if (strategy == RS_ONE_FOR_ONE) return;
  rs_order_wave(core, u->parent);
  bool before = false;
  for (uint32_t at = s->last; at != RS_NONE; at = rs_unit_of(core, at)->prev) {
    if (at == id) before = true;
    else if (!before || strategy == RS_ONE_FOR_ALL) join(core, at, u);
  }
}

void rs_strategy_hasten(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_time until = u->wait;
  u->wait = core->now;
  if (until <= core->now || u->parent == RS_NONE || u->again == RS_R_STRATEGY) return;
  uint32_t at = rs_unit_of(core, u->parent)->first;
  for (; at != RS_NONE; at = rs_unit_of(core, at)->next) {
    rs_unit *sibling = rs_unit_of(core, at);
    bool waits = sibling->again == RS_R_STRATEGY && sibling->wait == until;
    if (waits) sibling->wait = core->now;
    if (waits || at == id) rs_mark(core, at); /* they start in list order */
  }
}

static void restart(rs_core *core, uint32_t id, uint8_t why, bool charged) {
  rs_unit *u = rs_unit_of(core, id);
  rs_time delay =
    charged ? rs_strategy_delay(core, id, rs_strategy_backoff(core, u)) : 0;
  u->wait = rs_time_max(u->wait, rs_time_add(core->now, delay));
  rs_entry *e = rs_tell(core, RS_J_RESTART, id, u->cause);
  e->a = why;
  e->b = charged;
  e->x = u->wait > core->now ? u->wait - core->now : 0;
  u->cause = e->seq;
  u->restarts++;
  u->again = why;
  u->flags &= ~(uint32_t)RS_F_AGAIN;
  join_siblings(core, id);
  rs_mark(core, id);
}

static void auto_shutdown(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  if (!(rs_spec_of(core, u)->flags & RS_SIGNIFICANT)) return;
  rs_unit *s = rs_unit_of(core, u->parent);
  uint32_t when = rs_spec_of(core, s)->auto_shutdown;
  uint32_t left = rs_boss_of(core, s)->counts[RS_N_SIGNIFICANT];
  if (when == RS_AUTO_NEVER || (when == RS_AUTO_ALL && left > 0)) return;
  s->flags |= RS_F_FINISH;
  s->cause = u->cause;
  rs_mark(core, u->parent);
}

/* It will not be started again. */
static void end_for_good(rs_core *core, uint32_t id, bool ok) {
  rs_unit *u = rs_unit_of(core, id);
  u->flags |= ok ? RS_F_DONE : RS_F_FAILED;
  if (ok) rs_tell(core, RS_J_COMPLETED, id, u->cause)->inc = u->inc - (u->inc > 0);
  if (u->flags & RS_F_ADDED) u->flags |= RS_F_REMOVE;
  rs_tree_tally(core, id);
  rs_order_passed(core, id);
  rs_mark(core, id);
}

void rs_strategy_ended(rs_core *core, uint32_t id, rs_end end) {
  rs_unit *u = rs_unit_of(core, id);
  uint32_t type = rs_spec_of(core, u)->restart;
  rs_mark(core, id);
  if (u->flags & RS_F_CYCLE) {
    /* A strategy, a reload or an operator has its restart in hand. */
    if (type != RS_TEMPORARY || u->again != RS_R_STRATEGY) return;
    u->flags &= ~(uint32_t)(RS_F_CYCLE | RS_F_AGAIN);
    end_for_good(core, id, end.ok);
    return;
  }
  if (end.asked || u->parent == RS_NONE || !rs_tree_wanted(core, u)) return;

  bool again = type == RS_PERMANENT || (type == RS_TRANSIENT && !end.ok);
  if (!again) {
    end_for_good(core, id, end.ok);
    if (!end.operated) auto_shutdown(core, id);
  } else if (end.operated) {
    restart(core, id, RS_R_OPERATOR, false);
  } else if (rs_strategy_charge(core, u->parent, id)) {
    restart(core, id, end.ok ? RS_R_ENDED : RS_R_FAILED, true);
  }
}

void rs_strategy_collateral(rs_core *core, uint32_t id) {
  rs_unit *u = rs_unit_of(core, id);
  rs_mark(core, id);
  bool temporary = rs_spec_of(core, u)->restart == RS_TEMPORARY;
  if (temporary && (!(u->flags & RS_F_CYCLE) || u->again == RS_R_STRATEGY)) {
    u->flags &= ~(uint32_t)(RS_F_CYCLE | RS_F_AGAIN);
    if (rs_tree_wanted(core, u)) end_for_good(core, id, false); /* not by itself */
  } else if (u->flags & RS_F_CYCLE) {
    if (u->again == RS_R_STRATEGY) u->again = RS_R_COLLATERAL;
  } else if (rs_tree_wanted(core, u)) {
    restart(core, id, RS_R_COLLATERAL, false);
  }
}
