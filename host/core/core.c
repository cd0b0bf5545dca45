/* core.c -- the core's door: events in, actions out. */
#include "core.h"

#include <string.h>

#include "collateral.h"
#include "diff.h"
#include "ladder.h"
#include "operate.h"
#include "settle.h"
#include "vms.h"

rs_core *rs_core_new(const rs_memory *memory, uint64_t seed, uint64_t seq) {
  rs_core *core = memory->resize(memory->ctx, NULL, 0, sizeof *core);
  *core = (rs_core){.memory = *memory, .random = seed, .seq = seq};
  core->root = core->plan = core->dirty_first = core->dirty_last = RS_NONE;
  core->free_first = core->free_last = core->boss_free = core->quota_free = RS_NONE;
  rs_widen(core);
  return core;
}

void rs_core_free(rs_core *core) {
  for (uint32_t i = 0; i < core->count; i++) {
    const rs_unit *u = rs_unit_of(core, i);
    if (u->flags & RS_F_ADDED)
      rs_give_back(core, (char *)(uintptr_t)u->name, u->name_len);
  }
  size_t number = sizeof(uint32_t);
  for (uint32_t i = 0; i < core->boss_count; i++)
    rs_quota_free(core, &core->bosses[i].quota);
  for (uint32_t i = 0; i < core->quota_count; i++)
    rs_quota_free(core, &core->quotas[i]);
  for (uint32_t i = 0; i < core->plan_count; i++) {
    const rs_used *used = &core->plans[i];
    if (!used->plan) continue;
    uint32_t rows = rs_plan_count(used->plan, RS_T_UNIT);
    uint32_t afters = rs_plan_count(used->plan, RS_T_AFTER);
    rs_give_back(core, used->ids, rows * number);
    rs_give_back(core, used->after_at, (rows + 1) * number);
    rs_give_back(core, used->afters, afters * number);
  }
  rs_due_room(&core->due, 0, 0, &core->memory);
  rs_index_room(&core->index, 0, &core->memory);
  rs_give_back(core, core->units, core->room * sizeof *core->units);
  rs_give_back(core, core->bosses, core->boss_room * sizeof *core->bosses);
  rs_give_back(core, core->quotas, core->quota_room * sizeof *core->quotas);
  rs_give_back(core, core->watches, core->watch_room * sizeof *core->watches);
  rs_give_back(core, core->plans, core->plan_room * sizeof *core->plans);
  rs_give_back(core, core->out, core->out_room * sizeof *core->out);
  rs_memory memory = core->memory;
  memory.resize(memory.ctx, core, sizeof *core, 0);
}

static void tick(rs_core *core, rs_time now) {
  core->now = rs_late_now(&core->late, now, rs_due_first(&core->due));
  core->real = core->late.last;
}

/* What each event is to a unit; RS_HEAR_COUNT: not a unit's own affair. */
static uint32_t hear_of(uint32_t kind) {
  switch (kind) {
  case RS_EV_STARTED: return RS_HEAR_STARTED;
  case RS_EV_BEGIN: return RS_HEAR_BEGIN;
  case RS_EV_ENTER: return RS_HEAR_ENTER;
  case RS_EV_READY: return RS_HEAR_READY;
  case RS_EV_TERMINATING: return RS_HEAR_TERMINATING;
  case RS_EV_EXTEND: return RS_HEAR_EXTEND;
  case RS_EV_EXIT: return RS_HEAR_EXIT;
  case RS_EV_PROTOCOL: return RS_HEAR_PROTOCOL;
  case RS_EV_SEEN: return RS_HEAR_SEEN;
  case RS_EV_VERDICT: return RS_HEAR_VERDICT;
  default: return RS_HEAR_COUNT;
  }
}

/* An incarnation's own words, of which only the present one's are heard. */
static void hear(rs_core *core, const rs_event *ev) {
  const rs_unit *u = rs_unit_of(core, ev->unit);
  uint32_t what = hear_of(ev->kind);
  if (what == RS_HEAR_COUNT || ev->inc != u->inc || (u->flags & RS_F_LOST)) return;
  if (u->kind != RS_SUPERVISOR) rs_unit_hear(core, ev->unit, what, ev);
  else if (what == RS_HEAR_VERDICT) rs_ladder_depose(core, ev->unit, ev);
}

void rs_core_step(rs_core *core, rs_time now, const rs_event *ev) {
  tick(core, now);
  if (core->ended) return;
  if (ev->kind >= RS_EV_STOP && ev->kind <= RS_EV_SHUTDOWN) {
    rs_operate(core, ev);
    return;
  }
  if (ev->unit >= core->count || rs_unit_of(core, ev->unit)->kind == 0) return;
  if (ev->kind == RS_EV_VM_SEEN || ev->kind == RS_EV_VM_RUNS) rs_vms_hear(core, ev);
  else if (ev->kind == RS_EV_DOMAIN_DEAD) rs_collateral_dead(core, ev);
  else hear(core, ev);
}

static void settle_next(rs_core *core) {
  uint32_t id = core->dirty_first;
  rs_unit *u = rs_unit_of(core, id);
  core->dirty_first = u->dirty;
  if (core->dirty_first == RS_NONE) core->dirty_last = RS_NONE;
  u->flags &= ~(uint32_t)RS_F_DIRTY;
  rs_settle(core, id);
}

static void due_next(rs_core *core) {
  uint32_t item = rs_due_take(&core->due);
  if (item & RS_DUE_VM) {
    rs_vms_due(core, item & ~(uint32_t)RS_DUE_VM);
    return;
  }
  const rs_unit *u = rs_unit_of(core, item);
  if (u->kind != RS_SUPERVISOR && u->life != RS_LIFE_DOWN)
    rs_unit_hear(core, item, RS_HEAR_DUE, NULL);
  else rs_settle_due(core, item);
}

uint32_t rs_core_run(rs_core *core, rs_time now, rs_action *out, uint32_t max) {
  tick(core, now);
  uint32_t given = 0;
  while (given < max) {
    if (core->out_count > 0) {
      out[given++] = core->out[core->out_at];
      core->out_at = (core->out_at + 1) & (core->out_room - 1);
      core->out_count--;
    } else if (core->ended) {
      break;
    } else if (core->dirty_first != RS_NONE) {
      settle_next(core);
    } else if (core->drops) {
      rs_diff_drop(core);
    } else if (rs_due_first(&core->due) <= core->now) {
      due_next(core);
    } else {
      break;
    }
  }
  return given;
}

rs_time rs_core_due(const rs_core *core) {
  if (core->ended) return core->out_count > 0 ? core->real : RS_NEVER;
  bool more = core->out_count > 0 || core->dirty_first != RS_NONE || core->drops;
  if (more) return core->real;
  return rs_late_real(&core->late, rs_due_first(&core->due));
}

void rs_core_trial(rs_core *core, bool on) { core->trial = on; }

uint64_t rs_core_seq(rs_core *core) { return ++core->seq; }
