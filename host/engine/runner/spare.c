/* The spare is made with all that does not depend on who it will be: memory to share, a
** VM that waits, outputs, the newest plan. So a start is two records and a bell. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../confine.h"
#include "../control/control.h"
#include "runner.h"

enum { PATH_ROOM = 4096, LATER_MS = 2 };

static void on_bell(void *ctx, rs_watch *watch, int events) {
  rs_runner *runner = ctx;
  uint64_t rings;
  (void)events;
  if (read(watch->fd, &rings, sizeof rings) < 0) return;
  if (!runner->hello) rs_runner_listen(runner);
  rs_hear(runner, false);
}

static void on_ended(rs_child *child, int status) {
  rs_fate((rs_runner *)((char *)child - offsetof(rs_runner, child)), status);
}

static bool give_bell(rs_runner *runner) {
  int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell >= 0)
    runner->bell = rs_watch_new(&runner->engine->loop, bell, on_bell, runner);
  return runner->bell != NULL;
}

/* The other ends stay open here, too: that they are closed would wake the engine while
** the process is still busy with ending. */
static bool give_output(rs_runner *runner) {
  static const char *const names[] = {"stdout", "stderr"};
  rs_ctl ctl = {.kind = RS_CTL_OUTPUT};
  int fds[2];
  for (int i = 0; i < 2; i++) {
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0) return false;
    runner->out[i] = rs_stream_new(runner->engine, pair[0], names[i], RS_NONE, RS_NONE);
    fds[i] = runner->out_end[i] = pair[1];
  }
  rs_runner_tell(runner, &ctl, NULL, fds, 2);
  return true;
}

/* What it is told waits until it has said HELLO. `place`: 0, or what it is wanted for
** at once: then nothing is rehearsed. NULL, and errno: no descriptors or no memory. */
static rs_runner *make(rs_engine *engine, uint32_t place) {
  rs_runner *spare = rs_base_new(sizeof *spare);
  spare->engine = engine;
  spare->place = place;
  spare->child.ended = on_ended;
  spare->post_end = &spare->post;
  spare->owner = spare->culprit = RS_NONE;
  spare->out_end[0] = spare->out_end[1] = -1;
  spare->next = engine->runners;
  engine->runners = spare;
  bool made = give_bell(spare) && give_output(spare) && rs_part_first(spare);
  int code = made ? -rs_runner_wanted(spare) : errno;
  if (code != 0) {
    rs_runner_free(spare);
    errno = code;
    return NULL;
  }
  uint32_t plan = rs_plans_newest(&engine->plans);
  if (plan != 0) rs_runner_plan(spare, plan);
  return spare;
}

static rs_runner *spare_of(const rs_engine *engine) {
  rs_runner *runner = engine->runners;
  while (runner && (runner->place != 0 || runner->killed || runner->dead))
    runner = runner->next;
  return runner;
}

void rs_runner_spare(rs_engine *engine) {
  if (!engine->ended && !spare_of(engine)) make(engine, 0);
}

void rs_runner_spare_plan(rs_engine *engine, uint32_t plan) {
  rs_runner *spare = spare_of(engine);
  if (spare) rs_runner_plan(spare, plan);
}

static void on_later(uv_timer_t *timer) { rs_runner_spare(timer->data); }

/* A fork costs time on a processor, which whoever was just started can use better. */
void rs_runner_spare_later(rs_engine *engine) {
  uv_timer_t *timer = &engine->spare;
  if (uv_is_active((uv_handle_t *)timer)) return;
  uv_update_time(&engine->loop);
  uv_timer_start(timer, on_later, LATER_MS, 0);
}

/* RUNSMITH_UNIT. A backend's runner is none of the unit's own, which gave it no more
** than a name. */
static void mark(rs_runner *runner, const char *path) {
  rs_bytes text = {0};
  rs_bytes_text(&text, path);
  if (runner->place == RS_PLACE_BACKEND) rs_bytes_text(&text, "#backend");
  else if (runner->place == RS_PLACE_PROBES) rs_bytes_text(&text, "#probes");
  else rs_bytes_print(&text, "#%u", runner->owner_inc);
  rs_bytes_add(&text, "", 1);
  runner->family.mark = text.at;
}

static void give_place(rs_runner *runner) {
  char path[PATH_ROOM];
  rs_bytes text = {0};
  rs_core_path(runner->engine->core, runner->owner, path, sizeof path);
  mark(runner, path);
  rs_bytes_add(&text, path, strlen(path) + 1);
  rs_bytes_add(&text, runner->family.mark, strlen(runner->family.mark) + 1);
  const char *socket = rs_control_path(runner->engine);
  if (!socket) socket = "";
  rs_bytes_add(&text, socket, strlen(socket) + 1);
  const rs_plan_map *map = rs_plans_get(&runner->engine->plans, runner->plan);
  const rs_plan_spec *spec = rs_plan_spec_of(map->plan, runner->row);
  const rs_plan_exec *execs = rs_plan_rows(map->plan, RS_T_EXEC);
  if (spec->exec != RS_NONE) rs_confine_runner(runner, &execs[spec->exec], &text);
  rs_record place = {.kind = RS_DOWN_PLACE, .a = runner->place, .b = runner->plan};
  place.slot = spec->exec;
  place.inc = spec->flags;
  place.size = (uint32_t)text.size;
  rs_part_put(runner, 0, &place, text.at);
  rs_bytes_free(&text);
}

rs_runner *rs_runner_take(rs_engine *engine, uint32_t place, const rs_action *owner) {
  rs_runner *runner = spare_of(engine);
  if (!runner) runner = make(engine, place);
  if (!runner) return NULL;
  runner->place = place;
  runner->owner = owner->unit;
  runner->owner_inc = owner->inc;
  runner->plan = owner->plan;
  runner->row = owner->row;
  for (int i = 0; i < 2; i++) rs_stream_is_of(runner->out[i], owner->unit, owner->inc);
  rs_runner_plan(runner, owner->plan);
  give_place(runner);
  rs_runner_spare_later(engine);
  return runner;
}
