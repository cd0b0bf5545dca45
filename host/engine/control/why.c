#define _GNU_SOURCE
#include "why.h"

#include <stdlib.h>

#include "../base/json.h"
#include "query.h"
#include "tail.h"

enum { PATH_ROOM = 4096, KIND_ROOM = 32 };

static const char KIND[] = ",\"kind\":\"";

/* What the next link is told of: an entry, and the one that it led to. */
typedef struct rs_link {
  uint64_t seq; /* 0: there is none */
  bool own;     /* what it led to is what a unit did of itself */
} rs_link;

/* Where the unit of an entry is described. */
static void put_place(rs_engine *engine, rs_bytes *out, const char *path) {
  rs_view view;
  uint32_t unit = rs_core_find(engine->core, path, strlen(path));
  if (unit == RS_NONE || !rs_core_view(engine->core, unit, &view)) return;
  const rs_plan *plan = rs_plans_get(&engine->plans, view.plan)->plan;
  const rs_plan_unit *row = rs_plan_unit_at(plan, view.row);
  rs_json_text(out, "file", rs_plan_bytes(plan, row->file), row->file.len);
  rs_json_int(out, "line", row->line);
}

/* A probe's entry says itself where its rule is written: nothing in a string looks like
** a key, for its quotes are escaped. `kind` is its text from there on. */
static bool put_own_place(rs_bytes *out, const char *kind, size_t size) {
  static const char key[] = ",\"file\":\"", after[] = ",\"boot\":";
  const char *file = memmem(kind, size, key, sizeof key - 1);
  if (!file) return false;
  size_t rest = size - (size_t)(file - kind);
  const char *boot = memmem(file, rest, after, sizeof after - 1);
  if (!boot) return false;
  char *copy = strndup(file, (size_t)(boot - file));
  rs_bytes_text(out, copy);
  free(copy);
  return true;
}

static bool is(const char *kind, const char *name) { return strcmp(kind, name) == 0; }

/* What a unit does of itself: not an end that it was asked for. */
static bool is_own(const char *kind, const char *rest, size_t size) {
  static const char asked[] = ",\"expected\":true";
  if (is(kind, "violation") || is(kind, "probe")) return true;
  return is(kind, "exited") && !memmem(rest, size, asked, sizeof asked - 1);
}

/* That comes from its start: there the chain ends, or it would go on through one life
** after another. */
static bool is_start(const char *kind) {
  return is(kind, "started") || is(kind, "restart");
}

/* Adds the entry, if it is a link of the chain, and goes on to its cause. */
static bool put_link(rs_engine *engine, rs_bytes *out, rs_link *link) {
  rs_bytes entry = {0};
  char path[PATH_ROOM], kind[KIND_ROOM] = "";
  bool found = rs_tail_find(engine, link->seq, &entry);
  const char *at = found ? memmem(entry.at, entry.size, KIND, sizeof KIND - 1) : NULL;
  size_t head = at ? (size_t)(at - entry.at) : 0, rest = entry.size - head;
  bool is_link = at && rs_tail_get(at, rest, KIND, kind, sizeof kind) &&
                 !(link->own && is_start(kind));
  if (is_link) {
    const char *cause = memmem(entry.at, head, ",\"cause\":", 9);
    uint64_t next = cause ? strtoull(cause + 9, NULL, 10) : 0;
    rs_bytes_text(out, "{\"entry\":");
    rs_bytes_add(out, entry.at, entry.size);
    if (!(is(kind, "probe") && put_own_place(out, at, rest)) &&
        rs_tail_get(entry.at, head, ",\"unit\":\"", path, sizeof path))
      put_place(engine, out, path);
    rs_bytes_text(out, "}");
    link->seq = next < link->seq ? next : 0;
    link->own = is_own(kind, at, rest);
  }
  rs_bytes_free(&entry);
  return is_link;
}

/* Where the chain begins: who waits for one that is held or has failed for good waits
** for that one's sake, over others that wait for it, too. */
static uint64_t begin_of(const rs_engine *engine, const rs_view *view) {
  rs_view at = *view;
  for (int i = 0; i < RS_WHY_MAX && at.waits_for != RS_NONE; i++) {
    if (!rs_core_view(engine->core, at.waits_for, &at)) break;
    if (at.health == RS_FAILED || at.health == RS_STOPPED) return at.cause;
  }
  return view->cause;
}

void rs_why_take(const rs_request *request) {
  rs_engine *engine = request->peer->engine;
  rs_view view;
  uint32_t unit = rs_request_unit(request);
  if (unit == RS_NONE || !rs_core_view(engine->core, unit, &view)) return;
  rs_bytes *out = rs_peer_line(request->peer);
  rs_peer_begin(out, request->id);
  rs_bytes_text(out, "{\"unit\":");
  rs_query_unit(engine, out, &view);
  rs_bytes_text(out, "},\"chain\":[");
  rs_link link = {.seq = begin_of(engine, &view)};
  for (int i = 0; i < RS_WHY_MAX && link.seq > 0; i++) {
    size_t before = out->size;
    if (i > 0) rs_bytes_text(out, ",");
    if (put_link(engine, out, &link)) continue;
    out->size = before;
    break;
  }
  rs_bytes_text(out, "]}}\n");
  rs_peer_busy(request->peer);
}
