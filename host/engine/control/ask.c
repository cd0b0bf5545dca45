#define _GNU_SOURCE
#include "ask.h"

#include <stdlib.h>

#include "../base/json.h"
#include "../runner/lua.h"

enum { GRACE_MS = 500 }; /* the VM ends it first, and says where it was */

struct rs_ask {
  struct rs_ask *next;
  rs_peer *peer;
  uint32_t number, unit, inc;
  uv_timer_t timer;
  char id[RS_REQUEST_ID];
};

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void end(struct rs_ask *ask) {
  struct rs_ask **at = &ask->peer->engine->control->asks;
  while (*at != ask) at = &(*at)->next;
  *at = ask->next;
  ask->peer->flight--;
  uv_close((uv_handle_t *)&ask->timer, on_closed);
}

static void on_late(uv_timer_t *timer) {
  struct rs_ask *ask = timer->data;
  rs_peer_refuse(ask->peer, ask->id, "timeout",
                 "the worker neither waits nor is between two steps");
  end(ask);
}

void rs_ask_look(rs_engine *engine) {
  struct rs_ask *ask = engine->control->asks, *next;
  for (; ask; ask = next) {
    const rs_unit *unit = rs_engine_unit(engine, ask->unit);
    next = ask->next;
    if (unit->runner && unit->slot != RS_NONE && unit->inc == ask->inc) continue;
    rs_peer_refuse(ask->peer, ask->id, "gone", "the worker ended and gave no answer");
    end(ask);
  }
}

void rs_ask_forget(rs_peer *peer) {
  struct rs_ask *ask = peer->engine->control->asks, *next;
  for (; ask; ask = next) {
    next = ask->next;
    if (ask->peer == peer) end(ask);
  }
}

void rs_control_reply(rs_engine *engine, uint32_t number, bool ok, const char *text,
                      size_t size) {
  struct rs_ask *ask = engine->control ? engine->control->asks : NULL;
  while (ask && ask->number != number) ask = ask->next;
  if (!ask) return;
  if (ok) {
    rs_bytes *out = rs_peer_line(ask->peer);
    rs_peer_begin(out, ask->id);
    rs_bytes_text(out, "{\"value\":");
    rs_json_string(out, text, size);
    rs_bytes_text(out, "}}\n");
    rs_peer_busy(ask->peer);
  } else {
    rs_peer_refuse(ask->peer, ask->id, "failed", "%s", text);
  }
  end(ask);
}

static struct rs_ask *make(const rs_request *request, uint32_t id, double seconds) {
  struct rs_control *control = request->peer->engine->control;
  struct rs_ask *ask = rs_base_new(sizeof *ask);
  ask->peer = request->peer;
  ask->number = ++control->ask_number;
  ask->unit = id;
  ask->inc = rs_engine_unit(ask->peer->engine, id)->inc;
  ask->next = control->asks;
  control->asks = ask;
  ask->peer->flight++;
  memcpy(ask->id, request->id, sizeof ask->id);
  ask->timer.data = ask;
  uv_timer_init(&ask->peer->engine->loop, &ask->timer);
  uv_update_time(&ask->peer->engine->loop);
  uv_timer_start(&ask->timer, on_late, (uint64_t)(seconds * 1000) + GRACE_MS, 0);
  return ask;
}

void rs_ask_take(const rs_request *request) {
  rs_peer *peer = request->peer;
  const char *lua = rs_request_text(request, "lua");
  double seconds = rs_request_number(request, "timeout", 1);
  if (!lua || strlen(lua) > RS_ASK_TEXT ||
      !(seconds > 0 && seconds <= RS_ASK_SECONDS)) {
    rs_peer_refuse(peer, request->id, "invalid",
                   "it needs lua (%d bytes at most) and a timeout of up to %d s",
                   RS_ASK_TEXT, RS_ASK_SECONDS);
    return;
  }
  uint32_t id = rs_request_unit(request);
  if (id == RS_NONE) return;
  const rs_unit *unit = rs_engine_unit(peer->engine, id);
  if (!unit->runner || unit->slot == RS_NONE || unit->custom) {
    rs_peer_refuse(peer, request->id, "invalid", "'%s' is no Lua worker that runs",
                   request->path);
    return;
  }
  struct rs_ask *ask = make(request, id, seconds);
  rs_record record = {.kind = RS_DOWN_EVAL, .slot = unit->slot, .inc = unit->inc};
  record.a = ask->number;
  record.b = (uint32_t)(seconds * 1000);
  record.at = rs_base_now();
  record.size = (uint32_t)strlen(lua);
  rs_part_put(unit->runner, rs_part_book(unit->runner, unit->slot)->vm, &record, lua);
}
