#define _GNU_SOURCE
#include "request.h"

#include <stdlib.h>

#include "act.h"
#include "ask.h"
#include "change.h"
#include "../notify.h"
#include "query.h"
#include "tail.h"
#include "why.h"

const char *rs_request_text(const rs_request *request, const char *key) {
  return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request->json, key));
}

bool rs_request_flag(const rs_request *request, const char *key, bool fallback) {
  const cJSON *value = cJSON_GetObjectItemCaseSensitive(request->json, key);
  return cJSON_IsBool(value) ? cJSON_IsTrue(value) : fallback;
}

double rs_request_number(const rs_request *request, const char *key, double fallback) {
  const cJSON *value = cJSON_GetObjectItemCaseSensitive(request->json, key);
  return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

/* What a field of any request has to be, if it is there and not null. */
static const struct {
  const char *key;
  cJSON_bool (*is)(const cJSON *value);
  const char *type;
} types[] = {
  {"path", cJSON_IsString, "a string"},     {"unit", cJSON_IsString, "a string"},
  {"kind", cJSON_IsString, "a string"},     {"from", cJSON_IsString, "a string"},
  {"until", cJSON_IsString, "a string"},    {"name", cJSON_IsString, "a string"},
  {"lua", cJSON_IsString, "a string"},      {"file", cJSON_IsString, "a string"},
  {"since", cJSON_IsNumber, "a number"},    {"timeout", cJSON_IsNumber, "a number"},
  {"confirm", cJSON_IsNumber, "a number"},  {"wait", cJSON_IsBool, "true or false"},
  {"now", cJSON_IsBool, "true or false"},   {"keep", cJSON_IsBool, "true or false"},
  {"await", cJSON_IsBool, "true or false"},
};

/* A field of a wrong type is not as good as none: the rest may then mean the whole
** tree. False: it was answered. */
static bool has_types(const rs_request *request) {
  for (size_t i = 0; i < RS_COUNT_OF(types); i++) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(request->json, types[i].key);
    if (!value || cJSON_IsNull(value) || types[i].is(value)) continue;
    rs_peer_refuse(request->peer, request->id, "invalid", "%s must be %s", types[i].key,
                   types[i].type);
    return false;
  }
  return true;
}

uint32_t rs_request_unit(const rs_request *request) {
  const rs_core *core = request->peer->engine->core;
  uint32_t id =
    *request->path ? rs_core_find(core, request->path, strlen(request->path)) : RS_NONE;
  if (id == RS_NONE)
    rs_peer_refuse(request->peer, request->id, "not_found", "there is no unit '%s'",
                   request->path);
  return id;
}

static void shut_down(const rs_request *request) {
  rs_engine *engine = request->peer->engine;
  char by[128];
  rs_event event = {.kind = RS_EV_SHUTDOWN,
                    .a = rs_request_flag(request, "now", false)};
  rs_peer_name(request->peer, by, sizeof by);
  event.text = rs_texts_print(&engine->texts, "%s, shutdown", by);
  rs_notify_stopping(engine);
  rs_act_wait_end(request);
  rs_engine_put(engine, event);
}

static const struct {
  const char *op;
  void (*take)(const rs_request *request);
} ops[] = {
  {"status", rs_query_status},  {"start", rs_act_order}, {"stop", rs_act_order},
  {"restart", rs_act_order},    {"kill", rs_act_order},  {"remove", rs_act_order},
  {"add", rs_act_add},          {"shutdown", shut_down}, {"subscribe", rs_tail_take},
  {"journal", rs_tail_journal}, {"why", rs_why_take},    {"reload", rs_change_take},
  {"plan", rs_change_take},     {"eval", rs_ask_take},
};

static void dispatch(const rs_request *request) {
  rs_peer *peer = request->peer;
  if (peer->flight >= RS_PEER_FLIGHT) {
    rs_peer_refuse(peer, request->id, "busy", "%d requests are unanswered",
                   RS_PEER_FLIGHT);
    return;
  }
  for (size_t i = 0; i < RS_COUNT_OF(ops); i++) {
    if (strcmp(ops[i].op, request->op) != 0) continue;
    ops[i].take(request);
    return;
  }
  rs_peer_refuse(peer, request->id, "unknown_op", "there is no op '%.64s'",
                 request->op);
}

/* Its id as JSON text; false where it is neither a number nor a short string. */
static bool read_id(rs_request *request) {
  const cJSON *id = cJSON_GetObjectItemCaseSensitive(request->json, "id");
  strcpy(request->id, "null");
  if (!id || cJSON_IsNull(id)) return true;
  if (!cJSON_IsNumber(id) && !cJSON_IsString(id)) return false;
  char *text = cJSON_PrintUnformatted(id);
  bool fits = text && strlen(text) < sizeof request->id;
  if (fits) strcpy(request->id, text);
  cJSON_free(text);
  return fits;
}

/* Whether a text has a NUL in it, at which C would end it: \u0000, its backslash being
** no part of another escape. */
static bool has_nul(const char *line, size_t size) {
  static const char nul[] = "\\u0000";
  const char *at = line, *end = line + size;
  while ((at = memmem(at, (size_t)(end - at), nul, sizeof nul - 1))) {
    size_t before = 0;
    while (at - before > line && at[-1 - (long)before] == '\\') before++;
    if (before % 2 == 0) return true;
    at++;
  }
  return false;
}

void rs_request_take(rs_peer *peer, const char *line, size_t size) {
  rs_request request = {.peer = peer};
  bool is_text = memchr(line, 0, size) == NULL;
  cJSON *json = is_text ? cJSON_ParseWithLengthOpts(line, size + 1, NULL, true) : NULL;
  request.json = json;
  request.op = json ? rs_request_text(&request, "op") : NULL;
  request.path = json ? rs_request_text(&request, "path") : NULL;
  if (!request.path) request.path = "";
  if (!cJSON_IsObject(json) || !request.op || !read_id(&request))
    rs_peer_dismiss(peer, "malformed",
                    "a request is {\"id\":1,\"op\":\"status\",…} in one line");
  else if (strlen(request.path) >= RS_REQUEST_PATH)
    rs_peer_refuse(peer, request.id, "invalid", "a path has at most %d bytes",
                   RS_REQUEST_PATH - 1);
  else if (has_nul(line, size))
    rs_peer_refuse(peer, request.id, "invalid", "a text has a NUL in it");
  else if (has_types(&request)) dispatch(&request);
  cJSON_Delete(json);
}
