#define _GNU_SOURCE
#include "act.h"

#include <stdlib.h>

#include "../../core/unit.h"
#include "add.h"
#include "../base/json.h"
#include "match.h"
#include "../base/names.h"

enum { BYS = 256 }; /* the last orders that a superseded one can name */

enum { START, STOP, RESTART, KILL, REMOVE, END, ADD };

static const char *const verbs[] = {"start", "stop", "restart", "kill", "remove"};
static const uint32_t events[] = {RS_EV_START, RS_EV_STOP, RS_EV_RESTART, RS_EV_KILL,
                                  RS_EV_REMOVE};

/* The last orders of each kind to a unit, by number; indexed by core id. */
struct rs_mark {
  uint32_t up, down;
};

typedef struct rs_target {
  uint32_t unit, inc;
  bool down;      /* it had no incarnation when the order came */
  bool gone;      /* it is no more, and its number may be another's */
  bool completed; /* ... having completed */
} rs_target;

struct rs_wish {
  rs_wish *next, *prev; /* a ring */
  rs_peer *peer;
  char id[RS_REQUEST_ID];
  uint32_t verb, number;
  uint32_t count, done;
  rs_target target[];
};

static char bys[BYS][192]; /* order by number: who gave it */

static struct rs_mark *mark_of(rs_engine *engine, uint32_t unit) {
  struct rs_control *control = engine->control;
  if (unit >= control->mark_room) {
    uint32_t room = control->mark_room ? control->mark_room : 64;
    while (room <= unit) room *= 2;
    control->marks = rs_base_grow(control->marks, room * sizeof *control->marks);
    memset(control->marks + control->mark_room, 0,
           (room - control->mark_room) * sizeof *control->marks);
    control->mark_room = room;
  }
  return &control->marks[unit];
}

static void link_in(struct rs_control *control, rs_wish *wish) {
  wish->next = wish->prev = wish;
  if (control->wishes) {
    wish->next = control->wishes;
    wish->prev = control->wishes->prev;
    wish->prev->next = wish->next->prev = wish;
  }
  control->wishes = wish;
  control->wish_count++;
}

static void unlink_it(struct rs_control *control, rs_wish *wish) {
  if (control->wishes == wish) control->wishes = wish->next == wish ? NULL : wish->next;
  wish->prev->next = wish->next;
  wish->next->prev = wish->prev;
  control->wish_count--;
  wish->peer->flight--;
  free(wish);
}

static void put_unit(rs_engine *engine, rs_bytes *out, uint32_t unit) {
  static const char *const healths[] = {"",       "healthy", "lingering", "completed",
                                        "failed", "stopped", "waiting"};
  char path[RS_REQUEST_PATH];
  rs_view view;
  rs_core_path(engine->core, unit, path, sizeof path);
  rs_bytes_text(out, "{\"path\":");
  rs_json_string(out, path, strlen(path));
  if (rs_core_view(engine->core, unit, &view)) {
    rs_json_name(out, "health", healths[view.health]);
    rs_json_int(out, "incarnation", view.ran);
  }
  rs_bytes_text(out, "}");
}

static void answer(rs_engine *engine, const rs_wish *wish) {
  rs_bytes *out = rs_peer_line(wish->peer);
  rs_peer_begin(out, wish->id);
  rs_bytes_text(out, "{\"units\":[");
  bool some = false;
  for (uint32_t i = 0; i < wish->count && i < 1000; i++) {
    rs_view view;
    if (wish->target[i].gone) continue;
    if (!rs_core_view(engine->core, wish->target[i].unit, &view)) continue;
    if (some) rs_bytes_text(out, ",");
    put_unit(engine, out, wish->target[i].unit);
    some = true;
  }
  rs_bytes_print(out, "],\"count\":%u}}\n", wish->count);
  rs_peer_busy(wish->peer);
}

/* The order that has made this one void; 0. Who is above a unit decides for it. */
static uint32_t voided_by(rs_engine *engine, const rs_wish *wish, uint32_t unit) {
  struct rs_control *control = engine->control;
  rs_view view;
  if (wish->verb == KILL || wish->verb == REMOVE || wish->verb == END) return 0;
  if (wish->target[wish->done].gone) return 0;
  if (wish->verb == STOP) {
    uint32_t up = unit < control->mark_room ? control->marks[unit].up : 0;
    return up > wish->number ? up : 0;
  }
  for (; unit != RS_NONE; unit = view.parent) {
    uint32_t down = unit < control->mark_room ? control->marks[unit].down : 0;
    if (down > wish->number) return down;
    if (!rs_core_view(engine->core, unit, &view)) return 0;
  }
  return 0;
}

enum { PENDING, DONE, FAILED };

/* Who above it would have to be started first; RS_NONE. */
static uint32_t held_by(const rs_engine *engine, uint32_t unit) {
  rs_view view;
  while (rs_core_view(engine->core, unit, &view) && view.parent != RS_NONE) {
    unit = view.parent;
    if (!rs_core_view(engine->core, unit, &view)) return RS_NONE;
    bool ended = view.health == RS_STOPPED || view.health == RS_FAILED ||
                 view.health == RS_COMPLETED;
    if (ended && view.life == RS_LIFE_DOWN) return unit;
  }
  return RS_NONE;
}

/* At the end of the line that it waits in: who is held or has failed for good, so that
** the wait may last for ever; RS_NONE. */
static uint32_t barred_by(const rs_engine *engine, uint32_t unit) {
  rs_view view;
  for (int i = 0; i < RS_ACT_LINE && rs_core_view(engine->core, unit, &view); i++) {
    bool ended = view.health == RS_STOPPED || view.health == RS_FAILED;
    if (ended && view.life == RS_LIFE_DOWN) return i > 0 ? unit : RS_NONE;
    if (view.life > RS_LIFE_STARTING || view.waits_for == RS_NONE) return RS_NONE;
    unit = view.waits_for;
  }
  return RS_NONE;
}

static int outcome(rs_engine *engine, const rs_wish *wish, const rs_target *target) {
  rs_view view;
  bool there = !target->gone && rs_core_view(engine->core, target->unit, &view);
  switch (wish->verb) {
  case REMOVE: return there && view.life != RS_LIFE_DOWN ? PENDING : DONE;
  case STOP: return there && view.life != RS_LIFE_DOWN ? PENDING : DONE;
  case KILL: /* one that was down had nothing to kill, though it may be up by now */
    if (!there || target->down || view.inc != target->inc) return DONE;
    return view.life != RS_LIFE_DOWN ? PENDING : DONE;
  case END: return PENDING;
  default: break;
  }
  if (target->gone) return target->completed ? DONE : FAILED;
  if (!there || held_by(engine, target->unit) != RS_NONE) return FAILED;
  bool again = wish->verb != RESTART || target->down || view.inc > target->inc;
  if (!again) return PENDING;
  if (view.health == RS_FAILED) return FAILED;
  if (view.health == RS_COMPLETED) return DONE;
  if (view.ready && view.life == RS_LIFE_UP) return DONE; /* not on its way down */
  return barred_by(engine, target->unit) != RS_NONE ? FAILED : PENDING;
}

static void refuse_barred(rs_engine *engine, const rs_wish *wish, uint32_t bar,
                          const char *path) {
  rs_view view;
  bool failed = rs_core_view(engine->core, bar, &view) && view.health == RS_FAILED;
  rs_peer_refuse(wish->peer, wish->id, "waits", "it waits for %.900s, which %s", path,
                 failed ? "has failed" : "is stopped");
}

static void refuse(rs_engine *engine, const rs_wish *wish, const rs_target *target) {
  char path[RS_REQUEST_PATH];
  if (target->gone) {
    rs_peer_refuse(wish->peer, wish->id, "gone", "the unit is no more");
    return;
  }
  uint32_t above = held_by(engine, target->unit);
  uint32_t bar = barred_by(engine, target->unit);
  uint32_t named = above != RS_NONE ? above : bar != RS_NONE ? bar : target->unit;
  rs_core_path(engine->core, named, path, sizeof path);
  if (above != RS_NONE)
    rs_peer_refuse(wish->peer, wish->id, "waits", "%.900s has to be started first",
                   path);
  else if (bar != RS_NONE) refuse_barred(engine, wish, bar, path);
  else if (*path)
    rs_peer_refuse(wish->peer, wish->id, "failed", "%.900s has failed", path);
  else rs_peer_refuse(wish->peer, wish->id, "gone", "the unit is no more");
}

/* True once it was answered; it is freed then. */
static bool look_at(rs_engine *engine, rs_wish *wish) {
  while (wish->done < wish->count) {
    const rs_target *target = &wish->target[wish->done];
    uint32_t by = voided_by(engine, wish, target->unit);
    if (by != 0) {
      const char *who = by + BYS > engine->control->number ? bys[by % BYS] : "another";
      rs_peer_refuse(wish->peer, wish->id, "superseded", "superseded by %s", who);
      unlink_it(engine->control, wish);
      return true;
    }
    int now = outcome(engine, wish, target);
    if (now == PENDING) return false;
    if (now == FAILED) refuse(engine, wish, target);
    if (now == FAILED) {
      unlink_it(engine->control, wish);
      return true;
    }
    wish->done++;
  }
  answer(engine, wish);
  unlink_it(engine->control, wish);
  return true;
}

bool rs_act_look(rs_engine *engine) {
  struct rs_control *control = engine->control;
  if (control->acted != engine->acted) control->wish_left = control->wish_count;
  control->acted = engine->acted;
  for (int i = 0; i < RS_ACT_LOOKS && control->wish_left > 0 && control->wishes; i++) {
    rs_wish *wish = control->wishes;
    control->wish_left--;
    control->wishes = wish->next;
    look_at(engine, wish);
  }
  return control->wish_left > 0 && control->wishes;
}

void rs_act_gone(rs_engine *engine, uint32_t unit, bool completed) {
  rs_wish *wish = engine->control->wishes;
  rs_view view; /* the number may be another's already */
  if (rs_core_view(engine->core, unit, &view)) return;
  for (uint32_t i = engine->control->wish_count; i > 0; i--, wish = wish->next) {
    rs_target *target = &wish->target[0];
    if (wish->verb != ADD || target->unit != unit || target->gone) continue;
    target->gone = true;
    target->completed = completed;
  }
}

void rs_act_end(rs_engine *engine) {
  while (engine->control->wishes) {
    rs_wish *wish = engine->control->wishes;
    if (wish->verb == START || wish->verb == RESTART || wish->verb == ADD)
      rs_peer_refuse(wish->peer, wish->id, "superseded", "the host has ended");
    else answer(engine, wish);
    unlink_it(engine->control, wish);
  }
}

void rs_act_forget(rs_peer *peer) {
  struct rs_control *control = peer->engine->control;
  for (uint32_t left = control->wish_count; left > 0 && control->wishes; left--) {
    rs_wish *wish = control->wishes;
    control->wishes = wish->next;
    if (wish->peer == peer) unlink_it(control, wish);
  }
}

static rs_wish *make(const rs_request *request, uint32_t verb, uint32_t count) {
  rs_engine *engine = request->peer->engine;
  rs_wish *wish = rs_base_new(sizeof *wish + count * sizeof(rs_target));
  wish->peer = request->peer;
  wish->verb = verb;
  wish->count = count;
  wish->number = ++engine->control->number;
  memcpy(wish->id, request->id, sizeof wish->id);
  wish->peer->flight++;
  link_in(engine->control, wish);
  engine->acted++; /* it is looked at even if nothing comes of it */
  return wish;
}

/* True where so many may wait; else it was answered. */
static bool may_wait(const rs_request *request) {
  if (request->peer->engine->control->wish_count < RS_ACT_WISHES) return true;
  rs_peer_refuse(request->peer, request->id, "busy", "too many orders are unanswered");
  return false;
}

void rs_act_wait_end(const rs_request *request) {
  if (may_wait(request)) make(request, END, 1);
}

static const char *name_order(const rs_request *request, uint32_t number,
                              const char *verb) {
  char who[128];
  rs_peer_name(request->peer, who, sizeof who);
  snprintf(bys[number % BYS], sizeof *bys, "%s, %s", who, verb);
  return bys[number % BYS];
}

static void note(rs_engine *engine, const rs_wish *wish, uint32_t unit) {
  struct rs_mark *mark = mark_of(engine, unit);
  if (wish->verb == STOP || wish->verb == REMOVE) mark->down = wish->number;
  if (wish->verb == START || wish->verb == RESTART) mark->up = wish->number;
}

static void give(const rs_request *request, rs_wish *wish, const uint32_t *units) {
  rs_engine *engine = request->peer->engine;
  const char *by = name_order(request, wish->number, verbs[wish->verb]);
  uint64_t text = rs_texts_put(&engine->texts, by, strlen(by));
  for (uint32_t i = 0; i < wish->count; i++) {
    rs_view view = {0};
    rs_core_view(engine->core, units[i], &view);
    bool down = view.life == RS_LIFE_DOWN;
    wish->target[i] = (rs_target){.unit = units[i], .inc = view.inc, .down = down};
    rs_event event = {.kind = events[wish->verb], .unit = units[i], .text = text};
    rs_engine_put(engine, event);
    note(engine, wish, units[i]);
  }
}

static void order(const rs_request *request, const uint32_t *units, uint32_t count) {
  rs_engine *engine = request->peer->engine;
  uint32_t verb = START;
  while (strcmp(verbs[verb], request->op) != 0) verb++;
  if (!may_wait(request)) return;
  if (verb == REMOVE && !rs_add_is(engine, units[0])) {
    rs_peer_refuse(request->peer, request->id, "invalid",
                   "only what was added to a pool can be removed");
    return;
  }
  rs_wish *wish = make(request, verb, count);
  give(request, wish, units);
  if (rs_request_flag(request, "wait", true)) return;
  answer(engine, wish);
  unlink_it(engine->control, wish);
}

void rs_act_order(const rs_request *request) { rs_match_units(request, order); }

/* {"path": a pool, "name":…, "args":…}. */
void rs_act_add(const rs_request *request) {
  rs_engine *engine = request->peer->engine;
  const char *name = rs_request_text(request, "name");
  const cJSON *args = cJSON_GetObjectItemCaseSensitive(request->json, "args");
  char why[256];
  if (!name) {
    rs_peer_refuse(request->peer, request->id, "invalid", "a unit needs a name");
    return;
  }
  uint32_t pool = rs_request_unit(request);
  if (pool == RS_NONE || !may_wait(request)) return;
  char *text = args && !cJSON_IsNull(args) ? cJSON_PrintUnformatted(args) : NULL;
  rs_wish *wish = make(request, ADD, 1);
  const char *by = name_order(request, wish->number, "add");
  uint64_t told = rs_texts_put(&engine->texts, by, strlen(by));
  uint32_t id = rs_add_unit(engine, pool, name, text, told, why, sizeof why);
  wish->target[0] = (rs_target){.unit = id, .down = true};
  cJSON_free(text);
  if (id == RS_NONE) rs_peer_refuse(request->peer, request->id, "invalid", "%s", why);
  else if (rs_request_flag(request, "wait", true)) return;
  else answer(engine, wish);
  unlink_it(engine->control, wish);
}
