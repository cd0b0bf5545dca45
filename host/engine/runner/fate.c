#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "channels.h"
#include "../journal/entry.h"
#include "lua.h"
#include "../base/names.h"
#include "../probe/probes.h"
#include "runner.h"

/* The book's unit for a slot that the runner named; RS_NONE if it named none of its. */
static uint32_t unit_in(const rs_runner *runner, uint32_t slot, uint32_t vm) {
  const rs_slot_book *book = rs_part_book(runner, slot);
  return book && book->unit != RS_NONE && book->vm == vm ? book->unit : RS_NONE;
}

uint32_t rs_fate_runs(const rs_runner *runner, uint32_t vm) {
  const rs_vm *page = rs_part_page(runner, vm);
  uint32_t state = atomic_load(&page->state);
  if (state != RS_VM_RUNNING && state != RS_VM_FULL) return RS_NONE;
  return unit_in(runner, atomic_load(&page->slot), vm);
}

/* The one unit that any of its VMs runs; RS_NONE where there are none or several. */
static uint32_t only_running(const rs_runner *runner) {
  uint32_t only = RS_NONE;
  for (uint32_t p = 0; p < runner->part_count; p++) {
    for (uint32_t i = 0; i < runner->part[p]->seg.vms; i++) {
      uint32_t vm = p << RS_SEGMENT_SHIFT | i;
      if (!rs_part_vm(runner, vm)) continue;
      uint32_t unit = rs_fate_runs(runner, vm);
      if (unit == RS_NONE) continue;
      if (only != RS_NONE) return RS_NONE;
      only = unit;
    }
  }
  return only;
}

/* What its handler left, if that is what it died of. */
static const rs_fault *fault_of(const rs_runner *runner) {
  if (runner->part_count == 0 || !WIFSIGNALED(runner->status)) return NULL;
  const rs_fault *fault = &runner->part[0]->seg.head->fault;
  return atomic_load(&fault->signal) == WTERMSIG(runner->status) ? fault : NULL;
}

/* Who brought the end. A kill from outside, the kernel's for want of memory included,
** names nobody. */
static uint32_t culprit_of(const rs_runner *runner) {
  const rs_fault *fault = fault_of(runner);
  if (runner->killed) return runner->culprit;
  if (fault) {
    /* A signal from another process names no VM: nobody in here did wrong. */
    uint32_t vm = atomic_load(&fault->vm);
    const rs_vm_book *book = rs_part_vm(runner, vm);
    if (!book) return RS_NONE;
    return book->own ? book->unit : unit_in(runner, atomic_load(&fault->slot), vm);
  }
  if (WIFSIGNALED(runner->status) && WTERMSIG(runner->status) == SIGKILL)
    return RS_NONE;
  return only_running(runner);
}

/* "its runner was ended by SEGV at address 0x10". */
static uint64_t describe(const rs_runner *runner) {
  rs_texts *texts = &runner->engine->texts;
  const rs_fault *fault = fault_of(runner);
  if (!WIFSIGNALED(runner->status))
    return rs_texts_print(texts, "its runner exited with status %d",
                          WEXITSTATUS(runner->status));
  int sig = WTERMSIG(runner->status);
  const char *name = rs_name_signal(sig);
  if (!name) name = "a signal";
  if (!fault) return rs_texts_print(texts, "its runner was ended by %s", name);
  return rs_texts_print(texts, "its runner was ended by %s at address 0x%llx", name,
                        (unsigned long long)atomic_load(&fault->address));
}

static void put_status(const rs_runner *runner, rs_event *event) {
  if (WIFSIGNALED(runner->status)) {
    bool ordered = runner->killed && runner->culprit != RS_NONE;
    event->a = ordered ? RS_WHY_KILLED : RS_WHY_SIGNAL;
    event->b = WTERMSIG(runner->status);
  } else {
    event->a = RS_WHY_ERROR;
    event->b = WEXITSTATUS(runner->status);
  }
}

static void end_process(rs_runner *runner) {
  rs_event exit = runner->exit;
  if (exit.kind == 0) {
    exit = (rs_event){.kind = RS_EV_EXIT, .unit = runner->owner};
    exit.inc = runner->owner_inc;
    put_status(runner, &exit);
    exit.text = describe(runner);
  }
  rs_engine_exit(runner->engine, runner->owner, exit);
}

static void forget_units(rs_runner *runner) {
  for (uint32_t p = 0; p < runner->part_count; p++) {
    for (uint32_t i = 0; i < runner->part[p]->fresh; i++) {
      uint32_t id = runner->part[p]->slot[i].unit;
      if (id == RS_NONE) continue;
      rs_unit *unit = rs_engine_unit(runner->engine, id);
      if (unit->runner != runner) continue;
      unit->runner = NULL;
      unit->slot = RS_NONE;
      unit->told = false;
    }
  }
}

/* One whose supervisor is no more ends for nobody. */
static void end_domain(rs_runner *runner) {
  if (runner->owner == RS_NONE) {
    forget_units(runner);
    return;
  }
  rs_event dead = {.kind = RS_EV_DOMAIN_DEAD, .unit = runner->owner};
  put_status(runner, &dead);
  dead.inc = runner->owner_inc;
  dead.other = culprit_of(runner);
  if (dead.other != RS_NONE)
    dead.other_inc = runner->killed ? runner->culprit_inc
                                    : rs_engine_unit(runner->engine, dead.other)->inc;
  dead.text = describe(runner);
  forget_units(runner);
  rs_engine_unit(runner->engine, runner->owner)->runner = NULL;
  rs_engine_put(runner->engine, dead);
}

static void on_gone(rs_family *family) {
  rs_runner_free((rs_runner *)((char *)family - offsetof(rs_runner, family)));
}

static void tell(rs_runner *runner) {
  switch (runner->place) {
  case RS_PLACE_DOMAIN: end_domain(runner); break;
  case RS_PLACE_PROCESS: end_process(runner); break;
  case RS_PLACE_BACKEND: rs_custom_lost(runner); break;
  case RS_PLACE_PROBES: rs_probes_lost(runner); break;
  default: rs_runner_spare_later(runner->engine);
  }
}

/* What it wrote before it died counts. */
void rs_fate(rs_runner *runner, int status) {
  rs_engine *engine = runner->engine;
  runner->dead = true;
  runner->status = status;
  rs_lua_stop_timer(runner);
  rs_hear(runner, true);
  for (int i = 0; i < 2; i++) rs_stream_drain(runner->out[i]);
  rs_channels_lost(runner);
  if (!engine->ended) tell(runner);
  runner->over_next = engine->over;
  engine->over = runner;
}

void rs_fate_sweep(rs_engine *engine) {
  while (engine->over) {
    rs_runner *runner = engine->over;
    engine->over = runner->over_next;
    runner->family.gone = on_gone;
    bool alone = runner->place == 0 || runner->place == RS_PLACE_BACKEND;
    if (alone || !runner->hello) on_gone(&runner->family);
    else rs_families_end(&engine->families, &runner->family);
  }
}
