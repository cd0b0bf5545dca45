#define _GNU_SOURCE
#include "query.h"

#include <stdlib.h>

#include "../../core/unit.h"
#include "../runner/channels.h"
#include "../command/command.h"
#include "../reload/confirm.h"
#include "../base/json.h"
#include "../runner/lua.h"
#include "match.h"
#include "../base/names.h"
#include "../probe/probes.h"
#include "../process/stray.h"
#include "tail.h"

typedef struct rs_row {
  uint32_t unit, depth;
} rs_row;

typedef struct rs_status {
  rs_job job;
  rs_row *row;
  uint32_t count, room, at;
  uint32_t depth; /* how many objects are open */
  bool many;      /* the answer is a list */
  bool begun;
  bool comma; /* something lies before what comes next */
  char id[RS_REQUEST_ID];
} rs_status;

static const char *const kinds[] = {"", "supervisor", "worker", "command"};
static const char *const healths[] = {"",       "healthy", "lingering", "completed",
                                      "failed", "stopped", "waiting"};
static const char *const lives[] = {"down",     "starting",    "up",
                                    "stopping", "interrupted", "killed"};

uint32_t rs_query_root(const rs_engine *engine) {
  const char *name = engine->control->root;
  return rs_core_find(engine->core, name, strlen(name));
}

static void put_seconds(rs_bytes *out, const char *key, rs_time span) {
  rs_json_span(out, key, span < 0 ? 0 : span);
}

static void put_backend(rs_bytes *out, const rs_plan *plan, uint32_t row) {
  size_t size;
  const char *name = rs_plan_backend_of(plan, row, &size);
  if (rs_plan_spec_of(plan, row)->kind == RS_SUPERVISOR) return;
  rs_json_text(out, "backend", name, size);
}

static void put_state(rs_bytes *out, const rs_plan *plan, const rs_view *view) {
  if (view->state == RS_NONE) return;
  const rs_plan_state *state = rs_plan_state_of(plan, view->row, view->state);
  if (state)
    rs_json_text(out, "state", rs_plan_bytes(plan, state->name), state->name.len);
  else if (rs_plan_spec_of(plan, view->row)->kind != RS_SUPERVISOR)
    rs_json_name(out, "state", rs_name_state(view->state));
}

/* Its process, and when it last gave a sign of life. */
static void put_process(rs_engine *engine, rs_bytes *out, const rs_view *view) {
  const rs_unit *unit = rs_engine_unit(engine, view->unit);
  rs_time now = rs_base_now(), beat;
  pid_t pid;
  if (view->life == RS_LIFE_DOWN) return;
  rs_engine_process(unit, &pid, &beat);
  if (pid > 0) rs_json_int(out, "pid", pid);
  rs_time from = unit->started > 0 ? unit->started : view->since;
  put_seconds(out, "uptime", now - from);
  if (beat > 0) put_seconds(out, "heartbeat_age", now - beat);
  size_t size;
  const char *text = rs_engine_said(unit, &size);
  if (size > 0) rs_json_text(out, "status", text, size);
}

/* Of one that an operator stopped the order says more than the end that followed. */
static void put_because(rs_engine *engine, rs_bytes *out, uint64_t seq, bool held) {
  static const char kind[] = ",\"kind\":\"exited\"", key[] = ",\"cause\":";
  size_t before = out->size;
  rs_bytes_text(out, ",\"because\":");
  size_t from = out->size;
  if (!rs_tail_entry(engine, seq, out)) {
    out->size = before;
    return;
  }
  if (!held || !memmem(out->at + from, out->size - from, kind, sizeof kind - 1)) return;
  const char *at = memmem(out->at + from, out->size - from, key, sizeof key - 1);
  uint64_t order = at ? strtoull(at + sizeof key - 1, NULL, 10) : 0;
  if (order == 0 || order >= seq) return;
  out->size = before;
  put_because(engine, out, order, true);
}

/* Who is not as it should be says since when, until when, and why. */
static void put_wait(rs_engine *engine, rs_bytes *out, const rs_view *view) {
  rs_time now = rs_base_now();
  char path[RS_REQUEST_PATH];
  put_seconds(out, "since", now - view->since);
  bool settled = view->health == RS_HEALTHY || view->health == RS_COMPLETED;
  if (view->cause != 0) rs_json_int(out, "cause", (int64_t)view->cause);
  if (view->waits_for != RS_NONE) {
    rs_core_path(engine->core, view->waits_for, path, sizeof path);
    rs_json_name(out, "waits_for", path);
  }
  bool stays = settled && view->life == RS_LIFE_UP;
  if (!stays && view->until != RS_NEVER && view->health != RS_COMPLETED)
    put_seconds(out, "until", view->until - now);
  if (stays && view->restarts == 0) return;
  if (view->cause == 0) return;
  put_because(engine, out, view->cause, view->health == RS_STOPPED);
}

/* Restarts that count: at one's own limit, or its children's at a supervisor's. */
static void put_intensity(const rs_engine *engine, rs_bytes *out, const rs_view *view) {
  rs_intensity limit;
  static const char *const names[] = {"intensity", "own_intensity"};
  for (int own = 0; own < 2; own++) {
    if (!rs_core_intensity(engine->core, view->unit, own == 1, &limit)) continue;
    rs_bytes_print(out, ",\"%s\":{\"max\":%u", names[own], limit.max);
    if (limit.within != RS_NEVER) rs_json_span(out, "within", limit.within);
    rs_json_int(out, "used", limit.used);
    if (limit.until != RS_NEVER) {
      rs_time left = limit.until - rs_base_now();
      put_seconds(out, "until", left);
    }
    rs_bytes_text(out, "}");
  }
}

void rs_query_unit(rs_engine *engine, rs_bytes *out, const rs_view *view) {
  char path[RS_REQUEST_PATH];
  const rs_plan_map *map = rs_plans_get(&engine->plans, view->plan);
  const rs_plan *plan = map->plan;
  const rs_plan_unit *row = rs_plan_unit_at(plan, view->row);
  rs_core_path(engine->core, view->unit, path, sizeof path);
  const char *slash = strrchr(path, '/');
  rs_bytes_text(out, "{\"name\":");
  rs_json_string(out, slash ? slash + 1 : path, strlen(slash ? slash + 1 : path));
  rs_json_name(out, "path", path);
  rs_json_name(out, "kind", kinds[rs_plan_spec_of(plan, view->row)->kind]);
  put_backend(out, plan, view->row);
  put_state(out, plan, view);
  rs_json_name(out, "health", healths[view->health]);
  rs_json_name(out, "life", lives[view->life]);
  rs_json_bool(out, "ready", view->ready);
  rs_json_int(out, "incarnation", view->ran);
  rs_json_int(out, "restarts", view->restarts);
  put_process(engine, out, view);
  if (rs_plan_spec_of(plan, view->row)->kind == RS_SUPERVISOR)
    rs_channels_status(engine, out, path);
  put_wait(engine, out, view);
  put_intensity(engine, out, view);
  rs_probes_show(engine, view->unit, out);
  rs_json_text(out, "file", rs_plan_bytes(plan, row->file), row->file.len);
  rs_json_int(out, "line", row->line);
  if (view->parent != RS_NONE) return;
  rs_confirm_put(engine, out);
  rs_strays_put(&engine->children, &engine->cgroups, out);
}

static void close_to(rs_status *status, rs_bytes *out, uint32_t depth) {
  while (status->depth > depth) {
    rs_bytes_text(out, "]}");
    status->comma = true;
    status->depth--;
  }
}

/* The next unit; those below one that is gone go with it. */
static void put_next(rs_peer *peer, rs_status *status) {
  rs_view view;
  rs_row row = status->row[status->at++];
  if (!rs_core_view(peer->engine->core, row.unit, &view)) {
    while (status->at < status->count && status->row[status->at].depth > row.depth)
      status->at++;
    return;
  }
  rs_bytes *out = &peer->out;
  close_to(status, out, row.depth);
  if (status->comma) rs_bytes_text(out, ",");
  rs_query_unit(peer->engine, out, &view);
  const rs_plan *plan = rs_plans_get(&peer->engine->plans, view.plan)->plan;
  status->comma = rs_plan_spec_of(plan, view.row)->kind != RS_SUPERVISOR;
  rs_bytes_text(out, status->comma ? "}" : ",\"children\":[");
  if (!status->comma) status->depth = row.depth + 1;
}

static bool more(rs_peer *peer, rs_job *job) {
  rs_status *status = (rs_status *)job;
  if (!status->begun) {
    rs_peer_begin(&peer->out, status->id);
    if (status->many) rs_bytes_text(&peer->out, "[");
    status->begun = true;
  }
  for (int i = 0; i < RS_QUERY_PIECE && status->at < status->count; i++)
    put_next(peer, status);
  if (status->at < status->count) return true;
  close_to(status, &peer->out, 0);
  rs_bytes_text(&peer->out, status->many ? "]}\n" : "}\n");
  return false;
}

static void end(rs_job *job) {
  free(((rs_status *)job)->row);
  free(job);
}

/* A unit and all below it. */
static void add(rs_status *status, const rs_core *core, uint32_t unit, uint32_t depth) {
  if (status->count == status->room) {
    status->room = status->room ? status->room * 2 : 64;
    status->row = rs_base_grow(status->row, status->room * sizeof *status->row);
  }
  status->row[status->count++] = (rs_row){unit, depth};
  for (uint32_t child = rs_core_child(core, unit); child != RS_NONE;
       child = rs_core_next(core, child))
    add(status, core, child, depth + 1);
}

static bool has(const rs_status *status, uint32_t from, uint32_t unit) {
  for (uint32_t i = from; i < status->count; i++)
    if (status->row[i].unit == unit) return true;
  return false;
}

static void show(const rs_request *request, const uint32_t *units, uint32_t count) {
  rs_engine *engine = request->peer->engine;
  uint32_t last = 0;
  rs_status *status = rs_base_new(sizeof *status);
  status->job.more = more;
  status->job.free = end;
  status->many = rs_match_is_glob(request->path);
  memcpy(status->id, request->id, sizeof status->id);
  for (uint32_t i = 0; i < count; i++) {
    if (has(status, last, units[i])) continue; /* below the one before */
    last = status->count;
    add(status, engine->core, units[i], 0);
  }
  request->peer->job = &status->job;
}

void rs_query_status(const rs_request *request) {
  uint32_t root = rs_query_root(request->peer->engine);
  if (*request->path) rs_match_units(request, show);
  else show(request, &root, 1);
}
