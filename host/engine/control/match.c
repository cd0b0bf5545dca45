#define _GNU_SOURCE
#include "match.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "query.h"

enum { STARS_MAX = 2 }; /* each takes a try a name */

/* A pattern's search. The tree may change between two pieces: who is gone by then is
** passed over, and whoever has its id now goes by its own path. */
typedef struct rs_search {
  rs_job job;
  rs_match_then *then;
  cJSON *json; /* the request's, which lives no longer than its line */
  rs_request request;
  uint32_t *unit; /* all of them in the tree's order; then those that match */
  uint32_t count, at, kept;
} rs_search;

bool rs_match_is_glob(const char *path) { return strpbrk(path, "*?[") != NULL; }

/* `**` takes any number of names, each other part of the pattern one. */
bool rs_match_path(const char *pattern, const char *path) {
  char part[256], name[256];
  size_t size = strcspn(pattern, "/"), length = strcspn(path, "/");
  if (size == 2 && pattern[0] == '*' && pattern[1] == '*') {
    if (!pattern[2]) return true;
    for (; *path; path += strcspn(path, "/"), path += *path == '/')
      if (rs_match_path(pattern + 3, path)) return true;
    return false;
  }
  if (size >= sizeof part || length >= sizeof name) return false;
  memcpy(part, pattern, size), part[size] = 0;
  memcpy(name, path, length), name[length] = 0;
  if (fnmatch(part, name, 0) != 0) return false;
  if (!pattern[size] || !path[length]) return pattern[size] == path[length];
  return rs_match_path(pattern + size + 1, path + length + 1);
}

/* The next in pre-order; RS_NONE at the end. */
static uint32_t after(const rs_core *core, uint32_t unit) {
  rs_view view;
  uint32_t next = rs_core_child(core, unit);
  while (next == RS_NONE) {
    next = rs_core_next(core, unit);
    if (next != RS_NONE || !rs_core_view(core, unit, &view)) break;
    unit = view.parent;
    if (unit == RS_NONE) break;
  }
  return next;
}

static void finish(rs_search *search) {
  const rs_request *request = &search->request;
  if (search->kept == 0)
    rs_peer_refuse(request->peer, request->id, "not_found", "no unit matches '%s'",
                   request->path);
  else search->then(request, search->unit, search->kept);
}

static bool more(rs_peer *peer, rs_job *job) {
  rs_search *search = (rs_search *)job;
  for (int i = 0; i < RS_MATCH_PIECE && search->at < search->count; i++) {
    char path[RS_REQUEST_PATH];
    rs_view view;
    uint32_t unit = search->unit[search->at++];
    if (!rs_core_view(peer->engine->core, unit, &view)) continue;
    rs_core_path(peer->engine->core, unit, path, sizeof path);
    if (rs_match_path(search->request.path, path)) search->unit[search->kept++] = unit;
  }
  if (search->at < search->count) return true;
  peer->job = NULL; /* what comes of it may be another */
  finish(search);
  return false;
}

static void end(rs_job *job) {
  rs_search *search = (rs_search *)job;
  cJSON_Delete(search->json);
  free(search->unit);
  free(search);
}

static uint32_t stars_of(const char *pattern) {
  uint32_t stars = 0;
  for (; (pattern = strstr(pattern, "**")); pattern += 2) stars++;
  return stars;
}

static void search_for(const rs_request *request, rs_match_then *then) {
  const rs_core *core = request->peer->engine->core;
  rs_search *search = rs_base_new(sizeof *search);
  search->job.more = more;
  search->job.free = end;
  search->then = then;
  search->json = cJSON_Duplicate(request->json, true);
  search->request = *request;
  search->request.json = search->json;
  search->request.op = rs_request_text(&search->request, "op");
  search->request.path = rs_request_text(&search->request, "path");
  search->unit = rs_base_new((rs_core_units(core) + 1) * sizeof *search->unit);
  if (stars_of(request->path) <= STARS_MAX)
    for (uint32_t id = rs_query_root(request->peer->engine); id != RS_NONE;
         id = after(core, id))
      search->unit[search->count++] = id;
  request->peer->job = &search->job;
  rs_peer_busy(request->peer);
}

void rs_match_units(const rs_request *request, rs_match_then *then) {
  if (rs_match_is_glob(request->path)) {
    search_for(request, then);
    return;
  }
  uint32_t id = rs_request_unit(request);
  if (id != RS_NONE) then(request, &id, 1);
}
