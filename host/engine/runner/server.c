#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../shm/ctl.h"
#include "../journal/entry.h"
#include "../process/env.h"
#include "runner.h"
#include "../process/spawn.h"

enum {
  DELAY_FIRST = 10,
  DELAY_MOST = 1000,
  STUCK = RS_SECOND /* ns without a runner made */
};

static void start(rs_engine *engine);

/* What is the engine's alone does not go along. The rest stays open: libuv, once used
** in a process, keeps descriptors over a fork and closes them by number at the next. */
static _Noreturn void be_server(const rs_engine_options *options, int ctl,
                                pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (options->log_fd >= 0) close(options->log_fd);
  if (options->witness_fd >= 0) close(options->witness_fd);
  _exit(options->forkserver(ctl));
}

int rs_server_fork(const rs_engine_options *options, pid_t *pid) {
  int pair[2];
  int code = rs_ctl_pair(pair);
  if (code != 0) return code;
  pid_t parent = getpid();
  fflush(NULL);
  *pid = fork();
  if (*pid == 0) {
    close(pair[0]);
    be_server(options, pair[1], parent);
  }
  close(pair[1]);
  if (*pid > 0) return pair[0];
  code = -errno;
  close(pair[0]);
  return code;
}

static void retry(uv_timer_t *timer) { start(timer->data); }

static void start_later(rs_engine *engine) {
  rs_server *server = &engine->server;
  if (engine->ended || uv_is_active((uv_handle_t *)&server->retry)) return;
  uv_timer_start(&server->retry, retry, server->delay, 0);
  server->delay = server->delay * 2 + DELAY_FIRST;
  if (server->delay > DELAY_MOST) server->delay = DELAY_MOST;
}

static void on_ended(rs_child *child, int status) {
  rs_engine *engine = (rs_engine *)((char *)child - offsetof(rs_engine, server.child));
  (void)status;
  rs_watch_end(&engine->server.ctl);
  start_later(engine);
}

/* It says nothing but that it could not fork; the runner's own socket tells it too, so
** that is tried again. */
static void on_ctl(void *ctx, rs_watch *watch, int events) {
  static rs_ctl_got got;
  rs_engine *engine = ctx;
  (void)events;
  int code = rs_ctl_receive(watch->fd, &got);
  for (uint32_t i = 0; code == 1 && i < got.fd_count; i++) close(got.fds[i]);
  if (code == 0) rs_watch_end(&engine->server.ctl);
  if (code != 1 || engine->server.told) return;
  engine->server.told = true;
  rs_entry_log(engine, RS_NONE, RS_NONE, 3, "the fork server: %s", got.text);
}

void rs_server_begin(rs_engine *engine, int ctl, pid_t pid) {
  rs_server *server = &engine->server;
  server->child.ended = on_ended;
  server->ctl = rs_watch_new(&engine->loop, ctl, on_ctl, engine);
  if (rs_children_add(&engine->children, &server->child, pid) == 0) {
    rs_runner_ask(engine);
    return;
  }
  rs_watch_end(&server->ctl);
  start_later(engine);
}

/* A new one is exec'd: the engine has grown, a fork of it would be slow. */
static void start(rs_engine *engine) {
  char name[] = "runsmith", command[] = "__forkserver", why[256];
  char *argv[] = {name, command, NULL};
  int pair[2];
  if (engine->server.child.pid != 0) {
    rs_runner_ask(engine);
    return;
  }
  if (rs_ctl_pair(pair) != 0) {
    start_later(engine);
    return;
  }
  rs_env env = rs_env_host();
  rs_spawn spawn = rs_spawn_default(argv, env.at);
  spawn.program = engine->options->program;
  spawn.fds[0].from = pair[1];
  spawn.fds[0].to = RS_FORKSERVER_FD;
  spawn.fd_count = 1;
  pid_t pid = rs_spawn_start(&spawn, why, sizeof why);
  rs_env_free(&env);
  close(pair[1]);
  if (pid > 0) {
    rs_server_begin(engine, pair[0], pid);
    return;
  }
  rs_entry_log(engine, RS_NONE, RS_NONE, 3, "the fork server: %s", why);
  close(pair[0]);
  start_later(engine);
}

bool rs_server_make(rs_engine *engine, int fd) {
  rs_server *server = &engine->server;
  rs_ctl ctl = {.kind = RS_CTL_FORK};
  if (uv_is_active((uv_handle_t *)&server->retry)) return false;
  if (server->ctl && rs_ctl_send(server->ctl->fd, &ctl, NULL, &fd, 1) == 0) return true;
  start_later(engine);
  return false;
}

void rs_server_went(rs_engine *engine, bool well) {
  rs_server *server = &engine->server;
  if (!well) {
    start_later(engine);
    return;
  }
  server->delay = 0;
  server->made_at = rs_base_now();
  server->told = false;
}

void rs_server_doubt(rs_engine *engine) {
  if (rs_base_now() - engine->server.made_at > STUCK)
    rs_child_signal(&engine->server.child, SIGKILL);
}
