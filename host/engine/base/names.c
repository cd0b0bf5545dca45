#define _GNU_SOURCE
#include "names.h"

#include <signal.h>
#include <sys/syscall.h>

#include "../../shm/ring.h"

#define NAME_OF(names, index)                                                          \
  ((index) < RS_COUNT_OF(names) && (names)[index] ? (names)[index] : "unknown")

static const char *const kinds[] = {
  [RS_J_STARTED] = "started",     [RS_J_TRANSITION] = "transition",
  [RS_J_READY] = "ready",         [RS_J_VIOLATION] = "violation",
  [RS_J_EXITED] = "exited",       [RS_J_KILLED] = "killed",
  [RS_J_RESTART] = "restart",     [RS_J_COLLATERAL] = "collateral",
  [RS_J_COMPLETED] = "completed", [RS_J_ESCALATED] = "escalated",
  [RS_J_RELOAD] = "reload",       [RS_J_STOP] = "stop",
  [RS_J_START] = "start",         [RS_J_PROBE] = "probe",
  [RS_J_OUTPUT] = "output",       [RS_J_LOG] = "log",
  [RS_J_DROPPED] = "dropped",
};

static const char *const backends[] = {
  "supervisor", "coroutine", "thread", "process", "command", "custom",
};

static const char *const whys[] = {
  [RS_WHY_OK] = "ok",
  [RS_WHY_ERROR] = "error",
  [RS_WHY_EXCEPTION] = "exception",
  [RS_WHY_SIGNAL] = "signal",
  [RS_WHY_INTERRUPTED] = "interrupted",
  [RS_WHY_LAUNCH] = "launch",
  [RS_WHY_COLLATERAL] = "collateral",
  [RS_WHY_CHILDREN] = "children",
  [RS_WHY_PRE] = "pre",
  [RS_WHY_KILLED] = "killed",
};

static const char *const constraints[] = {
  [RS_C_HEARTBEAT] = "heartbeat",   [RS_C_TIMEOUT] = "timeout",
  [RS_C_TRANSITION] = "transition", [RS_C_LAUNCH] = "launch",
  [RS_C_STALL] = "stall",           [RS_C_SHUTDOWN] = "shutdown",
  [RS_C_PROBE] = "probe",           [RS_C_PROTOCOL] = "protocol",
};

static const char *const kills[] = {
  [RS_K_VIOLATION] = "violation",
  [RS_K_SHUTDOWN] = "shutdown",
  [RS_K_OPERATOR] = "operator",
  [RS_K_NOW] = "now",
};

static const char *const restarts[] = {
  [RS_R_FAILED] = "failed",     [RS_R_ENDED] = "ended",
  [RS_R_STRATEGY] = "strategy", [RS_R_COLLATERAL] = "collateral",
  [RS_R_OPERATOR] = "operator", [RS_R_RELOAD] = "reload",
};

static const char *const states[] = {
  [RS_STATE_STARTING] = "starting",       [RS_STATE_RUNNING] = "running",
  [RS_STATE_TERMINATING] = "terminating", [RS_STATE_STOPPED] = "stopped",
  [RS_STATE_CRASHED] = "crashed",
};

static const char *const healths[] = {
  [RS_HEALTHY] = "healthy", [RS_LINGERING] = "lingering", [RS_COMPLETED] = "completed",
  [RS_FAILED] = "failed",   [RS_STOPPED] = "stopped",     [RS_WAITING] = "waiting",
};

static const char *const verdicts[] = {
  [RS_VERDICT_ALIVE] = "alive",
  [RS_VERDICT_DEAD] = "dead",
  [RS_VERDICT_UNKNOWN] = "unknown",
  [RS_VERDICT_FAILING] = "failing",
};

static const char *const levels[] = {"debug", "info", "warn", "error"};

/* What workers block in, by far. */
static const struct {
  long number;
  const char *name;
} calls[] = {
  {SYS_read, "read"},
  {SYS_write, "write"},
  {SYS_readv, "readv"},
  {SYS_writev, "writev"},
  {SYS_pread64, "pread"},
  {SYS_pwrite64, "pwrite"},
  {SYS_ppoll, "ppoll"},
  {SYS_pselect6, "pselect"},
  {SYS_epoll_pwait, "epoll_pwait"},
  {SYS_nanosleep, "nanosleep"},
  {SYS_clock_nanosleep, "clock_nanosleep"},
  {SYS_futex, "futex"},
  {SYS_wait4, "wait4"},
  {SYS_waitid, "waitid"},
  {SYS_accept, "accept"},
  {SYS_accept4, "accept4"},
  {SYS_connect, "connect"},
  {SYS_recvfrom, "recvfrom"},
  {SYS_recvmsg, "recvmsg"},
  {SYS_sendto, "sendto"},
  {SYS_sendmsg, "sendmsg"},
  {SYS_openat, "openat"},
  {SYS_flock, "flock"},
  {SYS_fcntl, "fcntl"},
  {SYS_fsync, "fsync"},
  {SYS_fdatasync, "fdatasync"},
  {SYS_ioctl, "ioctl"},
  {SYS_rt_sigsuspend, "rt_sigsuspend"},
  {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
  {SYS_msgrcv, "msgrcv"},
  {SYS_semtimedop, "semtimedop"},
  {SYS_restart_syscall, "restart_syscall"},
#ifdef SYS_poll
  {SYS_poll, "poll"},
  {SYS_select, "select"},
  {SYS_epoll_wait, "epoll_wait"},
  {SYS_pause, "pause"},
  {SYS_open, "open"},
#endif
};

const char *rs_name_kind(uint32_t kind) { return NAME_OF(kinds, kind); }
const char *rs_name_backend(uint32_t backend) { return NAME_OF(backends, backend); }
const char *rs_name_why(uint32_t why) { return NAME_OF(whys, why); }
const char *rs_name_constraint(uint32_t c) { return NAME_OF(constraints, c); }
const char *rs_name_killed(uint32_t why) { return NAME_OF(kills, why); }
const char *rs_name_restart(uint32_t why) { return NAME_OF(restarts, why); }
const char *rs_name_state(uint32_t state) { return NAME_OF(states, state); }
const char *rs_name_health(uint32_t health) { return NAME_OF(healths, health); }
const char *rs_name_verdict(uint32_t verdict) { return NAME_OF(verdicts, verdict); }
const char *rs_name_level(uint32_t level) { return NAME_OF(levels, level); }

const char *rs_name_signal(int sig) {
  return sig > 0 && sig < NSIG ? sigabbrev_np(sig) : NULL;
}

const char *rs_name_syscall(long number) {
  for (size_t i = 0; i < RS_COUNT_OF(calls); i++)
    if (calls[i].number == number) return calls[i].name;
  return NULL;
}
