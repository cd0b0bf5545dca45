#define _GNU_SOURCE
#include "entry.h"

#include <cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "../control/add.h"
#include "../runner/handover.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../probe/probes.h"
#include "../runner/where.h"

enum { PATH_ROOM = 4096 };

static rs_bytes line;  /* one is written at a time */
static uint32_t about; /* the unit that it is about */

void rs_entry_boot(rs_engine *engine) {
  uint64_t id = (uint64_t)rs_base_now();
  if (getrandom(&id, sizeof id, 0) < 0) id ^= (uint64_t)engine->options->witness;
  snprintf(engine->boot, sizeof engine->boot, "%016llx", (unsigned long long)id);
}

/* The date of a monotonic moment. */
static void put_date(rs_time mono) {
  struct timespec real;
  struct tm date;
  char text[40];
  clock_gettime(CLOCK_REALTIME, &real);
  rs_time at = (rs_time)real.tv_sec * RS_SECOND + real.tv_nsec - (rs_base_now() - mono);
  time_t seconds = (time_t)(at / RS_SECOND);
  gmtime_r(&seconds, &date);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &date);
  rs_bytes_print(&line, ",\"time\":\"%s.%06dZ\"", text, (int)(at % RS_SECOND / 1000));
}

/* Where the unit is described. The core may have forgotten it by the time that its last
** entries are written: the book has not. */
static const rs_plan *described(rs_engine *engine, uint32_t id, uint32_t *row) {
  rs_unit *unit = rs_engine_unit(engine, id);
  const rs_plan_map *map = unit->plan ? rs_plans_get(&engine->plans, unit->plan) : NULL;
  rs_view view;
  if (!map && rs_core_view(engine->core, id, &view)) {
    unit->plan = view.plan;
    unit->row = view.row;
    map = rs_plans_get(&engine->plans, view.plan);
  }
  *row = unit->row;
  return map ? map->plan : NULL;
}

uint32_t rs_entry_above(rs_engine *engine, uint32_t unit) {
  rs_view view;
  if (rs_core_view(engine->core, unit, &view)) return view.parent;
  uint32_t row, id = RS_NONE;
  const rs_plan *plan = described(engine, unit, &row);
  while (plan && id == RS_NONE && row != RS_NONE) {
    rs_bytes path = {0};
    row = rs_plan_unit_at(plan, row)->parent;
    if (row != RS_NONE) rs_plan_path(plan, row, &path);
    if (row != RS_NONE) id = rs_core_find(engine->core, path.at, path.size);
    rs_bytes_free(&path);
  }
  return id;
}

static bool is_added(const rs_plan *plan, uint32_t row) {
  return rs_plan_spec_of(plan, row)->flags & RS_TEMPLATE;
}

static void put_path(rs_engine *engine, const char *key, uint32_t unit) {
  char path[PATH_ROOM];
  rs_bytes bytes = {0};
  uint32_t row;
  if (unit == RS_NONE) return;
  const rs_plan *plan = described(engine, unit, &row);
  if (plan && !is_added(plan, row)) {
    rs_plan_path(plan, row, &bytes);
    rs_json_text(&line, key, bytes.at, bytes.size);
    rs_bytes_free(&bytes);
    return;
  }
  uint32_t name_size;
  const char *name = plan ? rs_add_text(engine, unit, &name_size) : NULL;
  if (name) { /* the core may have forgotten it by now */
    rs_plan_path(plan, rs_plan_unit_at(plan, row)->parent, &bytes);
    rs_bytes_text(&bytes, "/");
    rs_bytes_text(&bytes, name);
    rs_json_text(&line, key, bytes.at, bytes.size);
    rs_bytes_free(&bytes);
    return;
  }
  size_t size = rs_core_path(engine->core, unit, path, sizeof path);
  rs_json_text(&line, key, path, size < sizeof path ? size : sizeof path - 1);
}

static void begin(rs_engine *engine, const rs_entry *entry) {
  line.size = 0;
  about = entry->unit;
  rs_bytes_print(&line, "{\"seq\":%llu", (unsigned long long)entry->seq);
  put_date(entry->mono);
  rs_json_span(&line, "mono", entry->mono - engine->started);
  put_path(engine, "unit", entry->unit);
  if (entry->unit != RS_NONE && entry->inc != RS_NONE)
    rs_json_int(&line, "incarnation", entry->inc);
  if (entry->cause != 0) rs_json_int(&line, "cause", (int64_t)entry->cause);
  rs_json_name(&line, "kind", rs_name_kind(entry->kind));
}

static void finish(rs_engine *engine) {
  rs_json_name(&line, "boot", engine->boot);
  rs_bytes_text(&line, "}\n");
  rs_journal_add(&engine->journal, line.at, line.size);
  rs_probes_entry(engine, about, line.at, line.size - 1);
}

static void put_text(rs_engine *engine, const char *key, uint64_t number) {
  size_t size;
  const char *text = rs_texts_get(&engine->texts, number, &size);
  if (number != 0) rs_json_text(&line, key, text, size);
}

/* The state's name and, where `edge` is one of its edges, that edge's event. */
static void put_state(rs_engine *engine, const char *key, const rs_entry *entry,
                      uint32_t index, uint32_t edge) {
  uint32_t row;
  const rs_plan *plan = described(engine, entry->unit, &row);
  if (!plan || index == RS_NONE) return;
  if (rs_plan_spec_of(plan, row)->life == RS_NONE) {
    rs_json_name(&line, key, rs_name_state(index));
    return;
  }
  const rs_plan_state *state = rs_plan_state_of(plan, row, index);
  if (!state) return;
  rs_json_text(&line, key, rs_plan_bytes(plan, state->name), state->name.len);
  if (edge >= state->edge_count) return;
  const rs_plan_edge *edges = rs_plan_rows(plan, RS_T_EDGE);
  rs_ref event = edges[state->edge_at + edge].event;
  rs_json_text(&line, "event", rs_plan_bytes(plan, event), event.len);
}

static void put_violation(rs_engine *engine, const rs_entry *entry) {
  rs_json_name(&line, "constraint", rs_name_constraint(entry->a));
  put_state(engine, "state", entry, (uint32_t)entry->b, RS_NONE);
  rs_json_span(&line, "limit", entry->x);
  rs_json_span(&line, "observed", entry->y);
  if (entry->text != 0) {
    put_text(engine, "where", entry->text);
    return;
  }
  char text[512];
  rs_where(engine, entry->unit, text, sizeof text);
  if (*text) rs_json_name(&line, "where", text);
}

static void put_exited(rs_engine *engine, const rs_entry *entry) {
  const rs_unit *unit = rs_engine_unit(engine, entry->unit);
  const char *name = rs_name_signal(entry->b);
  bool by_signal = entry->a == RS_WHY_SIGNAL || entry->a == RS_WHY_KILLED;
  rs_json_name(&line, "reason", rs_name_why(entry->a));
  if (by_signal && name) rs_json_name(&line, "signal", name);
  if (by_signal && !name && entry->b > 0) rs_json_int(&line, "signal", entry->b);
  const char *number = entry->a == RS_WHY_LAUNCH ? strerrorname_np(entry->b) : NULL;
  bool has_status = entry->a == RS_WHY_OK || entry->a == RS_WHY_ERROR;
  if (number && entry->b > 0) rs_json_name(&line, "errno", number);
  if (has_status && unit->backend == RS_EXTERNAL)
    rs_json_int(&line, "status", entry->b);
  rs_json_bool(&line, "expected", entry->c == 1);
  put_text(engine, entry->a == RS_WHY_INTERRUPTED ? "where" : "detail", entry->text);
}

/* Of a domain that nobody in it is to blame for: how its runner ended. */
static void put_restart(rs_engine *engine, const rs_entry *entry) {
  rs_json_name(&line, "why", rs_name_restart(entry->a));
  rs_json_bool(&line, "charged", entry->b == 1);
  rs_json_span(&line, "delay", entry->x);
  put_text(engine, "detail", entry->text);
}

static void put_escalated(rs_engine *engine, const rs_entry *entry) {
  rs_json_int(&line, "max", entry->a);
  rs_json_span(&line, "within", entry->x);
  if (entry->b == 1) put_path(engine, "child", entry->other);
}

static void put_reload(rs_engine *engine, const rs_entry *entry) {
  rs_json_int(&line, "added", entry->a);
  rs_json_int(&line, "removed", entry->b);
  rs_json_int(&line, "changed", entry->c);
  rs_json_int(&line, "unchanged", entry->x);
  if (entry->y > 0) rs_json_span(&line, "confirm", entry->y);
  put_text(engine, "why", entry->text);
}

/* Whether the incarnation before left it anything. */
static void put_data(rs_engine *engine, const rs_entry *entry) {
  int given = rs_handover_told(engine, entry->unit, entry->inc);
  if (given >= 0) rs_json_bool(&line, "data", given);
}

static void put_started(rs_engine *engine, const rs_entry *entry) {
  uint32_t row;
  size_t size;
  const rs_plan *plan = described(engine, entry->unit, &row);
  if (entry->a != 0) rs_json_int(&line, "pid", entry->a);
  if (plan && entry->b == RS_CUSTOM) {
    const char *name = rs_plan_backend_of(plan, row, &size);
    rs_json_text(&line, "backend", name, size);
  } else {
    rs_json_name(&line, "backend", rs_name_backend((uint32_t)entry->b));
  }
  put_data(engine, entry);
}

void rs_entry_write(rs_engine *engine, const rs_entry *entry) {
  uint32_t row;
  if (entry->unit != RS_NONE) described(engine, entry->unit, &row);
  if (entry->brief) return;
  begin(engine, entry);
  switch (entry->kind) {
  case RS_J_STARTED: put_started(engine, entry); break;
  case RS_J_TRANSITION:
    put_state(engine, "from", entry, entry->a, (uint32_t)entry->b);
    put_state(engine, "to", entry, entry->c, RS_NONE);
    break;
  case RS_J_VIOLATION: put_violation(engine, entry); break;
  case RS_J_EXITED: put_exited(engine, entry); break;
  case RS_J_KILLED: rs_json_name(&line, "why", rs_name_killed(entry->a)); break;
  case RS_J_RESTART: put_restart(engine, entry); break;
  case RS_J_COLLATERAL: put_path(engine, "culprit", entry->other); break;
  case RS_J_ESCALATED: put_escalated(engine, entry); break;
  case RS_J_RELOAD: put_reload(engine, entry); break;
  case RS_J_STOP:
    put_text(engine, "by", entry->text);
    if (entry->a == 1) rs_json_bool(&line, "hold", true);
    break;
  case RS_J_START: put_text(engine, "by", entry->text); break;
  default: break;
  }
  finish(engine);
}

/* What made the incarnation be, or end: of what it says and what probes say of it, that
** is the cause. */
static uint64_t cause_of(const rs_engine *engine, uint32_t unit, uint32_t inc) {
  rs_view view;
  if (unit == RS_NONE || !rs_core_view(engine->core, unit, &view)) return 0;
  return inc == RS_NONE || inc == view.inc ? view.cause : 0;
}

/* An entry that the engine writes itself. */
static uint64_t begin_own(rs_engine *engine, uint32_t kind, uint32_t unit,
                          uint32_t inc) {
  rs_entry entry = {
    .seq = rs_core_seq(engine->core), .mono = rs_base_now(), .kind = kind};
  entry.unit = unit;
  entry.inc = inc;
  entry.cause = cause_of(engine, unit, inc);
  begin(engine, &entry);
  return entry.seq;
}

void rs_entry_output(rs_engine *engine, uint32_t unit, uint32_t inc, const char *stream,
                     const char *text, size_t size) {
  rs_probes_line(engine, unit, inc, stream, text, size);
  begin_own(engine, RS_J_OUTPUT, unit, inc);
  rs_json_name(&line, "stream", stream);
  rs_json_text(&line, "text", text, size);
  finish(engine);
}

uint64_t rs_entry_probe(rs_engine *engine, const rs_event *note, const char *text,
                        size_t size) {
  size_t name = strnlen(text, size);
  size_t event = name < size ? strnlen(text + name + 1, size - name - 1) : 0;
  size_t skip = name + event + 2;
  const rs_plan_map *map = rs_plans_get(&engine->plans, note->other);
  uint64_t seq = begin_own(engine, RS_J_PROBE, note->unit, note->inc);
  rs_json_text(&line, "probe", text, name);
  rs_json_name(&line, "verdict", rs_name_verdict(note->a));
  if (skip < size) rs_json_text(&line, "detail", text + skip, size - skip);
  if (map) rs_probes_place_of(map->plan, note->other_inc, &line);
  finish(engine);
  return seq;
}

void rs_entry_note(rs_engine *engine, uint64_t cause, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  rs_entry entry = {.seq = rs_core_seq(engine->core), .mono = rs_base_now()};
  entry.kind = RS_J_LOG;
  entry.unit = entry.inc = RS_NONE;
  entry.cause = cause;
  begin(engine, &entry);
  rs_json_name(&line, "level", rs_name_level(1));
  rs_json_name(&line, "text", text);
  finish(engine);
}

void rs_entry_log(rs_engine *engine, uint32_t unit, uint32_t inc, uint32_t level,
                  const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  rs_event note = {.kind = RS_NOTE_SAID, .unit = unit, .inc = inc, .a = level};
  if (engine->ended) {
    rs_entry_said(engine, &note, text, strlen(text));
    return;
  }
  note.text = rs_texts_put(&engine->texts, text, strlen(text));
  rs_engine_put(engine, note);
}

void rs_entry_said(rs_engine *engine, const rs_event *note, const char *text,
                   size_t size) {
  begin_own(engine, RS_J_LOG, note->unit, note->inc);
  rs_json_name(&line, "level", rs_name_level(note->a));
  rs_json_text(&line, "text", text, size);
  finish(engine);
}

void rs_entry_log_json(rs_engine *engine, uint32_t unit, uint32_t inc, uint32_t level,
                       const char *json, size_t size) {
  cJSON *root = cJSON_ParseWithLength(json, size);
  const char *text =
    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "text"));
  const cJSON *fields = cJSON_GetObjectItemCaseSensitive(root, "fields");
  begin_own(engine, RS_J_LOG, unit, inc);
  rs_json_name(&line, "level", rs_name_level(level));
  if (text) rs_json_name(&line, "text", text);
  else rs_json_text(&line, "text", json, size);
  bool is_there = cJSON_IsObject(fields) || cJSON_IsArray(fields);
  char *printed = is_there ? cJSON_PrintUnformatted(fields) : NULL;
  if (printed) {
    rs_bytes_text(&line, ",\"fields\":");
    rs_json_raw(&line, printed);
    cJSON_free(printed);
  }
  cJSON_Delete(root);
  finish(engine);
}

void rs_entry_gap(rs_engine *engine, uint64_t from, uint64_t up_to, rs_bytes *out) {
  rs_entry entry = {.seq = up_to, .mono = rs_base_now(), .kind = RS_J_DROPPED};
  entry.unit = entry.inc = RS_NONE;
  begin(engine, &entry);
  rs_json_int(&line, "from", (int64_t)from);
  rs_json_int(&line, "up_to", (int64_t)up_to);
  rs_json_name(&line, "boot", engine->boot);
  rs_bytes_text(&line, "}\n");
  rs_bytes_add(out, line.at, line.size);
}

void rs_entry_disk(rs_engine *engine) {
  rs_disk *disk = &engine->journal.disk;
  if (disk->removed > 0) {
    begin_own(engine, RS_J_DROPPED, RS_NONE, RS_NONE);
    rs_json_int(&line, "up_to", (int64_t)disk->removed);
    finish(engine);
    disk->removed = 0;
  }
  /* Told at the first, and once the disk takes entries again: this is one, too. */
  if (disk->lost == 0 || (disk->failing && disk->told)) return;
  uint64_t lost = disk->lost;
  disk->told = disk->failing;
  disk->lost = 0;
  rs_entry_log(engine, RS_NONE, RS_NONE, 3, "the journal's file: %llu entries lost: %s",
               (unsigned long long)lost, strerror(disk->error));
}
