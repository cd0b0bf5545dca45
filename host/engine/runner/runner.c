#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../journal/entry.h"
#include "handover.h"
#include "lua.h"
#include "server.h"

/* A message that waits; the descriptors are its own. */
struct rs_post {
  struct rs_post *next;
  rs_ctl ctl;
  int fds[RS_CTL_FDS];
  uint32_t fd_count;
  char text[];
};

static void free_post(struct rs_post *post) {
  for (uint32_t i = 0; i < post->fd_count; i++)
    if (post->fds[i] >= 0) close(post->fds[i]);
  free(post);
}

static void take_failed(rs_runner *runner, const rs_ctl *ctl, const char *text);

static const char no_copy[] = "no descriptor could be kept for it: too many open files";

/* Sends what waits; before HELLO nobody reads. What it is not told makes it unfit. */
static void send_posts(rs_runner *runner) {
  int code = 0;
  while (runner->hello && runner->ctl && runner->post) {
    struct rs_post *post = runner->post;
    code =
      rs_ctl_send(runner->ctl->fd, &post->ctl, post->text, post->fds, post->fd_count);
    if (code == -EAGAIN) break;
    runner->post = post->next;
    if (!runner->post) runner->post_end = &runner->post;
    free_post(post);
    if (code == -EBADF) take_failed(runner, &(rs_ctl){0}, no_copy);
  }
  if (runner->ctl)
    rs_watch_set(runner->ctl, UV_READABLE | (code == -EAGAIN ? UV_WRITABLE : 0));
}

void rs_runner_tell(rs_runner *runner, const rs_ctl *ctl, const void *text,
                    const int *fds, uint32_t fd_count) {
  struct rs_post *post = rs_base_new(sizeof *post + ctl->size);
  post->ctl = *ctl;
  if (ctl->size > 0) memcpy(post->text, text, ctl->size);
  for (; post->fd_count < fd_count; post->fd_count++)
    post->fds[post->fd_count] = fcntl(fds[post->fd_count], F_DUPFD_CLOEXEC, 3);
  *runner->post_end = post;
  runner->post_end = &post->next;
  send_posts(runner);
}

/* Its units live in it from now on, as far as the core is concerned. */
static void tell_started(rs_runner *runner) {
  for (uint32_t p = 0; p < runner->part_count; p++) {
    const rs_part *part = runner->part[p];
    for (uint32_t i = 0; i < part->fresh; i++) {
      if (part->slot[i].unit == RS_NONE) continue;
      rs_unit *unit = rs_engine_unit(runner->engine, part->slot[i].unit);
      if (unit->told) continue;
      unit->told = true;
      rs_event event = {.kind = RS_EV_STARTED, .unit = part->slot[i].unit};
      event.inc = part->slot[i].inc;
      event.a = (uint32_t)runner->child.pid;
      event.at = rs_base_now();
      rs_engine_put(runner->engine, event);
    }
  }
}

/* It never said HELLO, or could not be heard: it is asked for again, as all that it is
** to be told still waits here. One that lives ends with its socket. */
static void ask_again(rs_runner *runner) {
  rs_watch_end(&runner->ctl);
  runner->asked = false;
  rs_server_went(runner->engine, false);
}

static void take_hello(rs_runner *runner, pid_t pid) {
  if (runner->hello) return;
  if (rs_children_add(&runner->engine->children, &runner->child, pid) != 0) {
    if (runner->place == 0) ask_again(runner); /* nobody waits for it */
    else take_failed(runner, &(rs_ctl){0}, no_copy);
    return;
  }
  runner->hello = true;
  runner->family.leader = pid;
  rs_server_went(runner->engine, true);
  send_posts(runner);
  tell_started(runner);
}

/* A VM's thread has ended. A process worker's was all that its process was for. */
static void take_joined(rs_runner *runner, uint32_t id) {
  rs_vm_book *vm = rs_part_vm(runner, id);
  if (!vm || !vm->own) return;
  vm->ended = true;
  if (runner->place == RS_PLACE_PROCESS) rs_runner_kill(runner, RS_NONE, 0);
}

/* What it was told to become it cannot be; without that it is of no use. A worker whose
** VM could not be made is the only one without. */
static void take_failed(rs_runner *runner, const rs_ctl *ctl, const char *text) {
  rs_engine *engine = runner->engine;
  if (ctl->a == RS_CTL_VM && rs_lua_no_vm(runner, ctl->c, text)) return;
  if (runner->place == RS_PLACE_PROCESS && runner->exit.kind == 0) {
    rs_event exit = {.kind = RS_EV_EXIT, .unit = runner->owner, .a = RS_WHY_LAUNCH};
    exit.inc = runner->owner_inc;
    exit.text = rs_texts_put(&engine->texts, text, strlen(text));
    runner->exit = exit;
  } else {
    rs_entry_log(engine, runner->owner, RS_NONE, 3, "its runner: %s", text);
  }
  rs_runner_kill(runner, RS_NONE, 0);
}

static void take_message(rs_runner *runner, rs_ctl_got *got) {
  switch (got->ctl.kind) {
  case RS_CTL_HELLO: take_hello(runner, got->pid); break;
  case RS_CTL_FAILED: take_failed(runner, &got->ctl, got->text); break;
  case RS_CTL_JOINED: take_joined(runner, got->ctl.a); break;
  case RS_CTL_DATA: rs_handover_take(runner, got); break;
  default: rs_runner_kill(runner, RS_NONE, 0);
  }
}

/* Nobody is at the other end of the socket. */
static void lost(rs_runner *runner) {
  rs_engine *engine = runner->engine;
  if (runner->hello) {
    rs_child_signal(&runner->child, SIGKILL);
    rs_child_await(&runner->child);
    rs_children_look(&engine->children, &runner->child);
    if (!runner->dead) rs_watch_end(&runner->ctl);
    return;
  }
  ask_again(runner);
}

/* All that has come: 1; 0: nobody is at the other end; or a negative errno. */
static int take_all(rs_runner *runner) {
  static rs_ctl_got got;
  while (runner->ctl) {
    int code = rs_ctl_receive(runner->ctl->fd, &got);
    if (code == -EAGAIN) return 1;
    if (code <= 0) return code;
    take_message(runner, &got);
    for (uint32_t i = 0; i < got.fd_count; i++)
      if (got.fds[i] >= 0) close(got.fds[i]);
  }
  return 1;
}

void rs_runner_listen(rs_runner *runner) {
  if (runner->dead) return;
  int code = take_all(runner);
  if (code > 0) return;
  if (code < 0) rs_runner_kill(runner, RS_NONE, 0);
  lost(runner);
}

/* Its end is not for the caller, who is in the middle of its rings: the socket tells of
** it again. */
void rs_runner_collect(rs_runner *runner) {
  if (take_all(runner) < 0) rs_runner_kill(runner, RS_NONE, 0);
}

static void on_ctl(void *ctx, rs_watch *watch, int events) {
  rs_runner *runner = ctx;
  if (events & UV_WRITABLE) send_posts(runner);
  if (runner->ctl == watch) rs_runner_listen(runner);
}

static int ask_for(rs_runner *runner) {
  int pair[2];
  int code = rs_ctl_pair(pair);
  if (code != 0) {
    rs_server_went(runner->engine, false);
    return code;
  }
  runner->asked = rs_server_make(runner->engine, pair[1]);
  close(pair[1]);
  if (runner->asked)
    runner->ctl = rs_watch_new(&runner->engine->loop, pair[0], on_ctl, runner);
  else close(pair[0]);
  return 0;
}

void rs_runner_ask(rs_engine *engine) {
  for (rs_runner *runner = engine->runners; runner; runner = runner->next)
    rs_runner_wanted(runner);
}

int rs_runner_wanted(rs_runner *runner) {
  return runner->asked || runner->dead ? 0 : ask_for(runner);
}

void rs_runner_plan(rs_runner *runner, uint32_t plan) {
  for (uint32_t i = 0; i < runner->plan_count; i++)
    if (runner->plans[i] == plan) return;
  const rs_plan_map *map = rs_plans_get(&runner->engine->plans, plan);
  rs_ctl ctl = {.kind = RS_CTL_PLAN, .a = plan, .x = map->size};
  runner->plans =
    rs_base_grow(runner->plans, (runner->plan_count + 1) * sizeof *runner->plans);
  runner->plans[runner->plan_count++] = plan;
  rs_runner_tell(runner, &ctl, NULL, &map->fd, 1);
  if (runner->place != 0) return;
  rs_record record = {.kind = RS_DOWN_PLAN, .slot = RS_NONE, .a = plan};
  rs_part_put(runner, 0, &record, NULL);
}

void rs_runner_kill(rs_runner *runner, uint32_t culprit, uint32_t inc) {
  if (runner->killed || runner->dead) return;
  runner->killed = true;
  runner->culprit = culprit;
  runner->culprit_inc = inc;
  if (runner->child.pid == 0) {
    /* It never came, so nothing else will tell of its end. */
    rs_watch_end(&runner->ctl);
    rs_server_doubt(runner->engine);
    rs_fate(runner, SIGKILL);
    return;
  }
  if (runner->family.group) rs_cgroup_kill(&runner->group);
  /* What a backend's functions started is meant to outlive their runner. */
  if (runner->place != RS_PLACE_BACKEND) rs_family_kill(runner->child.pid);
  rs_child_signal(&runner->child, SIGKILL);
}

void rs_runner_free(rs_runner *runner) {
  rs_runner **at = &runner->engine->runners;
  while (*at != runner) at = &(*at)->next;
  *at = runner->next;
  if (runner->bells_due) rs_part_bells(runner->engine);
  rs_part_end(runner);
  for (int i = 0; i < 2; i++) {
    rs_stream_end(&runner->out[i]);
    if (runner->out_end[i] >= 0) close(runner->out_end[i]);
  }
  rs_watch_end(&runner->ctl);
  rs_watch_end(&runner->bell);
  while (runner->post) {
    struct rs_post *post = runner->post;
    runner->post = post->next;
    free_post(post);
  }
  free(runner->plans);
  free(runner->family.mark);
  rs_cgroup_drop(&runner->group);
  free(runner);
}
