/* Whatever clients of the control socket send, in whatever pieces, the engine's side of
** it neither crashes nor says anything but whole lines of JSON. Tree, core and journal
** are real; units are not: they do as they are told.
**
** Input: a byte for the tree; then what a client sends, where bytes from 0xf8 on are
** not sent but done (enum below). */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cJSON.h>

#include "../../host/engine/control/act.h"
#include "../../host/engine/control/add.h"
#include "../../host/engine/control/change.h"
#include "../../host/engine/journal/entry.h"
#include "../../host/engine/reload/evaluate.h"
#include "../../host/engine/control/tail.h"
#include "draft.h"

enum { OTHER = 0xf8, HANG_UP, HALF, READ, WAKE };
enum { CLIENTS = 3, BATCH = 64 };
enum { TURNS_MAX = 400, ACTIONS_MAX = 3000 };

static rs_engine engine;
static rs_time now;
static int client[CLIENTS];
static rs_bytes heard[CLIENTS];
static uint32_t seed, version, done;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
void __wrap_rs_evaluate_for(rs_engine *of, const rs_asked *asked);
void __wrap_rs_evaluate_stop(rs_engine *of);

/* ---- the evaluator: says yes, no, or nothing ---- */

static int plan_file(void) {
  rs_plan *plan = fuzz_draft(seed + 1, version++ % 4);
  int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (write(fd, plan, plan->size) != (ssize_t)plan->size) abort();
  free(plan);
  return fd;
}

static uint32_t new_plan(void) {
  char why[200];
  uint32_t number;
  if (rs_plans_add(&engine.plans, plan_file(), &number, why, sizeof why) != 0) abort();
  return number;
}

static bool apply(uint32_t number) {
  char why[200];
  const rs_plan *plan = rs_plans_get(&engine.plans, number)->plan;
  return rs_core_apply(engine.core, now, plan, number, why, sizeof why) == 0;
}

void __wrap_rs_evaluate_for(rs_engine *of, const rs_asked *asked) {
  static const char said[] =
    "{\"file\":\"a\",\"line\":1,\"message\":\"b\"}\nnonsense\n";
  rs_evaluated result = {.why = "it is ill"};
  if (version % 4 == 2) result.mistakes = said, result.size = sizeof said - 1;
  if (version % 4 < 2) {
    result.ok = true;
    result.plan = new_plan();
    if (!asked->only && !apply(result.plan)) {
      rs_plans_drop(&engine.plans, result.plan);
      result.ok = false;
    }
  } else {
    version++;
  }
  if (asked->done) asked->done(of, &result);
}

void __wrap_rs_evaluate_stop(rs_engine *of) { (void)of; }

/* ---- units that do as they are told ---- */

static void tell(rs_event event) {
  event.at = now;
  rs_core_step(engine.core, now, &event);
}

static void describe(const rs_action *action) {
  rs_unit *unit = rs_engine_unit(&engine, action->unit);
  unit->plan = action->plan;
  unit->row = action->row;
}

static void perform(const rs_action *action) {
  rs_event event = {.unit = action->unit, .inc = action->inc, .other = RS_NONE};
  rs_view view;
  switch (action->kind) {
  case RS_DO_START:
    describe(action);
    event.kind = RS_EV_STARTED;
    tell(event);
    event.kind = action->unit % 2 ? RS_EV_ENTER : RS_EV_READY;
    if (action->unit % 5) tell(event);
    break;
  case RS_DO_ASK:
  case RS_DO_KILL:
    event.kind = RS_EV_EXIT;
    event.a = action->kind == RS_DO_ASK ? RS_WHY_OK : RS_WHY_KILLED;
    if (action->kind == RS_DO_KILL || action->unit % 3) tell(event);
    break;
  case RS_DO_PATCH: describe(action); break;
  case RS_DO_JOURNAL:
    rs_entry_write(&engine, &action->entry);
    if (action->entry.kind == RS_J_RELOAD) rs_change_done(&engine, &action->entry);
    break;
  case RS_DO_GONE:
    *rs_engine_unit(&engine, action->unit) = (rs_unit){.slot = RS_NONE};
    if (!rs_core_view(engine.core, action->unit, &view))
      rs_add_forget(&engine, action->unit);
    break;
  case RS_DO_DROP_PLAN: rs_plans_drop(&engine.plans, action->a); break;
  case RS_DO_END: engine.ended = true; break;
  default: break;
  }
}

static void decide(void) {
  rs_action batch[BATCH];
  uint32_t count;
  do {
    for (; engine.inbox_at < engine.inbox_count; engine.inbox_at++) {
      engine.acted++;
      rs_core_step(engine.core, now, &engine.inbox[engine.inbox_at]);
    }
    engine.inbox_at = engine.inbox_count = 0;
    count = rs_core_run(engine.core, now, batch, BATCH);
    for (uint32_t i = 0; i < count; i++) perform(&batch[i]);
    engine.acted += count;
    done += count;
  } while (count > 0 && !engine.ended && done < ACTIONS_MAX);
}

/* ---- clients ---- */

static void check_lines(rs_bytes *said) {
  const char *end;
  while (said->size > 0 && (end = memchr(said->at, '\n', said->size))) {
    size_t size = (size_t)(end - said->at);
    cJSON *json = cJSON_ParseWithLength(said->at, size);
    if (!cJSON_IsObject(json)) abort();
    if (!cJSON_GetObjectItem(json, "ok") && !cJSON_GetObjectItem(json, "kind")) abort();
    cJSON_Delete(json);
    rs_bytes_drop(said, size + 1);
  }
}

static void listen_to(int which) {
  char chunk[16384];
  ssize_t got;
  while (client[which] >= 0 &&
         (got = recv(client[which], chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
    rs_bytes_add(&heard[which], chunk, (size_t)got);
  check_lines(&heard[which]);
}

static void turn(void) {
  uv_run(&engine.loop, UV_RUN_NOWAIT);
  if (engine.ended) return;
  rs_control_hear(&engine);
  decide();
  rs_control_tell(&engine);
  rs_texts_trim(&engine.texts);
}

static void connect_one(int which) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) abort();
  client[which] = ends[0];
  rs_peer_new(&engine, ends[1]);
  heard[which].size = 0;
}

static void hang_up(int which) {
  if (client[which] >= 0) close(client[which]);
  client[which] = -1;
}

static int act(int which, uint8_t code) {
  if (code == OTHER) which = (which + 1) % CLIENTS;
  if (code == HANG_UP) hang_up(which);
  if (code == HALF && client[which] >= 0) shutdown(client[which], SHUT_WR);
  if (code == READ) listen_to(which);
  if (code == WAKE && rs_core_due(engine.core) != RS_NEVER)
    if (rs_core_due(engine.core) > now) now = rs_core_due(engine.core);
  if (client[which] < 0) connect_one(which);
  turn();
  return which;
}

static void drive(const uint8_t *bytes, size_t size) {
  int which = 0, turns = 0;
  for (size_t at = 0, end; at < size && turns++ < TURNS_MAX; at = end) {
    for (end = at; end < size && bytes[end] < OTHER;) end++;
    if (end > at && send(client[which], bytes + at, end - at, MSG_NOSIGNAL) < 0) {
    }
    if (end > at) turn();
    if (end < size) which = act(which, bytes[end++]);
  }
  for (int i = 0; i < 20; i++) {
    turn();
    for (int k = 0; k < CLIENTS; k++) listen_to(k);
  }
}

/* ---- one host after another ---- */

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  (void)ctx;
  (void)old_size;
  if (size > 0) return rs_base_grow(old, size);
  free(old);
  return NULL;
}

static void set_up(void) {
  static rs_engine_options options;
  engine.options = &options;
  uv_loop_init(&engine.loop);
  uv_idle_init(&engine.loop, &engine.again);
  engine.again.data = &engine;
  rs_journal_init(&engine.journal);
  engine.journal.disk.fd = -1;
  rs_entry_boot(&engine);
}

static void begin(void) {
  static const rs_memory memory = {resize, NULL};
  now = rs_base_now();
  engine.core = rs_core_new(&memory, 1, 0);
  engine.control = rs_base_new(sizeof *engine.control);
  engine.control->root = strdup("plant");
  engine.control->path = strdup("/nowhere/at/all.sock");
  engine.ended = false;
  engine.journal.begin = engine.journal.end = 0;
  version = done = 0;
  if (!apply(new_plan())) abort();
  decide();
  for (int i = 0; i < CLIENTS; i++) connect_one(i);
}

static void end(void) {
  rs_control_end(&engine);
  for (int i = 0; i < CLIENTS; i++) {
    listen_to(i);
    hang_up(i);
  }
  if (engine.control->wish_count != 0 || engine.control->asks) abort();
  free(engine.control->change);
  free(engine.control->marks);
  free(engine.control->root);
  free(engine.control->path);
  free(engine.control);
  engine.control = NULL;
  uv_idle_stop(&engine.again);
  while (uv_run(&engine.loop, UV_RUN_NOWAIT)) {
  }
  rs_core_free(engine.core);
  while (engine.plans.count > 0)
    rs_plans_drop(&engine.plans, engine.plans.at[0].number);
  for (uint32_t i = 0; i < engine.added_room; i++) rs_add_forget(&engine, i);
  for (uint32_t i = 0; i < engine.unit_room; i++)
    engine.units[i] = (rs_unit){.slot = RS_NONE};
  engine.inbox_at = engine.inbox_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static bool is_set_up;
  if (size < 2) return 0;
  if (!is_set_up) set_up();
  is_set_up = true;
  seed = bytes[0];
  begin();
  drive(bytes + 1, size - 1);
  end();
  return 0;
}
