#define _GNU_SOURCE
#include "calm.h"

#include "state.h"

/* The turn that follows does what has waited. */
static void on_over(uv_timer_t *timer) { ((rs_engine *)timer->data)->calm.on = false; }

void rs_calm_init(rs_engine *engine) {
  uv_timer_init(&engine->loop, &engine->calm.timer);
  engine->calm.timer.data = engine;
}

void rs_calm_begin(rs_engine *engine) {
  if (engine->calm.on) return;
  engine->calm.on = true;
  uv_timer_start(&engine->calm.timer, on_over, RS_CALM_MS, 0);
}

void rs_calm_turn(rs_engine *engine) {
  if (engine->calm.on) {
    rs_journal_keep(&engine->journal);
    return;
  }
  rs_journal_flush(&engine->journal);
  rs_cgroup_tidy(&engine->cgroups);
}
