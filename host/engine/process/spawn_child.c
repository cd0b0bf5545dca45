#define _GNU_SOURCE
#include "spawn_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Nothing of a sanitizer's may run on the child's stack. */
#define BARE __attribute__((no_sanitize("address", "thread", "undefined")))

#if defined(__x86_64__)
BARE static long call(long number, long a, long b, long c, long d) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = 0; /* prctl's fifth */
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}

BARE static long clone_call(struct clone_args *args, void (*run)(rs_job *),
                            rs_job *job) {
  long result = SYS_clone3;
  register void (*r8)(rs_job *) __asm__("r8") = run;
  register rs_job *r9 __asm__("r9") = job;
  __asm__ volatile("syscall\n\t"
                   "test %%rax, %%rax\n\t"
                   "jnz 1f\n\t"
                   "xor %%ebp, %%ebp\n\t"
                   "mov %%r9, %%rdi\n\t"
                   "call *%%r8\n\t"
                   "hlt\n"
                   "1:"
                   : "+a"(result)
                   : "D"(args), "S"(sizeof *args), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
BARE static long call(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = 0; /* prctl's fifth */
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                   : "memory");
  return x0;
}

BARE static long clone_call(struct clone_args *args, void (*run)(rs_job *),
                            rs_job *job) {
  register long x8 __asm__("x8") = SYS_clone3;
  register long x0 __asm__("x0") = (long)args;
  register long x1 __asm__("x1") = sizeof *args;
  register void (*x4)(rs_job *) __asm__("x4") = run;
  register rs_job *x5 __asm__("x5") = job;
  __asm__ volatile("svc 0\n\t"
                   "cbnz x0, 1f\n\t"
                   "mov x29, xzr\n\t"
                   "mov x0, x5\n\t"
                   "blr x4\n\t"
                   "brk 0\n"
                   "1:"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "how a system call is made on this machine is to be said here"
#endif

BARE static long ask(long number, long a, long b, long c) {
  return call(number, a, b, c, 0);
}

BARE static _Noreturn void give_up(rs_job *job, const char *step, const char *at,
                                   long error) {
  job->error = (int)-error;
  job->at = at;
  job->step = step;
  for (;;) ask(SYS_exit_group, 127, 0, 0);
}

BARE static void reset_signals(const rs_job *job) {
  /* As the kernel has it; exec resets those that have a handler. */
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } usual = {0};
  uint64_t none = 0;
  for (int sig = 1; sig <= 64; sig++)
    if (job->ignored >> (sig - 1) & 1)
      call(SYS_rt_sigaction, sig, (long)&usual, 0, sizeof none);
  call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none);
}

/* Sources go out of the way first: a target may be another one's source. */
BARE static void place_fds(rs_job *job) {
  const rs_spawn *spawn = &job->spawn;
  long high[3 + RS_SPAWN_FDS];
  for (uint32_t i = 0; i < 3 + spawn->fd_count; i++) {
    int from = i < 3 ? spawn->stdio[i] : spawn->fds[i - 3].from;
    if (from < 0) from = job->null_fd;
    high[i] = ask(SYS_fcntl, from, F_DUPFD_CLOEXEC, job->fd_base);
    if (high[i] < 0) give_up(job, "duplicate a descriptor for", NULL, high[i]);
  }
  ask(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (uint32_t i = 0; i < 3 + spawn->fd_count; i++) {
    long to = i < 3 ? (long)i : spawn->fds[i - 3].to;
    long code = ask(SYS_dup3, high[i], to, 0);
    if (code < 0) give_up(job, "place a descriptor for", NULL, code);
  }
}

BARE static void set_limits(rs_job *job) {
  const rs_spawn *spawn = &job->spawn;
  long code = 0;
  if (job->restore_files) call(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&job->files, 0);
  for (uint32_t i = 0; i < spawn->limit_count; i++) {
    code =
      call(SYS_prlimit64, 0, spawn->limits[i].which, (long)&spawn->limits[i].limit, 0);
    if (code < 0) give_up(job, "set a limit for", NULL, code);
  }
  if (spawn->nice != RS_NO_NICE) code = ask(SYS_setpriority, 0, 0, spawn->nice);
  if (code < 0) give_up(job, "set nice for", NULL, code);
}

BARE static void set_oom(rs_job *job) {
  static const char name[] = "/proc/self/oom_score_adj";
  if (!job->own_memory) return;
  long fd = ask(SYS_openat, AT_FDCWD, (long)name, O_WRONLY | O_CLOEXEC);
  long code = fd < 0 ? fd : ask(SYS_write, fd, (long)job->oom, job->oom_size);
  if (code < 0) give_up(job, "set oom_score_adj for", NULL, code);
}

BARE static void join_groups(rs_job *job) {
  static const char me[] = "0";
  for (int i = 0; i < RS_SPAWN_JOINS; i++) {
    if (job->spawn.joins[i] < 0) continue;
    long code = ask(SYS_write, job->spawn.joins[i], (long)me, 1);
    if (code < 0) give_up(job, "enter its cgroup for", NULL, code);
  }
}

BARE static void set_user(rs_job *job) {
  long code = 0;
  if (job->group_count >= 0)
    code = ask(SYS_setgroups, job->group_count, (long)job->groups, 0);
  if (code < 0) give_up(job, "set the groups of", job->spawn.user, code);
  if (job->set_group) code = ask(SYS_setresgid, job->gid, job->gid, job->gid);
  if (code < 0) give_up(job, "become the group of", job->spawn.user, code);
  if (job->set_user) code = ask(SYS_setresuid, job->uid, job->uid, job->uid);
  if (code < 0) give_up(job, "become user", job->spawn.user, code);
}

/* As execvp: where none can be run, the reason is that of one that is there. */
BARE static _Noreturn void run(rs_job *job) {
  long reason = -ENOENT;
  const char *at = NULL;
  for (size_t i = 0; i < job->path_count; i++) {
    const char *path = job->paths[i];
    long code =
      ask(SYS_execve, (long)path, (long)job->spawn.argv, (long)job->spawn.env);
    if (code == -ENOENT || code == -ENOTDIR) continue;
    reason = code;
    at = path;
    if (code != -EACCES) break;
  }
  give_up(job, "run", at, reason);
}

BARE static void be_child(rs_job *job) {
  const rs_spawn *spawn = &job->spawn;
  ask(SYS_setsid, 0, 0, 0);
  join_groups(job);
  place_fds(job);
  set_oom(job);
  set_limits(job);
  if (spawn->umask >= 0) ask(SYS_umask, spawn->umask, 0, 0);
  set_user(job);
  long code = 0;
  if (spawn->cwd && *spawn->cwd) code = ask(SYS_chdir, (long)spawn->cwd, 0, 0);
  if (code < 0) give_up(job, "enter the folder", spawn->cwd, code);
  if (spawn->no_new_privs) code = call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
  if (code < 0) give_up(job, "set no_new_privs for", NULL, code);
  /* Last: a change of user undoes it. The engine may have died just before. */
  code = call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
  if (code < 0) give_up(job, "be tied to the engine:", NULL, code);
  if (ask(SYS_getppid, 0, 0, 0) != job->parent)
    give_up(job, "outlive the engine:", NULL, -ESRCH);
  reset_signals(job);
  run(job);
}

pid_t rs_spawn_clone(struct clone_args *args, rs_job *job) {
  return (pid_t)clone_call(args, be_child, job);
}
