#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/command.h"
#include "journal/entry.h"
#include "runner/lua.h"
#include "base/names.h"
#include "runner/rung.h"
#include "runner/where.h"

enum {
  FRESH = RS_MS, /* a look at schedstat is good for so long */
  FULL_MOST = RS_SECOND,
  HALTED_MOST = RS_SECOND,
  TRIES = 8
};

/* A VM's page at one moment. */
typedef struct rs_sight {
  uint32_t state, slot;
  uint64_t resume;
  rs_time since, busy, full, full_since;
  pid_t tid;
} rs_sight;

/* The VM goes on meanwhile: reads until two looks agree on the turn. */
static rs_sight see(const rs_vm *page) {
  rs_sight sight;
  for (int i = 0; i < TRIES; i++) {
    sight.resume = atomic_load(&page->resume);
    sight.state = atomic_load(&page->state);
    sight.slot = atomic_load(&page->slot);
    sight.since = atomic_load(&page->since);
    sight.busy = atomic_load(&page->busy);
    sight.full = atomic_load(&page->full);
    sight.full_since = atomic_load(&page->full_since);
    sight.tid = atomic_load(&page->tid);
    if (sight.resume == atomic_load(&page->resume) &&
        sight.busy == atomic_load(&page->busy) &&
        sight.state == atomic_load(&page->state))
      break;
  }
  return sight;
}

static bool runs(const rs_sight *sight) {
  return sight->state == RS_VM_RUNNING || sight->state == RS_VM_FULL;
}

/* From a moment that the other side wrote down until now; 0 if that is nonsense. */
static rs_time span(rs_time from, rs_time now) {
  return from > 0 && from <= now ? now - from : 0;
}

rs_time rs_where_turn(uint32_t running, uint32_t slot, rs_time since, rs_time now) {
  return running == RS_NONE || running == slot ? 0 : span(since, now);
}

/* All that the VM's thread has waited in its life for a processor or for room. */
static rs_time waited(const rs_runner *runner, rs_vm_book *vm, const rs_sight *sight,
                      rs_time now) {
  if (now - vm->delay_at > FRESH) {
    vm->delay_at = now;
    vm->delay = rs_delay_read(runner->child.pid, sight->tid);
  }
  return vm->delay;
}

/* For room in its ring, by its own account: the engine reads promptly, so what it
** claims beyond FULL_MOST since its last sign of life is not true. */
static rs_time full(const rs_sight *sight, rs_time now) {
  rs_time all = sight->full > 0 && sight->full <= now ? sight->full : 0;
  return all + span(sight->full_since, now);
}

static rs_time between(rs_time least, rs_time value, rs_time most) {
  return value < least ? least : value > most ? most : value;
}

/* One that is not there yet waits for its turn as long as others come to be. */
static rs_time waited_since(const rs_runner *runner, rs_vm_book *vm,
                            const rs_sight *sight, rs_time at) {
  rs_time now = rs_base_now();
  if (runner->child.pid == 0)
    return between(0, runner->engine->server.made_at - at, now);
  rs_time cpu = waited(runner, vm, sight, now), room = full(sight, now);
  rs_time since = rs_delays_since(vm->delays, at, cpu);
  rs_time blocked = rs_delays_since(vm->fulls, at, room);
  rs_delays_add(vm->delays, now, cpu);
  rs_delays_add(vm->fulls, now, room);
  return since + (blocked < FULL_MOST ? blocked : FULL_MOST);
}

/* Nobody in a runner that is stopped from outside can give a sign of life, so none of
** them is late. One that stays so is no use to them: that domain has failed. */
static bool is_halted(rs_runner *runner) {
  rs_time now = rs_base_now();
  if (runner->place != RS_PLACE_DOMAIN || runner->child.pid == 0) return false;
  if (now - runner->halt_at > FRESH) {
    runner->halt_at = now;
    if (rs_family_kin(runner->child.pid).state != 'T') runner->halted = 0;
    else if (runner->halted == 0) runner->halted = now;
  }
  if (runner->halted == 0) return false;
  if (now - runner->halted >= HALTED_MOST) {
    rs_entry_log(runner->engine, runner->owner, RS_NONE, 3,
                 "its runner has been stopped by a signal for %.1f s: it is killed",
                 (double)(now - runner->halted) / RS_SECOND);
    rs_runner_kill(runner, RS_NONE, 0);
  }
  return true;
}

static void look_slot(rs_engine *engine, const rs_action *action, const rs_unit *unit) {
  const rs_runner *runner = unit->runner;
  uint32_t vm = rs_part_book(runner, unit->slot)->vm;
  const rs_slot *slot = rs_part_memory(runner, unit->slot);
  rs_sight sight = see(rs_part_page(runner, vm));
  rs_time now = rs_base_now();
  rs_time beat = between(0, atomic_load(&slot->beat), now);
  rs_vm_book *book = rs_part_vm(runner, vm);
  rs_time others = sight.busy - atomic_load(&slot->own) - atomic_load(&slot->others);
  rs_time turn = 0;
  others = between(0, others, now);
  if (runs(&sight)) turn = rs_where_turn(sight.slot, unit->slot, sight.since, now);
  if (book->units == 1) others = turn = 0; /* whatever it says, there are none */
  turn = between(0, turn, now - beat);
  rs_event event = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
  event.at = beat;
  event.x = others + waited_since(runner, book, &sight, beat);
  /* The waits in that turn are in its length already. */
  event.x = turn + between(0, event.x, now - beat - turn);
  rs_engine_put(engine, event);
}

/* It was interrupted. Where it has said its last word, or its runner is stopped or
** going, the rung waits for that. */
static void look_rung(rs_engine *engine, const rs_action *action, const rs_unit *unit) {
  rs_event event = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
  event.at = rs_base_now();
  event.x = RS_RUNG_MORE;
  if (unit->runner && !unit->runner->killed && unit->slot == unit->rung->slot &&
      !is_halted(unit->runner))
    event.x = rs_rung_lost(unit->rung, unit->runner);
  rs_engine_put(engine, event);
}

void rs_look(rs_engine *engine, const rs_action *action) {
  const rs_unit *unit = rs_engine_unit(engine, action->unit);
  if (unit->rung && unit->inc == action->inc && unit->rung->inc == action->inc)
    look_rung(engine, action, unit);
  else if (unit->command) rs_command_look(engine, action);
  else if (unit->runner && !unit->runner->killed && unit->slot != RS_NONE &&
           unit->inc == action->inc && !is_halted(unit->runner))
    look_slot(engine, action, unit);
  else if (unit->inc == action->inc) {
    /* It has said its last word, or its runner is stopped, gone or going: nobody is to
    ** blame for that. */
    rs_event event = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
    event.at = rs_base_now();
    rs_engine_put(engine, event);
  }
}

/* Idle, as far as one sees: it is to ring when it runs. It may have begun just now. */
static bool found_idle(rs_vm *page, rs_sight *sight) {
  *sight = see(page);
  if (runs(sight)) return false;
  atomic_store(&page->missed, 1);
  *sight = see(page);
  if (!runs(sight)) return true;
  atomic_store(&page->missed, 0);
  return false;
}

/* The VM that is meant: one of a domain, or a worker's own; RS_NONE: there is none. */
static uint32_t vm_of(rs_engine *engine, const rs_action *action) {
  const rs_unit *unit = rs_engine_unit(engine, action->unit);
  if (!unit->runner) return RS_NONE;
  if (unit->slot != RS_NONE) return rs_part_book(unit->runner, unit->slot)->vm;
  if (unit->backend != 0) return RS_NONE;
  return rs_part_shared(unit->runner, action->a);
}

void rs_look_vm(rs_engine *engine, const rs_action *action) {
  rs_runner *runner = rs_engine_unit(engine, action->unit)->runner;
  rs_event event = {.kind = RS_EV_VM_SEEN, .unit = action->unit, .inc = action->inc};
  rs_sight sight;
  uint32_t vm = vm_of(engine, action);
  event.a = action->a;
  event.other = RS_NONE;
  event.at = rs_base_now();
  if (vm == RS_NONE || found_idle(rs_part_page(runner, vm), &sight)) {
    rs_engine_put(engine, event);
    return;
  }
  uint32_t unit = rs_fate_runs(runner, vm);
  rs_time begun = between(0, sight.since, event.at);
  const rs_slot_book *book = rs_part_book(runner, sight.slot);
  if (unit != RS_NONE && book && book->unit == unit) {
    rs_time from = atomic_load(&rs_part_memory(runner, sight.slot)->stalled_from);
    event.other = unit;
    event.other_inc = book->inc;
    event.at = between(begun, from, event.at);
    event.x = waited_since(runner, rs_part_vm(runner, vm), &sight, event.at);
    if (is_halted(runner)) event.x = RS_NEVER;
    event.x = between(0, event.x, rs_base_now() - event.at);
  } else {
    event.b = 1; /* it is not idle, so it will not ring */
  }
  rs_engine_put(engine, event);
}

/* "read(0x5, …)": the call that a thread is in; "" where it computes. */
static void name_call(pid_t pid, pid_t tid, char *text, size_t size) {
  char name[64], line[256];
  snprintf(name, sizeof name, "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
  *text = 0;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t got = read(fd, line, sizeof line - 1);
  close(fd);
  if (got <= 0 || line[0] < '0' || line[0] > '9') return;
  line[got] = 0;
  char *rest;
  long number = strtol(line, &rest, 10);
  unsigned long first = strtoul(rest, NULL, 16);
  const char *call = rs_name_syscall(number);
  if (call) snprintf(text, size, ", in system call %s(0x%lx, …)", call, first);
  else snprintf(text, size, ", in system call %ld(0x%lx, …)", number, first);
}

void rs_where(rs_engine *engine, uint32_t id, char *text, size_t size) {
  const rs_unit *unit = rs_engine_unit(engine, id);
  const rs_runner *runner = unit->runner;
  *text = 0;
  if (!runner || unit->slot == RS_NONE) return;
  if (runner->child.pid == 0) {
    snprintf(text, size, "its runner was not made yet");
    return;
  }
  uint32_t vm = rs_part_book(runner, unit->slot)->vm;
  rs_sight sight = see(rs_part_page(runner, vm));
  rs_time now = rs_base_now();
  if (!runs(&sight)) return;
  if (sight.slot != unit->slot) {
    snprintf(text, size, "suspended; another worker runs in its VM");
    return;
  }
  char call[128];
  name_call(runner->child.pid, sight.tid, call, sizeof call);
  snprintf(text, size, "inside C for %.2f s%s",
           (double)span(sight.since, now) / RS_SECOND, *call ? call : ", computing");
}
