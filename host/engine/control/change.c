#define _GNU_SOURCE
#include "change.h"

#include <stdlib.h>

#include "../../core/compare.h"
#include "../reload/confirm.h"
#include "../reload/evaluate.h"
#include "../base/json.h"

enum { PIECE = 256 };

struct rs_change {
  rs_peer *peer; /* NULL: it has gone */
  bool only;     /* a plan */
  bool applied;
  char id[RS_REQUEST_ID];
};

/* The answer to `plan`, in pieces. */
typedef struct rs_preview {
  rs_job job;
  rs_engine *engine;
  uint32_t plan; /* the number of the one that was made for it */
  rs_change_row *row;
  uint32_t count, at;
  uint32_t counts[RS_CHANGE_COUNT];
  bool begun, some, all;
  char id[RS_REQUEST_ID];
} rs_preview;

static const char *const effects[] = {"", "start", "stop", "restart", "patch", "keep"};

static const struct {
  uint32_t bit;
  const char *text;
} reasons[] = {
  {RS_DIFFERS_BACKEND, "backend"},  {RS_DIFFERS_ARGS, "args"},
  {RS_DIFFERS_CODE, "code"},        {RS_DIFFERS_LIFE, "lifecycle"},
  {RS_DIFFERS_EXEC, "exec"},        {RS_DIFFERS_PLACE, "place"},
  {RS_DIFFERS_RULES, "rules"},      {RS_DIFFERS_AFTER, "after"},
  {RS_DIFFERS_KIND, "kind"},        {RS_DIFFERS_ENV, "env"},
  {RS_DIFFERS_CWD, "cwd"},          {RS_DIFFERS_USER, "user"},
  {RS_DIFFERS_UMASK, "umask"},      {RS_DIFFERS_NICE, "nice"},
  {RS_DIFFERS_LIMITS, "limits"},    {RS_DIFFERS_READY, "ready"},
  {RS_DIFFERS_OUTPUT, "output"},    {RS_DIFFERS_STEPS, "pre or post"},
  {RS_DIFFERS_PROBES, "probes"},    {RS_DIFFERS_ACTIVITY, "on_activity"},
  {RS_DIFFERS_STOP, "stop"},        {RS_DIFFERS_FILES, "files"},
  {RS_DIFFERS_ORDER, "order"},      {RS_DIFFERS_CHANNELS, "channels"},
  {RS_DIFFERS_OTHER, "definition"},
};

static void put_why(rs_bytes *out, uint32_t why) {
  bool some = false;
  rs_bytes_text(out, ",\"why\":[");
  for (size_t i = 0; i < RS_COUNT_OF(reasons); i++) {
    if (!(why & reasons[i].bit)) continue;
    rs_bytes_print(out, "%s\"%s\"", some ? "," : "", reasons[i].text);
    some = true;
  }
  rs_bytes_text(out, "]");
}

static void put_row(rs_preview *preview, rs_bytes *out, const rs_change_row *row) {
  const rs_plan *plan = rs_plans_get(&preview->engine->plans, preview->plan)->plan;
  char path[RS_REQUEST_PATH];
  rs_bytes name = {0};
  if (row->unit != RS_NONE) {
    rs_core_path(preview->engine->core, row->unit, path, sizeof path);
    rs_bytes_text(&name, path);
  } else {
    rs_plan_path(plan, row->row, &name);
  }
  rs_bytes_text(out, preview->some ? ",{\"path\":" : "{\"path\":");
  rs_json_string(out, name.at, name.size);
  rs_json_name(out, "effect", effects[row->what]);
  put_why(out, row->why);
  if (row->row != RS_NONE) {
    const rs_plan_unit *unit = rs_plan_unit_at(plan, row->row);
    rs_json_text(out, "file", rs_plan_bytes(plan, unit->file), unit->file.len);
    rs_json_int(out, "line", unit->line);
  }
  rs_bytes_text(out, "}");
  preview->some = true;
  rs_bytes_free(&name);
}

static bool more(rs_peer *peer, rs_job *job) {
  rs_preview *preview = (rs_preview *)job;
  if (!preview->begun) {
    rs_peer_begin(&peer->out, preview->id);
    rs_bytes_text(&peer->out, "{\"units\":[");
    preview->begun = true;
  }
  for (int i = 0; i < PIECE && preview->at < preview->count; i++) {
    const rs_change_row *row = &preview->row[preview->at++];
    preview->counts[row->what]++;
    if (row->what != RS_CHANGE_KEEP) put_row(preview, &peer->out, row);
  }
  if (preview->at < preview->count) return true;
  rs_bytes_text(&peer->out, "]");
  for (uint32_t what = 1; what < RS_CHANGE_COUNT; what++)
    rs_json_int(&peer->out, effects[what], preview->counts[what]);
  rs_bytes_text(&peer->out, "}}\n");
  return false;
}

static void end(rs_job *job) {
  rs_preview *preview = (rs_preview *)job;
  rs_plans_drop(&preview->engine->plans, preview->plan);
  free(preview->row);
  free(preview);
}

static void show(rs_engine *engine, const struct rs_change *change, uint32_t number) {
  const rs_plan *plan = rs_plans_get(&engine->plans, number)->plan;
  rs_preview *preview = rs_base_new(sizeof *preview);
  uint32_t room = rs_plan_count(plan, RS_T_UNIT) + rs_core_units(engine->core);
  preview->job.more = more;
  preview->job.free = end;
  preview->engine = engine;
  preview->plan = number;
  preview->row = rs_base_new(room * 2 * sizeof *preview->row);
  preview->count = rs_core_compare(engine->core, plan, preview->row);
  memcpy(preview->id, change->id, sizeof preview->id);
  change->peer->job = &preview->job;
  rs_peer_busy(change->peer);
}

/* {"error":{…,"mistakes":[…]}}: what the evaluator wrote is JSON, one a line. */
static void put_mistakes(const struct rs_change *change, const rs_evaluated *result) {
  rs_bytes *out = rs_peer_line(change->peer);
  const char *at = result->mistakes, *end = at + result->size;
  bool some = false;
  rs_bytes_text(out, "{\"id\":");
  rs_bytes_text(out, change->id);
  rs_bytes_text(out, ",\"ok\":false,\"error\":{\"code\":\"mistakes\",\"message\":"
                     "\"the tree script has mistakes\",\"mistakes\":[");
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t size = (size_t)((stop ? stop : end) - at);
    cJSON *mistake = cJSON_ParseWithLength(at, size);
    char *text = mistake ? cJSON_PrintUnformatted(mistake) : NULL;
    if (text && some) rs_bytes_text(out, ",");
    if (text) rs_json_raw(out, text);
    some = some || text;
    cJSON_free(text);
    cJSON_Delete(mistake);
    at += size + 1;
  }
  rs_bytes_text(out, "]}}\n");
  rs_peer_busy(change->peer);
}

static void forget(rs_engine *engine) {
  struct rs_change *change = engine->control->change;
  engine->control->change = NULL;
  if (change->peer) change->peer->flight--;
  free(change);
}

static void on_evaluated(rs_engine *engine, const rs_evaluated *result) {
  struct rs_change *change = engine->control->change;
  if (!change) return;
  change->applied = result->ok;
  if (result->ok && !change->only) return; /* its entry says the rest */
  if (result->ok && (!change->peer || change->peer->job)) {
    rs_plans_drop(&engine->plans, result->plan);
    if (change->peer)
      rs_peer_refuse(change->peer, change->id, "busy", "another answer is under way");
  } else if (result->ok) {
    show(engine, change, result->plan);
  } else if (change->peer && result->size > 0) {
    put_mistakes(change, result);
  } else if (change->peer) {
    rs_peer_refuse(change->peer, change->id, "failed", "%s", result->why);
  }
  forget(engine);
}

void rs_change_done(rs_engine *engine, const rs_entry *entry) {
  struct rs_change *change = engine->control ? engine->control->change : NULL;
  if (!change || !change->applied || change->only) return;
  if (change->peer) {
    rs_bytes *out = rs_peer_line(change->peer);
    rs_peer_begin(out, change->id);
    rs_bytes_print(out, "{\"seq\":%llu", (unsigned long long)entry->seq);
    rs_json_int(out, "added", entry->a);
    rs_json_int(out, "removed", entry->b);
    rs_json_int(out, "changed", entry->c);
    rs_json_int(out, "unchanged", entry->x);
    if (entry->y > 0) rs_json_span(out, "confirm", entry->y);
    rs_bytes_text(out, "}}\n");
    rs_peer_busy(change->peer);
  }
  forget(engine);
}

void rs_change_forget(rs_peer *peer) {
  struct rs_change *change = peer->engine->control->change;
  if (change && change->peer == peer) change->peer = NULL;
}

/* What a reload may be but a reload; and one that waits is not to be disturbed. */
static bool may_reload(const rs_request *request, rs_asked *asked) {
  double left = rs_confirm_left(request->peer->engine);
  if (rs_request_flag(request, "keep", false)) {
    rs_confirm_keep(request);
    return false;
  }
  if (rs_request_flag(request, "await", false)) {
    rs_confirm_await(request);
    return false;
  }
  asked->confirm = rs_request_number(request, "confirm", 0);
  bool sane = asked->confirm >= 0 && asked->confirm <= RS_CONFIRM_MAX;
  if (!sane)
    rs_peer_refuse(request->peer, request->id, "invalid",
                   "confirm is seconds, up to %d", RS_CONFIRM_MAX);
  else if (left > 0)
    rs_peer_refuse(request->peer, request->id, "waits",
                   "a reload waits to be confirmed for another %.3g s: reload --keep "
                   "ends the wait",
                   left);
  return sane && left <= 0;
}

void rs_change_take(const rs_request *request) {
  rs_engine *engine = request->peer->engine;
  rs_asked asked = {.done = on_evaluated};
  asked.only = strcmp(request->op, "plan") == 0;
  if (!asked.only && !may_reload(request, &asked)) return;
  asked.tree = asked.only ? rs_request_text(request, "file") : NULL;
  if (engine->evaluation && (asked.only || !engine->control->change)) {
    rs_peer_refuse(request->peer, request->id, "busy", "a reload is in progress");
    return;
  }
  rs_evaluate_stop(engine); /* who asked for that one is told */
  if (engine->control->change) {
    rs_peer_refuse(request->peer, request->id, "busy", "a reload is in progress");
    return;
  }
  struct rs_change *change = rs_base_new(sizeof *change);
  change->peer = request->peer;
  change->only = asked.only;
  change->peer->flight++;
  memcpy(change->id, request->id, sizeof change->id);
  engine->control->change = change;
  rs_evaluate_for(engine, &asked);
}
