#define _GNU_SOURCE
#include "probes.h"

#include "../../core/unit.h"
#include "../command/command.h"
#include "../journal/entry.h"
#include "../base/json.h"
#include "../runner/lua.h"
#include "../base/names.h"

/* A line of the runner's own, not of one of its probes. */
static void nonsense(rs_runner *runner, const char *what) {
  rs_entry_log(runner->engine, RS_NONE, RS_NONE, 3, "the probes' runner sent %s", what);
  rs_runner_kill(runner, RS_NONE, 0);
}

static void note(rs_probes *probes, const rs_probe *probe, rs_event event) {
  event.unit = probe->unit;
  event.inc = probe->inc;
  rs_engine_put(probes->engine, event);
}

/* A command that gives no sign of life, by WATCHDOG, has none of an age. */
static void describe_life(const rs_unit *unit, rs_bytes *json) {
  rs_time now = rs_base_now(), beat;
  pid_t pid;
  rs_engine_process(unit, &pid, &beat);
  if (unit->started > 0) rs_json_span(json, "uptime", now - unit->started);
  if (pid > 0) rs_json_int(json, "pid", pid);
  if (beat > 0) rs_json_span(json, "heartbeat_age", beat < now ? now - beat : 0);
}

static void describe_backend(const rs_plan *plan, uint32_t row, rs_bytes *json) {
  size_t size;
  const char *name = rs_plan_backend_of(plan, row, &size);
  if (rs_plan_spec_of(plan, row)->kind == RS_SUPERVISOR) return;
  rs_json_text(json, "backend", name, size);
}

/* What a probe sees of its unit. */
static void describe(rs_probes *probes, const rs_probe *probe, rs_bytes *json) {
  char path[4096];
  rs_engine *engine = probes->engine;
  rs_view view;
  if (!rs_core_view(engine->core, probe->unit, &view)) return;
  const rs_unit *unit = rs_engine_unit(engine, probe->unit);
  const rs_plan *plan = rs_plans_get(&engine->plans, view.plan)->plan;
  const rs_plan_spec *spec = rs_plan_spec_of(plan, view.row);
  static const char *const kinds[] = {"", "supervisor", "worker", "command"};
  size_t size = rs_core_path(engine->core, probe->unit, path, sizeof path);
  rs_json_text(json, "path", path, size < sizeof path ? size : sizeof path - 1);
  rs_json_name(json, "kind", kinds[spec->kind]);
  describe_backend(plan, view.row, json);
  const char *state = rs_probes_state(plan, &view, &size);
  if (state) rs_json_text(json, "state", state, size);
  rs_json_name(json, "health", rs_name_health(view.health));
  rs_json_int(json, "incarnation", view.inc);
  rs_json_int(json, "restarts", view.restarts);
  if (view.life != RS_LIFE_DOWN) describe_life(unit, json);
  const char *text = rs_engine_said(unit, &size);
  if (size > 0) rs_json_text(json, "status", text, size);
}

static void answer(rs_probes *probes, const rs_probe *probe) {
  rs_bytes json = {0};
  describe(probes, probe, &json);
  rs_bytes_text(&json, json.size > 0 ? "}" : "{}");
  json.at[0] = '{'; /* each field begins with a comma */
  rs_record record = {.kind = RS_DOWN_UNIT, .size = (uint32_t)json.size};
  if (json.size <= RS_TEXT_MAX) rs_probes_put(probes, probe, record, json.at);
  rs_bytes_free(&json);
}

/* Hands the event to the lifecycle of this incarnation, if that lives. */
static void emit(rs_probes *probes, const rs_probe *probe, const char *event) {
  rs_unit *unit = rs_engine_unit(probes->engine, probe->unit);
  if (!unit->runner || unit->slot == RS_NONE || unit->inc != probe->inc) return;
  rs_record record = {.kind = RS_DOWN_EMIT, .slot = unit->slot, .inc = unit->inc};
  record.at = rs_base_now();
  record.size = (uint32_t)strlen(event);
  rs_part_put(unit->runner, rs_part_book(unit->runner, unit->slot)->vm, &record, event);
}

/* The note about it was put just before: its entry becomes the cause. */
static void restart(rs_probes *probes, const rs_probe *probe, const char *name,
                    const char *detail) {
  rs_event event = {.kind = RS_EV_VERDICT, .a = probe->row, .at = rs_base_now()};
  event.text = rs_texts_print(&probes->engine->texts, "%s: %s", name, detail);
  note(probes, probe, event);
}

/* "name", NUL, "event", NUL, "detail". */
static void hear_verdict(rs_runner *runner, rs_probe *probe, const rs_record *record,
                         const char *text) {
  rs_probes *probes = runner->engine->probes;
  const char *event = memchr(text, 0, record->size);
  const char *end = text + record->size;
  const char *detail = event ? memchr(event + 1, 0, (size_t)(end - event - 1)) : NULL;
  bool known = record->a >= RS_VERDICT_ALIVE && record->a <= RS_VERDICT_FAILING;
  if (!detail || !known || record->b > RS_VERDICT_EMIT || probe->backlog) {
    nonsense(runner, "a verdict that is none");
    return;
  }
  if (probe->ending) return;
  rs_probes_said(probe, record->a, detail + 1, (size_t)(end - detail - 1));
  rs_event told = {.kind = RS_NOTE_PROBE, .a = record->a};
  told.other = probe->plan;
  told.other_inc = probe->row;
  told.text = rs_texts_put(&probes->engine->texts, text, record->size);
  note(probes, probe, told);
  if (probe->kind == RS_P_READY) {
    rs_event ready = {.kind = RS_EV_READY, .at = rs_base_now()};
    if (record->a == RS_VERDICT_ALIVE) note(probes, probe, ready);
  } else if (record->a == RS_VERDICT_DEAD) {
    if (record->b == RS_VERDICT_RESTART) restart(probes, probe, text, detail + 1);
    if (record->b == RS_VERDICT_EMIT) emit(probes, probe, event + 1);
  }
}

static void hear_log(rs_probes *probes, const rs_probe *probe, const rs_record *record,
                     const char *text) {
  bool is_log = record->kind == RS_UP_LOG;
  rs_event event = {.kind = is_log ? RS_NOTE_LOG : RS_NOTE_OUTPUT, .a = record->a};
  event.text = rs_texts_put(&probes->engine->texts, text, record->size);
  note(probes, probe, event);
}

static void want_lines(rs_probes *probes, rs_probe *probe) {
  if (!probe->lines) probes->line_readers++;
  probe->lines = true;
}

static void hear_taken(rs_runner *runner, rs_probe *probe, uint32_t count) {
  if (count > probe->ahead) {
    nonsense(runner, "thanks for what it did not get");
    return;
  }
  probe->ahead -= count;
  if (probe->backlog) rs_probes_feed(runner->engine->probes, probe);
}

/* It has let go of a probe, or of one that it could not begin. */
static void hear_exit(rs_probes *probes, rs_probe *probe, const char *text) {
  rs_part_free(probes->runner, probe->slot);
  probe->slot = RS_NONE;
  if (probe->ending) {
    rs_probes_free(probes, probe);
    return;
  }
  probe->disabled = true;
  rs_entry_log(probes->engine, probe->unit, probe->inc, 3, "a probe ended: %s", text);
}

static void hear_own(rs_runner *runner, const rs_record *record, const char *text) {
  rs_event event = {.kind = RS_NOTE_LOG, .unit = RS_NONE, .inc = RS_NONE};
  event.a = record->a;
  switch (record->kind) {
  case RS_UP_RUNS: rs_probes_wake(runner->engine->probes); return;
  case RS_UP_GONE: return;
  case RS_UP_LOG: break;
  case RS_UP_OUTPUT: event.kind = RS_NOTE_OUTPUT; break;
  default: nonsense(runner, "a record in nobody's name"); return;
  }
  event.text = rs_texts_put(&runner->engine->texts, text, record->size);
  rs_engine_put(runner->engine, event);
}

void rs_probes_hear(rs_runner *runner, const rs_record *record, const char *text) {
  rs_probes *probes = runner->engine->probes;
  if (record->slot == RS_NONE) {
    hear_own(runner, record, text);
    return;
  }
  const rs_slot_book *book = rs_part_book(runner, record->slot);
  if (!book || probes->runner != runner) {
    nonsense(runner, "a record of a probe that there is not");
    return;
  }
  rs_probe *probe = book->inc < probes->count ? &probes->at[book->inc] : NULL;
  /* The last words of one that is over are nothing bad. */
  if (!probe || probe->slot != record->slot || probe->inc != record->inc) return;
  switch (record->kind) {
  case RS_UP_LOOK: answer(probes, probe); break;
  case RS_UP_VERDICT: hear_verdict(runner, probe, record, text); break;
  case RS_UP_LINES: want_lines(probes, probe); break;
  case RS_UP_TAKEN: hear_taken(runner, probe, record->a); break;
  case RS_UP_LOG:
  case RS_UP_OUTPUT: hear_log(probes, probe, record, text); break;
  case RS_UP_EXIT: hear_exit(probes, probe, text); break;
  default: nonsense(runner, "a record of a kind that there is not");
  }
}
