#define _GNU_SOURCE
#include <signal.h>

#include "runner/channels.h"
#include "control/control.h"
#include "journal/entry.h"
#include "runner/lua.h"
#include "probe/probes.h"
#include "runner/runner.h"

enum { BATCH = 1024 }; /* records of one VM before another gets its turn */

/* One record, copied out of the ring; nothing in it is believed yet. */
typedef struct rs_heard {
  rs_runner *runner;
  rs_vm_book *vm;
  uint32_t vm_id;
  const rs_record *record;
  const char *text;
} rs_heard;

/* Nonsense. Whoever ran then answers for it; where nobody can be named, the runner. */
static void blame(const rs_heard *heard, const char *what) {
  rs_runner *runner = heard->runner;
  uint32_t unit = heard->vm->own ? heard->vm->unit : rs_fate_runs(runner, heard->vm_id);
  if (unit == RS_NONE) {
    rs_entry_log(runner->engine, runner->owner, RS_NONE, 3, "its runner sent %s", what);
    rs_runner_kill(runner, RS_NONE, 0);
    return;
  }
  rs_event event = {.kind = RS_EV_PROTOCOL, .unit = unit};
  event.inc = rs_engine_unit(runner->engine, unit)->inc;
  event.text = rs_texts_print(&runner->engine->texts, "its runner sent %s", what);
  rs_engine_put(runner->engine, event);
}

static bool is_end(uint32_t why) {
  return why == RS_WHY_OK || why == RS_WHY_ERROR || why == RS_WHY_EXCEPTION ||
         why == RS_WHY_INTERRUPTED || why == RS_WHY_LAUNCH;
}

static uint64_t keep(const rs_heard *heard) {
  return rs_texts_put(&heard->runner->engine->texts, heard->text, heard->record->size);
}

/* The journal's, in turn; event.a is the record's. */
static void note(const rs_heard *heard, rs_event event, uint32_t kind) {
  event.kind = kind;
  event.text = keep(heard);
  rs_engine_put(heard->runner->engine, event);
}

static void hear_exit(const rs_heard *heard, rs_event event) {
  if (!is_end(event.a)) {
    blame(heard, "an end that is none");
    return;
  }
  event.kind = RS_EV_EXIT;
  if (event.b == 1) rs_runner_collect(heard->runner);
  event.b = 0;
  if (heard->record->size > 0) event.text = keep(heard);
  rs_lua_ended(heard->runner, heard->record->slot, event);
}

static void hear_of(const rs_heard *heard, rs_event event) {
  rs_engine *engine = heard->runner->engine;
  const rs_record *record = heard->record;
  switch (record->kind) {
  case RS_UP_BEGIN: event.kind = RS_EV_BEGIN; break;
  case RS_UP_ENTER: event.kind = RS_EV_ENTER; break;
  case RS_UP_READY: event.kind = RS_EV_READY; break;
  case RS_UP_EXIT: hear_exit(heard, event); return;
  case RS_UP_LOG: note(heard, event, RS_NOTE_LOG); return;
  case RS_UP_OUTPUT: note(heard, event, RS_NOTE_OUTPUT); return;
  case RS_UP_DROPPED: note(heard, event, RS_NOTE_DROPPED); return;
  case RS_UP_STATUS:
  case RS_UP_HANDLE:
    rs_custom_tells(engine, event.unit, record->kind, heard->text, record->size);
    return;
  case RS_UP_CHANNEL:
    rs_channels_open(heard->runner, record->slot, &event, heard->text, record->size);
    return;
  case RS_UP_REPLY: return;
  default: blame(heard, "a record of a kind that there is not"); return;
  }
  rs_engine_put(engine, event);
}

/* What the VM says of itself. */
static void hear_vm(const rs_heard *heard) {
  rs_event event = {.kind = RS_EV_VM_RUNS, .unit = heard->runner->owner};
  rs_event of_vm = {.unit = event.unit, .inc = RS_NONE, .a = heard->record->a};
  switch (heard->record->kind) {
  case RS_UP_RUNS:
    event.a = heard->vm->number;
    if (heard->vm->own) event.unit = heard->vm->unit;
    if (event.unit != RS_NONE) rs_engine_put(heard->runner->engine, event);
    break;
  case RS_UP_GONE: break;
  case RS_UP_REPLY:
    rs_control_reply(heard->runner->engine, heard->record->a, heard->record->b == 1,
                     heard->text, heard->record->size);
    break;
  case RS_UP_LOG: note(heard, of_vm, RS_NOTE_LOG); break;
  case RS_UP_OUTPUT: note(heard, of_vm, RS_NOTE_OUTPUT); break;
  default: blame(heard, "a record in nobody's name");
  }
}

static void hear(const rs_heard *heard) {
  const rs_record *record = heard->record;
  if (heard->runner->place == RS_PLACE_PROBES) {
    rs_probes_hear(heard->runner, record, heard->text);
    return;
  }
  if (record->slot == RS_NONE) {
    hear_vm(heard);
    return;
  }
  const rs_slot_book *book = rs_part_book(heard->runner, record->slot);
  if (!book || (book->unit != RS_NONE && book->vm != heard->vm_id)) {
    blame(heard, "a record in the name of another");
    return;
  }
  /* The last words of one that is over are nothing bad. */
  if (book->unit == RS_NONE || book->inc != record->inc) return;
  rs_event event = {.unit = book->unit, .inc = book->inc, .a = record->a};
  event.b = (int32_t)record->b;
  event.at = record->at;
  hear_of(heard, event);
}

static void kill_for(rs_runner *runner, uint32_t unit) {
  uint32_t inc = unit == RS_NONE ? 0 : rs_engine_unit(runner->engine, unit)->inc;
  rs_runner_kill(runner, unit, inc);
}

static void hear_one_vm(rs_runner *runner, uint32_t vm_id, bool all) {
  static char text[RS_TEXT_MAX + 1];
  rs_record record;
  rs_vm_book *vm = rs_part_vm(runner, vm_id);
  if (!vm || vm->broken) return;
  rs_heard heard = {runner, vm, vm_id, &record, text};
  int code = 0;
  for (uint32_t i = 0; all || i < BATCH; i++) {
    code = rs_ring_take(&vm->up, &record, text);
    if (code <= 0) break;
    text[record.size] = 0;
    hear(&heard);
  }
  if (code < 0) {
    vm->broken = true;
    blame(&heard, "bytes that are no record");
    kill_for(runner, rs_fate_runs(runner, vm_id));
  }
  if (code > 0) {
    rs_part *part = rs_part_of(runner, vm_id);
    uint32_t index = vm_id & ((1u << RS_SEGMENT_SHIFT) - 1);
    atomic_fetch_or(&part->seg.head->news[index / 64], UINT64_C(1) << index % 64);
    runner->news_left = true;
    rs_engine_again(runner->engine);
  }
  rs_part_flush(runner, vm_id);
  if (rs_ring_wanted(&vm->up)) rs_part_ring(runner, vm);
}

static void hear_part(rs_runner *runner, uint32_t number, bool all) {
  rs_part *part = runner->part[number];
  for (uint32_t word = 0; word * 64 < part->seg.vms; word++) {
    uint64_t news = atomic_exchange(&part->seg.head->news[word], 0);
    if (all) news = UINT64_MAX;
    for (uint32_t bit = 0; news != 0; bit++, news >>= 1)
      if (news & 1)
        hear_one_vm(runner, number << RS_SEGMENT_SHIFT | (word * 64 + bit), all);
  }
}

void rs_hear(rs_runner *runner, bool all) {
  runner->news_left = false;
  for (uint32_t i = 0; i < runner->part_count; i++) hear_part(runner, i, all);
}
