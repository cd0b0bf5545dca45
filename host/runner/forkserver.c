/* A runner must be the engine's own child, so that the engine sees it die, but the
** engine does not fork. So the fork server forks twice and the engine, a subreaper,
** inherits. */
#define _GNU_SOURCE
#include "forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embed.h"
#include "machine.h"
#include "runner.h"
#include "state.h"

static rs_ctl_got got;

/* What every VM needs is loaded before the fork, once. luv is told of a loop that is
** not there yet: none of these makes a handle. */
static void warm_up(lua_State *L) {
  static const char *const modules[] = {"luv",
                                        "string.buffer",
                                        "cjson",
                                        "runsmith.vm.schedule",
                                        "runsmith.vm.turn",
                                        "runsmith.vm.plans",
                                        "runsmith.vm.commands",
                                        "runsmith.tree.travel",
                                        "runsmith.vm.context",
                                        "runsmith.vm.load",
                                        "runsmith.vm.life",
                                        "runsmith.vm.owned",
                                        "runsmith.worker",
                                        "runsmith.vm.output",
                                        "runsmith.vm.rehearse",
                                        "std.log",
                                        "std.time"};
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    bool ours =
      strncmp(modules[i], "runsmith.", 9) == 0 || strncmp(modules[i], "std.", 4) == 0;
    if (ours && !rs_embed_find(modules[i])) continue;
    if (rs_state_require(L, modules[i]) != 0)
      fprintf(stderr, "runsmith: %s\n", lua_tostring(L, -1));
    lua_settop(L, 0);
  }
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_gc(L, LUA_GCCOLLECT, 0);
}

/* Of the fork server's own set-up, nothing is a runner's. */
static void reset(void) {
  for (int number = 1; number < SIGRTMIN; number++) signal(number, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid(); /* what is typed at the host's terminal is for the host */
  prctl(PR_SET_NAME, "runner");
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null >= 0) dup2(null, STDIN_FILENO);
  if (null >= 0) close(null);
}

/* The process between has ended, so the engine is the parent. */
static _Noreturn void run(int ctl, int middle, pid_t engine, rs_machine *warm) {
  struct pollfd end = {.fd = middle, .events = POLLIN};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) continue;
  close(middle);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != engine) _exit(0);
  reset();
  rs_runner_main(ctl, warm);
}

static int pidfd_of(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

/* In the child of the first fork: 0 or an errno is its status. */
static _Noreturn void split(int own_ctl, pid_t engine, rs_machine *warm) {
  int middle = pidfd_of(getpid());
  if (middle < 0) _exit(errno);
  pid_t child = fork();
  if (child < 0) _exit(errno);
  if (child > 0) _exit(0);
  close(own_ctl);
  run(got.fds[0], middle, engine, warm);
}

static int make(int ctl, pid_t engine, rs_machine *warm) {
  if (got.ctl.kind != RS_CTL_FORK || got.fd_count != 1) return EPROTO;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) split(ctl, engine, warm);
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static void tell_failed(int ctl, int code) {
  char text[256];
  snprintf(text, sizeof text, "cannot fork a runner: %s", strerror(code));
  rs_ctl failed = {.kind = RS_CTL_FAILED,
                   .a = RS_CTL_FORK,
                   .b = (uint32_t)code,
                   .size = (uint32_t)strlen(text)};
  rs_ctl_send(ctl, &failed, text, NULL, 0);
}

int rs_forkserver_main(int ctl_fd) {
  pid_t engine = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != engine) return 0;
  prctl(PR_SET_NAME, "forkserver");
  setsid();
  /* Forked from the engine, libuv would close at each fork what it takes for a pipe of
  ** its own, though the number is someone else's by now. */
  uv_library_shutdown();
  char why[128];
  rs_machine *warm = rs_machine_new(why, sizeof why);
  if (!warm) {
    fprintf(stderr, "runsmith: fork server: %s\n", why);
    return 1;
  }
  warm_up(warm->L);
  for (;;) {
    struct pollfd end = {.fd = ctl_fd, .events = POLLIN};
    if (poll(&end, 1, -1) < 0) continue;
    int came = rs_ctl_receive(ctl_fd, &got);
    if (came == -EAGAIN || came == -EPROTO || came == -EMFILE) continue;
    if (came != 1) return 0;
    int code = make(ctl_fd, engine, warm);
    for (uint32_t i = 0; i < got.fd_count; i++) close(got.fds[i]);
    if (code != 0) tell_failed(ctl_fd, code);
  }
}
