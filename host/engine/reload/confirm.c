#define _GNU_SOURCE
#include "confirm.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../core/trial.h"
#include "../journal/entry.h"
#include "evaluate.h"
#include "../base/json.h"
#include "sources.h"

enum { NAMED = 8 }; /* units that status names */

/* A client that wants to hear what came of it. */
typedef struct rs_waiter {
  struct rs_waiter *next;
  rs_peer *peer;
  char id[RS_REQUEST_ID];
} rs_waiter;

struct rs_confirm {
  rs_engine *engine;
  rs_trial trial;
  rs_change_row *row; /* between prepare and begin */
  uint32_t row_count;
  int before; /* the plan that is put back; -1: none */
  rs_time span;
  bool waits;
  bool due;
  bool kept; /* what came of the last one */
  char why[512];
  uv_timer_t timer;
  rs_waiter *waiters;
};

static void on_time(uv_timer_t *timer) {
  struct rs_confirm *confirm = timer->data;
  confirm->due = true; /* judged at the turn's end */
}

static struct rs_confirm *confirm_of(rs_engine *engine) {
  if (engine->confirm) return engine->confirm;
  struct rs_confirm *confirm = rs_base_new(sizeof *confirm);
  confirm->engine = engine;
  confirm->before = -1;
  confirm->kept = true;
  strcpy(confirm->why, "no reload waited to be confirmed");
  confirm->timer.data = confirm;
  uv_timer_init(&engine->loop, &confirm->timer);
  engine->confirm = confirm;
  return confirm;
}

static void clear(struct rs_confirm *confirm) {
  free(confirm->row);
  free(confirm->trial.unit);
  if (confirm->before >= 0) close(confirm->before);
  confirm->row = NULL;
  confirm->trial = (rs_trial){0};
  confirm->before = -1;
  confirm->waits = confirm->due = false;
  uv_timer_stop(&confirm->timer);
  rs_core_trial(confirm->engine->core, false);
}

void rs_confirm_prepare(rs_engine *engine, const rs_plan *plan, double seconds) {
  struct rs_confirm *confirm = confirm_of(engine);
  const rs_plan_map *holds = rs_plans_get(&engine->plans, engine->holding);
  uint32_t room = rs_plan_count(plan, RS_T_UNIT) + rs_core_units(engine->core);
  if (!holds) return;
  clear(confirm);
  confirm->span = (rs_time)(seconds * 1e9);
  confirm->before = fcntl(holds->fd, F_DUPFD_CLOEXEC, 3);
  confirm->row = rs_base_new(room * 2 * sizeof *confirm->row);
  confirm->row_count = rs_core_compare(engine->core, plan, confirm->row);
  rs_core_because(engine->core, 0, 0, confirm->span);
}

void rs_confirm_begin(rs_engine *engine, bool applied) {
  struct rs_confirm *confirm = engine->confirm;
  if (!confirm || !confirm->row) return;
  if (!applied || confirm->before < 0) {
    clear(confirm);
    return;
  }
  rs_trial *trial = &confirm->trial;
  trial->unit = rs_base_new((confirm->row_count + 1) * sizeof *trial->unit);
  rs_trial_begin(trial, engine->core, confirm->row, confirm->row_count);
  free(confirm->row);
  confirm->row = NULL;
  trial->until = rs_base_now() + confirm->span;
  confirm->waits = true;
  rs_core_trial(engine->core, true);
  uv_update_time(&engine->loop);
  uv_timer_start(&confirm->timer, on_time, (uint64_t)(confirm->span / RS_MS) + 1, 0);
}

double rs_confirm_left(const rs_engine *engine) {
  const struct rs_confirm *confirm = engine->confirm;
  if (!confirm || !confirm->waits) return 0;
  rs_time left = confirm->trial.until - rs_base_now();
  return left > RS_MS ? (double)left / 1e9 : 0.001;
}

void rs_confirm_hear(rs_engine *engine, const rs_action *action) {
  struct rs_confirm *confirm = engine->confirm;
  if (confirm && confirm->waits) rs_trial_hear(&confirm->trial, action);
}

static void answer(const rs_waiter *waiter, const struct rs_confirm *confirm) {
  rs_bytes *out = rs_peer_line(waiter->peer);
  rs_peer_begin(out, waiter->id);
  rs_bytes_text(out, confirm->kept ? "{\"kept\":true" : "{\"kept\":false");
  rs_json_name(out, "why", confirm->why);
  rs_bytes_text(out, "}}\n");
  rs_peer_busy(waiter->peer);
}

static void answer_all(struct rs_confirm *confirm) {
  while (confirm->waiters) {
    rs_waiter *waiter = confirm->waiters;
    confirm->waiters = waiter->next;
    answer(waiter, confirm);
    waiter->peer->flight--;
    free(waiter);
  }
}

/* Its time is over, or somebody has said so: it stays. */
static void keep(struct rs_confirm *confirm, const char *why) {
  confirm->kept = true;
  snprintf(confirm->why, sizeof confirm->why, "%s", why);
  rs_entry_note(confirm->engine, confirm->trial.seq, "reload %llu is kept: %s",
                (unsigned long long)confirm->trial.seq, why);
  clear(confirm);
  answer_all(confirm);
  rs_sources_wake(confirm->engine);
}

static void put_back(struct rs_confirm *confirm, uint64_t cause) {
  rs_engine *engine = confirm->engine;
  char why[512] = "";
  int before = confirm->before;
  unsigned long long seq = confirm->trial.seq;
  confirm->before = -1;
  confirm->kept = false;
  uint64_t text =
    rs_texts_print(&engine->texts, "reload %llu is taken back: %s", seq, confirm->why);
  clear(confirm);
  rs_core_because(engine->core, cause, text, 0);
  if (rs_evaluate_again(engine, before, why, sizeof why) != 0)
    rs_entry_note(engine, cause, "reload %llu cannot be taken back: %s", seq, why);
  answer_all(confirm);
  rs_sources_wake(engine);
}

static void fail(struct rs_confirm *confirm, uint32_t ill) {
  static const char *const healths[] = {"",       "healthy", "lingering", "completed",
                                        "failed", "stopped", "waiting"};
  const rs_trial *trial = &confirm->trial;
  rs_engine *engine = confirm->engine;
  char path[RS_REQUEST_PATH];
  rs_view view = {0};
  if (trial->escalated != 0) {
    rs_core_path(engine->core, trial->who, path, sizeof path);
    snprintf(confirm->why, sizeof confirm->why, "%.400s gave up", path);
    put_back(confirm, trial->escalated);
    return;
  }
  rs_core_path(engine->core, ill, path, sizeof path);
  rs_core_view(engine->core, ill, &view);
  bool old = view.health == RS_HEALTHY;
  snprintf(confirm->why, sizeof confirm->why, "%.400s is %s after %g s", path,
           old ? "not restarted yet" : healths[view.health],
           (double)confirm->span / 1e9);
  put_back(confirm, view.cause != 0 ? view.cause : trial->seq);
}

void rs_confirm_look(rs_engine *engine) {
  struct rs_confirm *confirm = engine->confirm;
  uint32_t ill;
  if (!confirm || !confirm->waits || engine->ended) return;
  if (!confirm->due && confirm->trial.escalated == 0) return;
  confirm->due = false;
  switch (rs_trial_judge(&confirm->trial, engine->core, rs_base_now(), &ill)) {
  case RS_TRIAL_HOLDS: keep(confirm, "what it changed is well"); break;
  case RS_TRIAL_FAILS: fail(confirm, ill); break;
  default: uv_timer_start(&confirm->timer, on_time, 1, 0); break;
  }
  rs_engine_again(engine);
}

void rs_confirm_keep(const rs_request *request) {
  rs_engine *engine = request->peer->engine;
  char who[128];
  if (rs_confirm_left(engine) <= 0) {
    rs_peer_refuse(request->peer, request->id, "invalid",
                   "no reload waits to be confirmed");
    return;
  }
  rs_peer_name(request->peer, who, sizeof who);
  char why[160];
  snprintf(why, sizeof why, "%s, reload --keep", who);
  keep(engine->confirm, why);
  rs_confirm_await(request);
}

void rs_confirm_await(const rs_request *request) {
  struct rs_confirm *confirm = confirm_of(request->peer->engine);
  rs_waiter *waiter = rs_base_new(sizeof *waiter);
  waiter->peer = request->peer;
  waiter->next = confirm->waiters;
  confirm->waiters = waiter;
  request->peer->flight++;
  memcpy(waiter->id, request->id, sizeof waiter->id);
  if (!confirm->waits) answer_all(confirm);
}

void rs_confirm_forget(rs_peer *peer) {
  struct rs_confirm *confirm = peer->engine->confirm;
  for (rs_waiter **at = confirm ? &confirm->waiters : NULL; at && *at;) {
    rs_waiter *waiter = *at;
    if (waiter->peer != peer) {
      at = &waiter->next;
      continue;
    }
    *at = waiter->next;
    free(waiter);
  }
}

void rs_confirm_put(rs_engine *engine, rs_bytes *out) {
  struct rs_confirm *confirm = engine->confirm;
  char path[RS_REQUEST_PATH];
  uint32_t ill = 0;
  if (rs_confirm_left(engine) <= 0) return;
  rs_bytes_print(out, ",\"confirm\":{\"seq\":%llu",
                 (unsigned long long)confirm->trial.seq);
  rs_json_span(out, "until", confirm->trial.until - rs_base_now());
  rs_bytes_text(out, ",\"waits_for\":[");
  for (uint32_t i = 0; i < confirm->trial.count; i++) {
    uint32_t unit = confirm->trial.unit[i];
    if (!rs_trial_is_ill(engine->core, unit) || ill++ >= NAMED) continue;
    rs_core_path(engine->core, unit, path, sizeof path);
    if (ill > 1) rs_bytes_text(out, ",");
    rs_json_string(out, path, strlen(path));
  }
  rs_bytes_print(out, "],\"ill\":%u}", ill);
}
