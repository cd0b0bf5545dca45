#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "notice.h"
#include "sweep.h"
#include "witness.h"

enum { DRAIN_NS = 1000000000 }; /* how long the printer may take for the last lines */

static const int forwarded[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};

enum { FORWARDED = sizeof forwarded / sizeof *forwarded };

typedef struct rs_witness {
  const rs_witness_options *options;
  sigset_t waited; /* all that the witness hears; blocked, so that none gets lost */
  pid_t self, printer, engine;
  int log[2], alive[2];
} rs_witness;

/* Signals as a new program expects them. */
static void signals_reset(void) {
  sigset_t none;
  for (int i = 0; i < FORWARDED; i++) signal(forwarded[i], SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Asks for `sig` when the witness dies; it may have died already. */
static void die_with(const rs_witness *witness, int sig) {
  prctl(PR_SET_PDEATHSIG, sig);
  if (getppid() != witness->self) _exit(1);
}

/* The printer hears no terminal signal: it ends when there are no more lines. */
static void run_printer(const rs_witness *witness) {
  char name[] = "runsmith", print[] = "__print", json[] = "json", text[] = "text";
  char *argv[] = {name, print, witness->options->json ? json : text, NULL};
  die_with(witness, SIGKILL);
  signals_reset();
  for (int i = 0; i < FORWARDED; i++) signal(forwarded[i], SIG_IGN);
  if (dup2(witness->log[0], 0) >= 0) execv(witness->options->program, argv);
  fprintf(stderr, "runsmith: cannot start the printer: %s\n", strerror(errno));
  _exit(127);
}

/* The engine has a session of its own, so that the terminal's signals reach it through
** the witness alone: once. SIGCONT wakes an engine that is stopped when the witness
** dies; that it died, the engine reads from the pipe. */
static void run_engine(const rs_witness *witness) {
  rs_witness_ends ends = {witness->log[1], witness->alive[0], witness->self};
  die_with(witness, SIGCONT);
  setsid();
  signals_reset();
  close(witness->log[0]);
  close(witness->alive[1]);
  int status = witness->options->engine(witness->options->ctx, &ends);
  fflush(NULL);
  _exit(status);
}

static int start(rs_witness *witness) {
  fflush(NULL);
  witness->printer = fork();
  if (witness->printer == 0) run_printer(witness);
  witness->engine = fork();
  if (witness->engine == 0) run_engine(witness);
  close(witness->log[0]);
  close(witness->log[1]);
  close(witness->alive[0]);
  return witness->engine > 0 && witness->printer > 0 ? 0 : -1;
}

/* Reaps; true once the engine has ended, with its wait status. */
static bool engine_ended(rs_witness *witness, int *status) {
  bool ended = false;
  for (int one;;) {
    pid_t pid = waitpid(-1, &one, WNOHANG);
    if (pid <= 0) return ended;
    if (pid == witness->printer) witness->printer = 0;
    if (pid != witness->engine) continue;
    witness->engine = 0;
    *status = one;
    ended = true;
  }
}

static int watch(rs_witness *witness) {
  for (int status = 0;;) {
    siginfo_t info;
    int sig = sigwaitinfo(&witness->waited, &info);
    if (sig == rs_notice_signal()) {
      if (info.si_pid == witness->engine) rs_notice_send(info.si_value.sival_int);
      continue;
    }
    if (sig > 0 && sig != SIGCHLD) kill(witness->engine, sig);
    if (sig == SIGCHLD && engine_ended(witness, &status)) return status;
  }
}

/* Lets the printer write what it has, a second at most. */
static void drain(rs_witness *witness) {
  struct timespec now, end;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  clock_gettime(CLOCK_MONOTONIC, &end);
  for (end.tv_sec++; witness->printer > 0;) {
    if (waitpid(witness->printer, NULL, WNOHANG) == witness->printer) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long left = (long long)(end.tv_sec - now.tv_sec) * DRAIN_NS;
    left += end.tv_nsec - now.tv_nsec;
    if (left <= 0) break;
    struct timespec wait = {(time_t)(left / DRAIN_NS), (long)(left % DRAIN_NS)};
    sigtimedwait(&child, NULL, &wait);
  }
  if (witness->printer <= 0) return;
  kill(witness->printer, SIGKILL);
  waitpid(witness->printer, NULL, 0);
}

/* An engine that could says itself why it ends. Nobody need read stderr: nothing waits
** for that. */
static void tell_killed(int status) {
  struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (!WIFSIGNALED(status) || poll(&out, 1, 0) != 1) return;
  const char *name = sigabbrev_np(WTERMSIG(status));
  fprintf(stderr, "runsmith: the host was ended by signal %s, with all that it ran\n",
          name ? name : "?");
}

static int prepare(rs_witness *witness) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&witness->waited);
  sigaddset(&witness->waited, SIGCHLD);
  sigaddset(&witness->waited, rs_notice_signal());
  rs_notice_begin();
  for (int i = 0; i < FORWARDED; i++) sigaddset(&witness->waited, forwarded[i]);
  sigprocmask(SIG_BLOCK, &witness->waited, NULL);
  witness->self = getpid();
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return -1;
  return pipe2(witness->log, O_CLOEXEC) < 0 || pipe2(witness->alive, O_CLOEXEC) < 0;
}

int rs_witness_main(const rs_witness_options *options) {
  rs_witness witness = {.options = options};
  int status = 1 << 8;
  if (prepare(&witness) != 0 || start(&witness) != 0)
    fprintf(stderr, "runsmith: cannot start: %s\n", strerror(errno));
  if (witness.engine > 0) status = watch(&witness);
  if (rs_sweep_all(witness.printer)) witness.printer = 0;
  drain(&witness);
  tell_killed(status);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
