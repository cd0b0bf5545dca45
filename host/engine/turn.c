#define _GNU_SOURCE
#include "turn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "control/add.h"
#include "control/change.h"
#include "runner/channels.h"
#include "command/command.h"
#include "reload/confirm.h"
#include "control/control.h"
#include "journal/entry.h"
#include "runner/handover.h"
#include "runner/lua.h"
#include "notify.h"
#include "probe/probes.h"
#include "runner/runner.h"

enum { BATCH = 256, DONE = 0 /* no kind of action */, WARN = 2 };

rs_unit *rs_engine_unit(rs_engine *engine, uint32_t id) {
  if (id >= engine->unit_room) {
    uint32_t room = engine->unit_room ? engine->unit_room : 64;
    while (room <= id) room *= 2;
    engine->units = rs_base_grow(engine->units, room * sizeof *engine->units);
    for (uint32_t i = engine->unit_room; i < room; i++)
      engine->units[i] = (rs_unit){.slot = RS_NONE};
    engine->unit_room = room;
  }
  return &engine->units[id];
}

void rs_engine_put(rs_engine *engine, rs_event event) {
  if (engine->inbox_count == engine->inbox_room) {
    engine->inbox_room = engine->inbox_room ? engine->inbox_room * 2 : 256;
    engine->inbox =
      rs_base_grow(engine->inbox, engine->inbox_room * sizeof *engine->inbox);
  }
  engine->inbox[engine->inbox_count++] = event;
}

void rs_engine_exit(rs_engine *engine, uint32_t id, rs_event event) {
  rs_unit *unit = rs_engine_unit(engine, id);
  if (unit->slot != RS_NONE && unit->runner) rs_part_free(unit->runner, unit->slot);
  rs_custom_free(unit->custom);
  rs_channels_left(engine, id);
  free(unit->rung);
  rs_unit left = {.slot = RS_NONE, .inc = unit->inc, .backend = unit->backend};
  left.plan = unit->plan;
  left.row = unit->row;
  *unit = left;
  event.kind = RS_EV_EXIT;
  event.at = rs_base_now();
  rs_engine_put(engine, event);
}

void rs_engine_process(const rs_unit *unit, pid_t *pid, rs_time *beat) {
  *pid = 0, *beat = 0;
  if (unit->custom) return;
  if (unit->command) rs_command_state(unit->command, pid, beat);
  else if (unit->runner && !unit->runner->dead) *pid = unit->runner->child.pid;
  if (unit->runner && unit->slot != RS_NONE)
    *beat = atomic_load(&rs_part_memory(unit->runner, unit->slot)->beat);
}

const char *rs_engine_said(const rs_unit *unit, size_t *size) {
  *size = 0;
  if (unit->command) return rs_command_status(unit->command, size);
  const rs_bytes *said = rs_custom_status(unit->custom);
  if (said) *size = said->size;
  return said ? said->at : NULL;
}

void rs_engine_end(rs_engine *engine, int status) {
  if (engine->ended) return;
  engine->ended = true;
  engine->status = status;
  uv_stop(&engine->loop);
}

static void describe(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  unit->plan = action->plan;
  unit->row = action->row;
}

static void start(rs_engine *engine, const rs_action *action) {
  const rs_plan *plan = rs_plans_get(&engine->plans, action->plan)->plan;
  describe(engine, action);
  rs_engine_unit(engine, action->unit)->started = rs_base_now();
  if (rs_plan_spec_of(plan, action->row)->kind == RS_COMMAND)
    rs_command_start(engine, action);
  else rs_lua_start(engine, action);
}

/* A supervisor's domain has no units any more. */
static void leave_runner(rs_unit *unit) {
  if (!unit->runner || unit->slot != RS_NONE) return;
  unit->runner->owner = RS_NONE;
  rs_runner_kill(unit->runner, RS_NONE, 0);
  unit->runner = NULL;
}

/* Of a supervisor nothing is started: it is as old as its entry. What was wrong with
** one that had to go may be its domain's process: it begins anew in another. */
static void notice_boss(rs_engine *engine, const rs_entry *entry) {
  rs_unit *unit = rs_engine_unit(engine, entry->unit);
  const rs_plan_map *map = unit->plan ? rs_plans_get(&engine->plans, unit->plan) : NULL;
  if (!map || rs_plan_spec_of(map->plan, unit->row)->kind != RS_SUPERVISOR) return;
  unit->started = entry->kind == RS_J_STARTED ? rs_base_now() : 0;
  if (entry->kind == RS_J_EXITED && entry->a == RS_WHY_KILLED) leave_runner(unit);
}

static void journal(rs_engine *engine, const rs_entry *entry) {
  rs_entry_write(engine, entry);
  if (entry->kind == RS_J_RELOAD) rs_change_done(engine, entry);
  if (entry->kind == RS_J_STARTED || entry->kind == RS_J_EXITED)
    notice_boss(engine, entry);
}

static void forget(rs_engine *engine, uint32_t id) {
  rs_unit *unit = rs_engine_unit(engine, id);
  rs_handover_forget(engine, id);
  leave_runner(unit);
  rs_channels_left(engine, id);
  *unit = (rs_unit){.slot = RS_NONE};
  rs_view view; /* the id may be another's already */
  if (!rs_core_view(engine->core, id, &view)) rs_add_forget(engine, id);
}

static void kill_unit(rs_engine *engine, const rs_action *action) {
  const rs_unit *unit = rs_engine_unit(engine, action->unit);
  if (unit->command && unit->inc == action->inc)
    rs_command_kill(unit->command, action->a == RS_K_NOW);
  else rs_lua_kill(engine, action);
}

static void perform(rs_engine *engine, const rs_action *action) {
  switch (action->kind) {
  case RS_DO_START: start(engine, action); break;
  case RS_DO_ASK:
    rs_command_ask(engine, action);
    rs_lua_ask(engine, action);
    break;
  case RS_DO_INTERRUPT: rs_lua_interrupt(engine, action); break;
  case RS_DO_KILL: kill_unit(engine, action); break;
  case RS_DO_LOOK: rs_look(engine, action); break;
  case RS_DO_LOOK_VM: rs_look_vm(engine, action); break;
  case RS_DO_JOURNAL: journal(engine, &action->entry); break;
  case RS_DO_PATCH:
    describe(engine, action);
    rs_lua_patch(engine, action);
    break;
  case RS_DO_FORGET: rs_handover_served(engine, action); break;
  case RS_DO_SIGNAL: rs_command_reload(engine, action); break;
  case RS_DO_GONE:
    rs_control_gone(engine, action->unit, action->a == 1);
    forget(engine, action->unit);
    break;
  case RS_DO_DROP_PLAN:
    rs_lua_drop_plan(engine, action->a);
    rs_plans_drop(&engine->plans, action->a);
    break;
  case RS_DO_END: rs_engine_end(engine, action->b); break;
  default: break;
  }
  rs_confirm_hear(engine, action);
  rs_probes_notice(engine, action);
}

static bool is_note(const rs_event *event) { return event->kind >= RS_EV_COUNT; }

/* Up to the next note. */
static void step_all(rs_engine *engine, rs_time now) {
  while (engine->inbox_at < engine->inbox_count) {
    if (is_note(&engine->inbox[engine->inbox_at])) return;
    rs_probes_event(engine, &engine->inbox[engine->inbox_at]);
    engine->acted++;
    rs_core_step(engine->core, now, &engine->inbox[engine->inbox_at++]);
  }
  engine->inbox_at = engine->inbox_count = 0;
}

static void say_dropped(rs_engine *engine, rs_event *note, const char *event) {
  char text[320];
  int size = snprintf(text, sizeof text, "event '%.256s' dropped: no such edge", event);
  note->a = WARN;
  rs_entry_said(engine, note, text, (size_t)size);
}

/* What the verdict that was just told leads to has it for its cause. */
static void lead_to(rs_engine *engine, uint64_t seq) {
  if (engine->inbox_at == engine->inbox_count) return;
  rs_event *next = &engine->inbox[engine->inbox_at];
  if (next->kind == RS_EV_VERDICT) next->x = (rs_time)seq;
}

/* The core has decided on all that came before this note. False: there is none. */
static bool write_note(rs_engine *engine) {
  if (engine->inbox_at == engine->inbox_count) return false;
  rs_event note = engine->inbox[engine->inbox_at++];
  size_t size;
  const char *text = rs_texts_get(&engine->texts, note.text, &size);
  if (note.kind == RS_NOTE_LOG)
    rs_entry_log_json(engine, note.unit, note.inc, note.a, text, size);
  else if (note.kind == RS_NOTE_OUTPUT)
    rs_entry_output(engine, note.unit, note.inc, note.a == 2 ? "stderr" : "stdout",
                    text, size);
  else if (note.kind == RS_NOTE_PROBE)
    lead_to(engine, rs_entry_probe(engine, &note, text, size));
  else if (note.kind == RS_NOTE_SAID) rs_entry_said(engine, &note, text, size);
  else say_dropped(engine, &note, text);
  return true;
}

/* A process worker's or a command's replacement goes before all else that was decided
** at the same time: what it is to do depends on nothing of that, unless its id was
** another's. */
static void start_processes(rs_engine *engine, rs_action *actions, uint32_t count) {
  for (uint32_t i = 0; i < count && actions[i].kind != RS_DO_GONE; i++) {
    if (actions[i].kind != RS_DO_START) continue;
    const rs_plan *plan = rs_plans_get(&engine->plans, actions[i].plan)->plan;
    const rs_plan_spec *spec = rs_plan_spec_of(plan, actions[i].row);
    if (spec->backend != RS_PROCESS && spec->kind != RS_COMMAND) continue;
    start(engine, &actions[i]);
    actions[i].kind = DONE;
  }
}

/* True if it stopped before all was done. */
static bool decide(rs_engine *engine) {
  static rs_action actions[BATCH];
  for (uint32_t done = 0; done < RS_TURN_ACTIONS && !engine->ended;) {
    rs_time now = rs_base_now();
    step_all(engine, now);
    uint32_t count = rs_core_run(engine->core, now, actions, BATCH);
    start_processes(engine, actions, count);
    for (uint32_t i = 0; i < count; i++) perform(engine, &actions[i]);
    done += count + 1;
    engine->acted += count;
    if (count == 0 && !write_note(engine)) return false;
  }
  return !engine->ended;
}

static void on_due(void *ctx, rs_watch *watch, int events) {
  uint64_t times;
  (void)events;
  if (read(watch->fd, &times, sizeof times) > 0) ((rs_engine *)ctx)->due_at = RS_NEVER;
}

static void arm(rs_engine *engine) {
  rs_time at = rs_core_due(engine->core);
  if (at == engine->due_at) return;
  struct itimerspec set = {0};
  engine->due_at = at;
  if (at != RS_NEVER) {
    if (at < 1) at = 1;
    set.it_value.tv_sec = (time_t)(at / RS_SECOND);
    set.it_value.tv_nsec = (long)(at % RS_SECOND);
  }
  timerfd_settime(engine->due->fd, TFD_TIMER_ABSTIME, &set, NULL);
}

static void on_again(uv_idle_t *idle) {
  rs_engine *engine = idle->data;
  uv_idle_stop(idle);
  for (rs_runner *runner = engine->runners; runner; runner = runner->next)
    if (runner->news_left) rs_hear(runner, false);
}

void rs_engine_again(rs_engine *engine) { uv_idle_start(&engine->again, on_again); }

static void on_turn(uv_prepare_t *prepare) {
  rs_engine *engine = prepare->data;
  if (engine->ended) return;
  rs_families_turn(&engine->families);
  bool more = decide(engine);
  rs_part_bells(engine); /* units do not wait for clients */
  rs_control_hear(engine);
  if (engine->inbox_at < engine->inbox_count) more = decide(engine) || more;
  rs_confirm_look(engine);
  rs_control_tell(engine);
  rs_probes_flush(engine);
  rs_channels_flush(engine);
  rs_part_bells(engine);
  rs_fate_sweep(engine);
  rs_families_turn(&engine->families);
  rs_notify_look(engine);
  rs_calm_turn(engine);
  if (!more) rs_entry_disk(engine);
  more = more || engine->inbox_at < engine->inbox_count;
  if (more) rs_engine_again(engine);
  else rs_texts_trim(&engine->texts); /* what waits has texts, too */
  arm(engine);
}

void rs_turn_begin(rs_engine *engine) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) rs_base_fatal("no timer: %s", strerror(errno));
  engine->due = rs_watch_new(&engine->loop, fd, on_due, engine);
  engine->due_at = RS_NEVER;
  engine->turn.data = engine->again.data = engine;
  uv_prepare_init(&engine->loop, &engine->turn);
  uv_prepare_start(&engine->turn, on_turn);
  uv_idle_init(&engine->loop, &engine->again);
}
