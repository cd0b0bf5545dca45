/* Turns a nameless runner into the one that a plan describes: limits first, then the
** user, then what must be done as that user. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"

enum { OOM_DEFAULT = 2000, OOM_MORE = 100, NO_NICE = 127, NAME_MAX_TEXT = 1024 };

/* Where it went wrong, in words. */
typedef struct trouble {
  char *why;
  size_t size;
} trouble;

static int say(const trouble *t, int code, const char *doing, const char *what) {
  snprintf(t->why, t->size, "cannot %s %s: %s", doing, what, strerror(code));
  return code;
}

static const char *bytes_of(const rs_plan *plan, rs_ref ref) {
  return (const char *)plan + plan->tables[RS_T_BYTES].at + ref.at;
}

/* A NUL-terminated copy, cut to NAME_MAX_TEXT. */
static const char *text_of(const rs_plan *plan, rs_ref ref, char *room) {
  uint32_t len = ref.len < NAME_MAX_TEXT ? ref.len : NAME_MAX_TEXT - 1;
  memcpy(room, bytes_of(plan, ref), len);
  room[len] = '\0';
  return room;
}

static int limit(int resource, uint64_t value, const char *name, const trouble *t) {
  if (value == 0) return 0;
  struct rlimit both = {.rlim_cur = value, .rlim_max = value};
  if (setrlimit((__rlimit_resource_t)resource, &both) == 0) return 0;
  return say(t, errno, "limit", name);
}

static int limits(const rs_plan_exec *exec, const trouble *t) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  int code = limit(RLIMIT_AS, exec->memory, "memory", t);
  if (code != 0) return code;
#else
  int code; /* a sanitizer's shadow is larger than any limit */
#endif
  uint64_t cpu = (uint64_t)((exec->cpu_time + 999999999) / 1000000000);
  code = limit(RLIMIT_CPU, cpu, "cpu_time", t);
  if (code == 0) code = limit(RLIMIT_NOFILE, exec->open_files, "open_files", t);
  if (code == 0) code = limit(RLIMIT_NPROC, exec->processes, "processes", t);
  return code;
}

/* Without a number of the unit's own: likelier a victim than the engine. The host may be
** forbidden to set it; its children then count as it does. */
static void score(int32_t value) {
  char text[16] = "";
  int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  if (value == OOM_DEFAULT && read(fd, text, sizeof text - 1) > 0) {
    value = atoi(text) + OOM_MORE;
    if (value > 1000) value = 1000;
  }
  int len = snprintf(text, sizeof text, "%d", (int)value);
  ssize_t unused = pwrite(fd, text, (size_t)len, 0);
  (void)unused;
  close(fd);
}

static int become_group(const rs_plan *plan, rs_ref ref, gid_t *gid, const trouble *t) {
  char room[NAME_MAX_TEXT], *end;
  const char *name = text_of(plan, ref, room);
  const struct group *entry = getgrnam(name);
  *gid = entry ? entry->gr_gid : (gid_t)strtoul(name, &end, 10);
  if (!entry && (*end || end == name)) return say(t, ENOENT, "find group", name);
  return setgid(*gid) == 0 ? 0 : say(t, errno, "become group", name);
}

static int become(const rs_plan *plan, const rs_plan_exec *exec, const trouble *t) {
  char room[NAME_MAX_TEXT], *end = room;
  gid_t gid = getgid();
  if (exec->group.len > 0) {
    int code = become_group(plan, exec->group, &gid, t);
    if (code != 0) return code;
  }
  if (exec->user.len == 0) return 0;
  const char *name = text_of(plan, exec->user, room);
  const struct passwd *entry = getpwnam(name);
  uid_t uid = entry ? entry->pw_uid : (uid_t)strtoul(name, &end, 10);
  if (!entry && (*end || end == name)) return say(t, ENOENT, "find user", name);
  if (entry && exec->group.len == 0) gid = entry->pw_gid;
  if (uid == getuid() && gid == getgid()) return 0;
  if (entry ? initgroups(name, gid) : setgroups(0, NULL))
    return say(t, errno, "set groups of", name);
  if (setgid(gid) != 0 || setuid(uid) != 0) return say(t, errno, "become user", name);
  return 0;
}

/* NAME=VALUE sets, NAME alone removes. */
static void environment(const rs_plan *plan, rs_ref list) {
  const char *item = bytes_of(plan, list), *end = item + list.len;
  for (; item < end; item += strnlen(item, (size_t)(end - item)) + 1) {
    char *copy = strndup(item, (size_t)(end - item));
    if (!copy) return;
    char *equals = strchr(copy, '=');
    if (equals) *equals = '\0';
    if (equals) setenv(copy, equals + 1, 1);
    else unsetenv(copy);
    free(copy);
  }
}

static int apply(const rs_plan *plan, const rs_plan_exec *exec, uint64_t flags,
                 const trouble *t) {
  int code = limits(exec, t);
  if (code != 0) return code;
  score(exec->oom_score_adj);
  if (exec->nice != NO_NICE && setpriority(PRIO_PROCESS, 0, exec->nice) != 0)
    return say(t, errno, "set", "nice");
  code = become(plan, exec, t);
  if (code != 0) return code;
  if (exec->umask >= 0) umask((mode_t)exec->umask);
  environment(plan, exec->env);
  char room[NAME_MAX_TEXT];
  if (flags & RS_NO_NEW_PRIVS && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return say(t, errno, "give up", "new privileges");
  if (exec->cwd.len > 0 && chdir(text_of(plan, exec->cwd, room)) != 0)
    return say(t, errno, "change to folder", room);
  return 0;
}

static void name_self(rs_runner *runner, const rs_ctl_got *got) {
  const char *unit = got->text + strlen(got->text) + 1;
  size_t len = strnlen(got->text, sizeof runner->path - 1);
  memcpy(runner->path, got->text, len);
  runner->path[len] = '\0';
  if (unit < got->text + got->ctl.size) setenv("RUNSMITH_UNIT", unit, 1);
  const char *last = strrchr(runner->path, '/');
  prctl(PR_SET_NAME, last ? last + 1 : runner->path);
}

/* A change of user forgets what kills us with the engine. */
static int stay_bound(pid_t parent, const trouble *t) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return say(t, errno, "be bound to", "it");
  if (getppid() != parent) _exit(0);
  return 0;
}

int rs_runner_place(rs_runner *runner, const rs_ctl_got *got, char *why, size_t size) {
  const trouble t = {why, size};
  if (got->fd_count > 0 && dup2(got->fds[0], STDOUT_FILENO) < 0)
    return say(&t, errno, "take", "stdout");
  if (got->fd_count > 1 && dup2(got->fds[1], STDERR_FILENO) < 0)
    return say(&t, errno, "take", "stderr");
  runner->place = got->ctl.a;
  name_self(runner, got);
  const rs_plan *plan = rs_held_find(runner, got->ctl.b);
  if (got->ctl.c == RS_NONE) {
    score(OOM_DEFAULT);
    return 0;
  }
  if (!plan || got->ctl.c >= plan->tables[RS_T_EXEC].count)
    return say(&t, EINVAL, "find", "its description");
  const unsigned char *rows = (const unsigned char *)plan + plan->tables[RS_T_EXEC].at;
  const rs_plan_exec *exec = (const rs_plan_exec *)(const void *)rows + got->ctl.c;
  pid_t parent = getppid();
  int code = apply(plan, exec, got->ctl.x, &t);
  if (code == 0) code = stay_bound(parent, &t);
  if (code != 0) return code;
  return 0;
}
