#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "reload/evaluate.h"
#include "base/names.h"
#include "notify.h"

enum { TWICE = 100 * RS_MS };

static const int heard[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};

/* A signal to the host's whole group (as init sends it) reaches the engine twice: at
** first hand, and passed on by the witness. That is one. */
static bool is_echo(const rs_engine *engine, bool passed_on) {
  return engine->stop_asked != 0 && passed_on != engine->stop_passed_on &&
         rs_base_now() - engine->stop_asked < TWICE;
}

static void stop(rs_engine *engine, const struct signalfd_siginfo *info) {
  rs_event event = {.kind = RS_EV_SHUTDOWN};
  bool passed_on = (pid_t)info->ssi_pid == engine->options->witness;
  const char *name = rs_name_signal((int)info->ssi_signo);
  if (is_echo(engine, passed_on)) return;
  if (!engine->applied) {
    rs_base_say("stopped by signal %s; nothing was started", name ? name : "?");
    rs_engine_end(engine, 0);
    return;
  }
  event.a = engine->stop_asked != 0;
  event.text = rs_texts_print(&engine->texts, "signal %s", name ? name : "?");
  engine->stop_asked = rs_base_now();
  engine->stop_passed_on = passed_on;
  rs_notify_stopping(engine);
  rs_engine_put(engine, event);
}

static void on_signal(void *ctx, rs_watch *watch, int events) {
  rs_engine *engine = ctx;
  struct signalfd_siginfo info;
  (void)events;
  while (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info) {
    switch (info.ssi_signo) {
    case SIGCHLD:
      rs_children_reap(&engine->children);
      rs_families_wake(&engine->families);
      break;
    case SIGHUP: rs_evaluate(engine); break;
    default: stop(engine, &info);
    }
  }
}

void rs_signals_begin(rs_engine *engine) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < RS_COUNT_OF(heard); i++) sigaddset(&set, heard[i]);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) rs_base_fatal("no descriptor for signals: %s", strerror(errno));
  rs_watch_new(&engine->loop, fd, on_signal, engine);
}
