#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUPS_MAX = 256, PATHS_MAX = 64, FD_HIGH = 64, OOM_CHILD = 200 };

static struct rlimit files_before;
static bool files_raised;

/* All that the child needs, worked out before: between vfork and exec it shares this
** memory, so it only makes system calls. `step` and `error` are its answer. */
typedef struct rs_job {
  const rs_spawn *spawn;
  pid_t parent;
  const char *paths[PATHS_MAX]; /* what to try to exec, one after another */
  size_t path_count;
  char path_bytes[PATH_MAX * 2];
  bool set_user, set_group;
  uid_t uid;
  gid_t gid, groups[GROUPS_MAX];
  int group_count;
  char oom[16];
  int null_fd;
  const char *volatile step;
  volatile int error;
} rs_job;

rs_spawn rs_spawn_default(char *const *argv, char *const *env) {
  rs_spawn spawn = {.argv = argv, .env = env, .stdio = {-1, 1, 2}, .umask = -1};
  spawn.nice = RS_NO_NICE;
  spawn.oom_score_adj = RS_OOM_DEFAULT;
  return spawn;
}

void rs_spawn_limit(rs_spawn *spawn, int which, uint64_t value) {
  if (spawn->limit_count == RS_SPAWN_LIMITS) return;
  spawn->limits[spawn->limit_count].which = which;
  spawn->limits[spawn->limit_count++].limit = (struct rlimit){value, value};
}

void rs_spawn_raise_files(void) {
  if (getrlimit(RLIMIT_NOFILE, &files_before) != 0) return;
  struct rlimit raised = {files_before.rlim_max, files_before.rlim_max};
  files_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

static _Noreturn void give_up(rs_job *job, const char *step) {
  job->error = errno;
  job->step = step;
  _exit(127);
}

static void reset_signals(void) {
  sigset_t none;
  for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Sources go out of the way first: a target may be another one's source. */
static void place_fds(rs_job *job) {
  const rs_spawn *spawn = job->spawn;
  int high[3 + RS_SPAWN_FDS], last = 2;
  for (int i = 0; i < 3; i++) {
    int from = spawn->stdio[i] >= 0 ? spawn->stdio[i] : job->null_fd;
    high[i] = fcntl(from, F_DUPFD_CLOEXEC, FD_HIGH);
    if (high[i] < 0) give_up(job, "duplicate a descriptor");
  }
  for (uint32_t i = 0; i < spawn->fd_count; i++) {
    high[3 + i] = fcntl(spawn->fds[i].from, F_DUPFD_CLOEXEC, FD_HIGH);
    if (high[3 + i] < 0) give_up(job, "duplicate a descriptor");
    if (spawn->fds[i].to > last) last = spawn->fds[i].to;
  }
  syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (int i = 0; i < 3; i++)
    if (dup2(high[i], i) < 0) give_up(job, "place a descriptor");
  for (uint32_t i = 0; i < spawn->fd_count; i++)
    if (dup2(high[3 + i], spawn->fds[i].to) < 0) give_up(job, "place a descriptor");
}

static void set_limits(rs_job *job) {
  const rs_spawn *spawn = job->spawn;
  if (files_raised) setrlimit(RLIMIT_NOFILE, &files_before);
  for (uint32_t i = 0; i < spawn->limit_count; i++)
    if (setrlimit((__rlimit_resource_t)spawn->limits[i].which,
                  &spawn->limits[i].limit) != 0)
      give_up(job, "set a limit");
  if (spawn->nice != RS_NO_NICE && setpriority(PRIO_PROCESS, 0, spawn->nice) != 0)
    give_up(job, "set nice");
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  bool done = fd >= 0 && write(fd, job->oom, strlen(job->oom)) > 0;
  if (fd >= 0) close(fd);
  if (!done && spawn->oom_score_adj != RS_OOM_DEFAULT)
    give_up(job, "set oom_score_adj");
}

/* By bare system calls: libc's would tell the engine's other threads to change too. */
static void set_user(rs_job *job) {
  if (job->group_count >= 0 &&
      syscall(SYS_setgroups, (size_t)job->group_count, job->groups) != 0)
    give_up(job, "set the groups");
  if (job->set_group && syscall(SYS_setresgid, job->gid, job->gid, job->gid) != 0)
    give_up(job, "set the group");
  if (job->set_user && syscall(SYS_setresuid, job->uid, job->uid, job->uid) != 0)
    give_up(job, "set the user");
}

static _Noreturn void be_child(rs_job *job) {
  const rs_spawn *spawn = job->spawn;
  setsid();
  place_fds(job);
  set_limits(job);
  if (spawn->umask >= 0) umask((mode_t)spawn->umask);
  set_user(job);
  if (spawn->cwd && *spawn->cwd && chdir(spawn->cwd) != 0)
    give_up(job, "enter its cwd");
  if (spawn->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    give_up(job, "set no_new_privs");
  /* Last: a change of user undoes it. The engine may have died just before. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(job, "be tied to the engine");
  if (getppid() != job->parent) _exit(127);
  reset_signals();
  errno = ENOENT;
  for (size_t i = 0; i < job->path_count; i++) {
    execve(job->paths[i], spawn->argv, spawn->env);
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  give_up(job, "run");
}

static const char *value_of(char *const *env, const char *name) {
  size_t size = strlen(name);
  for (; *env; env++)
    if (strncmp(*env, name, size) == 0 && (*env)[size] == '=') return *env + size + 1;
  return NULL;
}

/* The unit's own PATH says where its program is. */
static void find_paths(rs_job *job) {
  const char *name = job->spawn->program ? job->spawn->program : job->spawn->argv[0];
  const char *path = value_of(job->spawn->env, "PATH");
  if (strchr(name, '/')) {
    job->paths[job->path_count++] = name;
    return;
  }
  char *at = job->path_bytes, *end = at + sizeof job->path_bytes;
  if (!path) path = "/usr/local/bin:/usr/bin:/bin";
  while (*path && job->path_count < PATHS_MAX) {
    int size = (int)strcspn(path, ":");
    int used =
      snprintf(at, (size_t)(end - at), "%.*s/%s", size, size ? path : ".", name);
    if (used < 0 || used >= end - at) return;
    job->paths[job->path_count++] = at;
    at += used + 1;
    path += size + (path[size] == ':');
  }
}

/* 0, or -1: no such user or group. */
static int find_user(rs_job *job) {
  const rs_spawn *spawn = job->spawn;
  job->group_count = -1;
  if (spawn->group && *spawn->group) {
    const struct group *group = getgrnam(spawn->group);
    if (!group) return -1;
    job->gid = group->gr_gid;
    job->set_group = true;
    job->group_count = 0;
  }
  if (!spawn->user || !*spawn->user) return 0;
  const struct passwd *user = getpwnam(spawn->user);
  if (!user) return -1;
  if (!job->set_group) job->gid = user->pw_gid;
  job->uid = user->pw_uid;
  job->set_group = job->set_user = true;
  job->group_count = GROUPS_MAX;
  if (getgrouplist(spawn->user, job->gid, job->groups, &job->group_count) < 0)
    job->group_count = 0;
  return 0;
}

static pid_t start(rs_job *job) {
  pid_t pid = vfork();
  if (pid == 0) be_child(job);
  return pid;
}

pid_t rs_spawn_start(const rs_spawn *spawn, char *why, size_t why_size) {
  rs_job job = {.spawn = spawn, .parent = getpid()};
  sigset_t all, before;
  find_paths(&job);
  if (find_user(&job) != 0) {
    snprintf(why, why_size, "cannot start %s: no such user or group", spawn->argv[0]);
    return -EINVAL;
  }
  int oom = spawn->oom_score_adj == RS_OOM_DEFAULT ? OOM_CHILD : spawn->oom_score_adj;
  snprintf(job.oom, sizeof job.oom, "%d", oom);
  job.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = start(&job);
  int error = pid < 0 ? errno : job.error;
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (job.null_fd >= 0) close(job.null_fd);
  if (pid > 0 && error == 0) return pid;
  if (pid > 0) waitpid(pid, NULL, 0);
  snprintf(why, why_size, "cannot %s %s: %s", pid < 0 ? "fork" : job.step,
           spawn->argv[0], strerror(error));
  return -error;
}
