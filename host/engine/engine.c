#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command.h"
#include "control/control.h"
#include "journal/entry.h"
#include "reload/evaluate.h"
#include "runner/lua.h"
#include "notify.h"
#include "runner/runner.h"
#include "runner/server.h"
#include "signals.h"
#include "reload/sources.h"
#include "process/spawn.h"
#include "turn.h"

enum { DRAIN = RS_SECOND };

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  (void)ctx;
  (void)old_size;
  if (size > 0) return rs_base_grow(old, size);
  free(old);
  return NULL;
}

/* Nothing is ever written to this pipe: it only ends. */
static void on_witness(void *ctx, rs_watch *watch, int events) {
  rs_engine *engine = ctx;
  (void)watch;
  (void)events;
  rs_engine_end(engine, 1);
}

static void open_journal(rs_engine *engine) {
  const rs_engine_options *options = engine->options;
  uint64_t seq = 0, seed = (uint64_t)rs_base_now();
  const rs_memory memory = {resize, NULL};
  rs_journal_init(&engine->journal);
  rs_entry_boot(engine);
  int code = 0;
  if (options->journal)
    code = rs_disk_open(&engine->journal.disk, options->journal, &seq);
  const char *why = code == -EBUSY ? "another host writes there" : strerror(-code);
  if (code != 0) rs_base_say("cannot write %s: %s", options->journal, why);
  if (code != 0) rs_engine_end(engine, 1);
  if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0) seed ^= (uint64_t)getpid();
  engine->core = rs_core_new(&memory, seed, seq);
  if (options->log_fd >= 0)
    rs_journal_print_to(&engine->journal, &engine->loop, options->log_fd);
}

static void begin(rs_engine *engine, int ctl, pid_t server) {
  uv_loop_init(&engine->loop);
  engine->children.loop = &engine->loop;
  engine->loop.data = &engine->children;
  rs_families_begin(&engine->families, &engine->children);
  engine->started = rs_base_now();
  engine->server.retry.data = engine->spare.data = engine;
  uv_timer_init(&engine->loop, &engine->spare);
  uv_timer_init(&engine->loop, &engine->server.retry);
  rs_signals_begin(engine);
  rs_turn_begin(engine);
  rs_calm_init(engine);
  open_journal(engine);
  rs_notify_begin(engine);
  if (engine->options->witness_fd >= 0)
    rs_watch_new(&engine->loop, engine->options->witness_fd, on_witness, engine);
  rs_server_begin(engine, ctl, server);
}

/* Nothing below this process outlives it. Its own children are killed and reaped until
** there are none: what these leave behind becomes its own. */
static void kill_all(void) {
  for (;;) {
    rs_family_kill_children();
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno == ECHILD) return;
  }
}

static int finish(rs_engine *engine) {
  engine->ended = true;
  rs_control_end(engine);
  kill_all();
  /* What runners and commands wrote last is still in their pipes. */
  while (engine->runners) rs_runner_free(engine->runners);
  rs_command_end_all(engine);
  rs_cgroup_end(&engine->cgroups);
  rs_journal_close(&engine->journal, DRAIN);
  return engine->status;
}

int rs_engine_main(const rs_engine_options *options) {
  static rs_engine engine;
  pid_t server = 0;
  engine.options = options;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "rs-engine");
  int ctl = rs_server_fork(options, &server);
  if (ctl < 0) {
    rs_base_say("cannot start the fork server: %s", strerror(-ctl));
    return 1;
  }
  rs_spawn_raise_files();
  begin(&engine, ctl, server);
  if (!engine.ended) {
    if (options->watch) rs_sources_begin(&engine);
    rs_runner_spare(&engine);
    rs_evaluate(&engine);
  }
  while (!engine.ended) uv_run(&engine.loop, UV_RUN_ONCE);
  return finish(&engine);
}
