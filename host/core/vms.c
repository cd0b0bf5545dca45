/* vms.c -- stalls: somebody runs on and on in a VM. */
#include "vms.h"

static uint32_t find_free(const rs_core *core, uint32_t count) {
  uint32_t run = 0;
  for (uint32_t i = 0; i < core->watch_count && core->watch_free >= count; i++) {
    run = core->watches[i].owner == RS_NONE ? run + 1 : 0;
    if (run == count) return i + 1 - count;
  }
  return RS_NONE;
}

static uint32_t take(rs_core *core, uint32_t owner, uint32_t count) {
  uint32_t at = find_free(core, count);
  if (at == RS_NONE) {
    at = core->watch_count;
    core->watch_count += count;
    core->watches = rs_grow(core, core->watches, &core->watch_room, core->watch_count,
                            sizeof *core->watches);
    rs_due_room(&core->due, core->room, core->watch_room, &core->memory);
  } else {
    core->watch_free -= count;
  }
  for (uint32_t i = 0; i < count; i++)
    core->watches[at + i] = (rs_watch){RS_NEVER, owner, i, false};
  return at;
}

static void release(rs_core *core, uint32_t at, uint32_t count) {
  for (uint32_t i = at; i < at + count; i++) {
    rs_due_set(&core->due, i | RS_DUE_VM, RS_NEVER);
    core->watches[i].owner = RS_NONE;
  }
  core->watch_free += count;
}

void rs_vms_make(rs_core *core, uint32_t domain, uint32_t vms) {
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, domain));
  boss->vms = vms;
  if (vms <= boss->watches) return;
  uint32_t old = boss->watch, count = boss->watches;
  uint32_t at = take(core, domain, vms);
  for (uint32_t i = 0; i < count; i++) {
    rs_time when = rs_due_when(&core->due, (old + i) | RS_DUE_VM);
    core->watches[at + i] = core->watches[old + i];
    rs_due_set(&core->due, (at + i) | RS_DUE_VM, when);
  }
  if (count > 0) release(core, old, count);
  boss->watch = at;
  boss->watches = vms;
}

void rs_vms_own(rs_core *core, uint32_t id, bool watched) {
  rs_unit *u = rs_unit_of(core, id);
  if (watched == (u->watch != RS_NONE)) return;
  if (watched) {
    u->watch = take(core, id, 1);
  } else {
    release(core, u->watch, 1);
    u->watch = RS_NONE;
  }
}

void rs_vms_free(rs_core *core, uint32_t owner) {
  rs_unit *u = rs_unit_of(core, owner);
  if (u->kind != RS_SUPERVISOR) {
    rs_vms_own(core, owner, false);
    return;
  }
  rs_boss *boss = rs_boss_of(core, u);
  if (boss->watches > 0) release(core, boss->watch, boss->watches);
  boss->watches = boss->vms = 0;
}

uint32_t rs_vms_pick(rs_core *core, uint32_t domain) {
  rs_boss *boss = rs_boss_of(core, rs_unit_of(core, domain));
  if (boss->next_vm >= boss->vms) boss->next_vm = 0;
  return boss->next_vm++;
}

/* The watch over the VM that a unit lives in; RS_NONE: nobody asks for one. */
static uint32_t watch_of(const rs_core *core, const rs_unit *u) {
  if (u->backend != RS_COROUTINE) return u->watch;
  const rs_boss *boss = rs_boss_of(core, rs_unit_of(core, u->domain));
  return u->vm < boss->watches ? boss->watch + u->vm : RS_NONE;
}

void rs_vms_start(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  uint32_t at = rs_is_lua(u) ? watch_of(core, u) : RS_NONE;
  rs_time stall = rs_spec_of(core, u)->stall;
  if (at == RS_NONE || stall == RS_NEVER) return;

  rs_watch *watch = &core->watches[at];
  if (stall < watch->stall) watch->stall = stall;
  if (watch->looking) return;
  rs_time by = rs_time_add(core->now, watch->stall);
  if (by < rs_due_when(&core->due, at | RS_DUE_VM))
    rs_due_set(&core->due, at | RS_DUE_VM, by);
}

void rs_vms_again(rs_core *core, uint32_t id) {
  const rs_unit *u = rs_unit_of(core, id);
  uint32_t at = rs_is_lua(u) ? watch_of(core, u) : RS_NONE;
  if (at == RS_NONE) return;
  rs_watch *watch = &core->watches[at];
  if (watch->stall == RS_NEVER) {
    rs_vms_start(core, id);
    return;
  }
  watch->stall = rs_time_min(watch->stall, rs_spec_of(core, u)->stall);
  bool idle = rs_due_when(&core->due, at | RS_DUE_VM) == RS_NEVER;
  if (!idle) rs_due_set(&core->due, at | RS_DUE_VM, core->now);
}

void rs_vms_due(rs_core *core, uint32_t at) {
  rs_watch *watch = &core->watches[at];
  watch->looking = true;
  rs_do(core, RS_DO_LOOK_VM, watch->owner)->a = watch->vm;
}

/* The watch that an answer is about; NULL: it is nonsense, or late. */
static rs_watch *heard_of(rs_core *core, const rs_event *ev) {
  if (ev->unit >= core->count) return NULL;
  const rs_unit *u = rs_unit_of(core, ev->unit);
  uint32_t at = RS_NONE;
  if (u->kind == RS_SUPERVISOR) {
    const rs_boss *boss = rs_boss_of(core, u);
    if (ev->a < boss->watches) at = boss->watch + ev->a;
  } else if (u->kind != 0 && ev->a == 0) {
    at = u->watch;
  }
  return at == RS_NONE ? NULL : &core->watches[at];
}

/* Whom it runs, if that is one who lives there and whose incarnation is the present
** one. */
static rs_unit *who_runs(rs_core *core, const rs_event *ev, const rs_watch *watch) {
  if (ev->other >= core->count) return NULL;
  rs_unit *u = rs_unit_of(core, ev->other);
  bool lives =
    u->kind == RS_WORKER && u->life != RS_LIFE_DOWN && u->inc == ev->other_inc;
  if (!lives || (u->flags & RS_F_LOST)) return NULL;
  return watch_of(core, u) == (uint32_t)(watch - core->watches) ? u : NULL;
}

void rs_vms_hear(rs_core *core, const rs_event *ev) {
  rs_watch *watch = heard_of(core, ev);
  if (!watch) return;
  uint32_t item = (uint32_t)(watch - core->watches) | RS_DUE_VM;
  rs_time by = rs_time_add(core->now, watch->stall);
  if (ev->kind == RS_EV_VM_RUNS) {
    if (!watch->looking && by < rs_due_when(&core->due, item))
      rs_due_set(&core->due, item, by);
    return;
  }
  if (!watch->looking) return;
  watch->looking = false;
  if (ev->other == RS_NONE && ev->b == 0) return; /* it says so when it runs again */

  rs_unit *u = who_runs(core, ev, watch);
  rs_time stall = u ? rs_spec_of(core, u)->stall : RS_NEVER;
  if (stall != RS_NEVER) {
    rs_time from = rs_time_max(rs_late_own(&core->late, ev->at), u->turn);
    rs_time end = rs_time_add(rs_time_add(from, stall), ev->x > 0 ? ev->x : 0);
    if (end <= core->now) {
      rs_event stalled = {.at = from, .x = stall};
      rs_unit_hear(core, rs_id_of(core, u), RS_HEAR_STALL, &stalled);
    } else {
      by = rs_time_min(by, end);
    }
  }
  rs_due_set(&core->due, item, by);
}

void rs_vms_dead(rs_core *core, uint32_t domain) {
  const rs_boss *boss = rs_boss_of(core, rs_unit_of(core, domain));
  for (uint32_t i = 0; i < boss->watches; i++) {
    core->watches[boss->watch + i].looking = false;
    core->watches[boss->watch + i].stall = RS_NEVER;
    rs_due_set(&core->due, (boss->watch + i) | RS_DUE_VM, RS_NEVER);
  }
}
