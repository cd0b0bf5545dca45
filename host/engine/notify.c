#define _GNU_SOURCE
#include "notify.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine.h"

static void say(const rs_engine *engine, int what) {
  const rs_engine_options *options = engine->options;
  if (engine->notify.heard) options->notice(options->witness, what);
}

static void on_watchdog(uv_timer_t *timer) { say(timer->data, 'W'); }

/* WATCHDOG_USEC is for the process that it names; the witness speaks for the engine. */
static uint64_t watchdog_ms(const rs_engine *engine) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!usec) return 0;
  long named = pid ? strtol(pid, NULL, 10) : 0;
  if (pid && named != getpid() && named != engine->options->witness) return 0;
  return strtoull(usec, NULL, 10) / 2000;
}

void rs_notify_begin(rs_engine *engine) {
  rs_notify *notify = &engine->notify;
  notify->heard = getenv("NOTIFY_SOCKET") && engine->options->notice;
  notify->watchdog.data = engine;
  uv_timer_init(&engine->loop, &notify->watchdog);
  uint64_t every = watchdog_ms(engine);
  if (notify->heard && every > 0)
    uv_timer_start(&notify->watchdog, on_watchdog, every, every);
}

void rs_notify_look(rs_engine *engine) {
  rs_notify *notify = &engine->notify;
  rs_view root;
  if (!notify->heard || notify->ready || !engine->applied) return;
  if (!rs_core_view(engine->core, 0, &root) || !root.ready) return;
  notify->ready = true;
  say(engine, 'R');
}

void rs_notify_stopping(rs_engine *engine) { say(engine, 'S'); }
