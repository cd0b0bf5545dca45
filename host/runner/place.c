/* Turns a nameless runner into the one that a plan describes: limits first, then the
** user, then what must be done as that user. VM 0's thread does that for all, so that a
** start is one hop from the engine; what the kernel keeps for each thread, the others
** ask for by themselves. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"

enum {
  OOM_DEFAULT = 2000,
  OOM_MORE = 100,
  NO_NICE = 127,
  GROUPS_MAX = 256,
  NAME_MAX_TEXT = 1024,
  WHY = 2048
};

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

static int limits(const rs_plan_exec *exec, bool counted, const trouble *t) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  int code = limit(RLIMIT_AS, exec->memory, "memory", t);
  if (code != 0) return code;
#else
  int code; /* a sanitizer's shadow is larger than any limit */
#endif
  uint64_t cpu = (uint64_t)((exec->cpu_time + 999999999) / 1000000000);
  code = limit(RLIMIT_CPU, cpu, "cpu_time", t);
  if (code == 0) code = limit(RLIMIT_NOFILE, exec->open_files, "open_files", t);
  if (code == 0 && !counted)
    code = limit(RLIMIT_NPROC, exec->processes, "processes", t);
  return code;
}

/* Without a number of the unit's own: likelier a victim than the engine. The host may
** be forbidden to set it; its children then count as it does. */
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

/* Decimal numbers with commas between: how many there were. */
static int numbers_of(const rs_plan *plan, rs_ref ref, gid_t *numbers) {
  const char *at = bytes_of(plan, ref), *end = at + ref.len;
  int count = 0;
  for (uint64_t number = 0; at < end && count < GROUPS_MAX; at++) {
    if (*at != ',') number = number * 10 + (uint64_t)(*at - '0');
    if (at + 1 < end && at[1] != ',') continue;
    numbers[count++] = (gid_t)number;
    number = 0;
    at++;
  }
  return count;
}

/* By numbers: whom they belong to was looked up when the tree was evaluated. */
static int become(const rs_plan *plan, const rs_plan_exec *exec, const trouble *t) {
  gid_t groups[GROUPS_MAX];
  char name[16];
  uid_t uid = numbers_of(plan, exec->user, groups) > 0 ? groups[0] : getuid();
  int count = numbers_of(plan, exec->group, groups);
  gid_t gid = count > 0 ? groups[0] : getgid();
  if (uid == getuid() && gid == getgid()) return 0;
  snprintf(name, sizeof name, "%u", (unsigned)gid);
  if (geteuid() == 0 && count > 0 && setgroups((size_t)count, groups) != 0)
    return say(t, errno, "set groups of", name);
  if (setgid(gid) != 0) return say(t, errno, "become group", name);
  snprintf(name, sizeof name, "%u", (unsigned)uid);
  if (exec->user.len > 0 && setuid(uid) != 0) return say(t, errno, "become user", name);
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

/* The calling thread's. It is of no use to one that it is refused to. */
static int give_up_privileges(const rs_place *place, const trouble *t) {
  if (!place->no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return 0;
  return say(t, errno, "give up", "new privileges");
}

/* Of all threads: the keeper's first, which those that it makes from now on inherit. */
static int set_nice(pid_t keeper, int32_t nice, const trouble *t) {
  if (nice == NO_NICE) return 0;
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return say(t, errno, "set", "nice");
  int code = setpriority(PRIO_PROCESS, (id_t)keeper, nice) == 0 ? 0 : errno;
  for (struct dirent *task; code == 0 && (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    id_t tid = (id_t)strtoul(task->d_name, NULL, 10);
    if (setpriority(PRIO_PROCESS, tid, nice) != 0 && errno != ESRCH) code = errno;
  }
  closedir(tasks);
  return code == 0 ? 0 : say(t, code, "set", "nice");
}

/* A change of user forgets what kills us with the engine. */
static int stay_bound(pid_t parent, const trouble *t) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return say(t, errno, "be bound to", "it");
  if (getppid() != parent) _exit(0);
  return 0;
}

static int apply(const rs_runner *runner, const rs_plan *plan, const rs_plan_exec *exec,
                 const trouble *t) {
  int code = limits(exec, runner->place.counted, t);
  if (code != 0) return code;
  if (exec->oom_score_adj != OOM_DEFAULT) score(exec->oom_score_adj);
  code = set_nice(runner->pid, exec->nice, t);
  if (code == 0) code = become(plan, exec, t);
  if (code != 0) return code;
  if (exec->umask >= 0) umask((mode_t)exec->umask);
  environment(plan, exec->env);
  char room[NAME_MAX_TEXT];
  if (exec->cwd.len > 0 && chdir(text_of(plan, exec->cwd, room)) != 0)
    return say(t, errno, "change to folder", room);
  return 0;
}

/* Goes into the control groups that were made for it. */
static int enter(rs_place *place, const char *at, const char *end, const trouble *t) {
  char path[NAME_MAX_TEXT];
  for (; at < end; at += strnlen(at, (size_t)(end - at)) + 1) {
    place->counted = place->counted || *at == '+';
    snprintf(path, sizeof path, "%.*s/cgroup.procs", (int)(end - at - 1), at + 1);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool inside = fd >= 0 && write(fd, "0", 1) == 1;
    int code = inside ? 0 : errno;
    if (fd >= 0) close(fd);
    if (!inside) return say(t, code, "enter", path);
  }
  return 0;
}

/* Its names; where what comes after them begins. */
static const char *take_names(rs_place *place, const rs_record *record,
                              const char *text) {
  size_t len = strnlen(text, record->size), rest = record->size - len;
  size_t kept = len < sizeof place->path ? len : sizeof place->path - 1;
  memcpy(place->path, text, kept);
  place->path[kept] = '\0';
  const char *unit = text + len + 1, *end = text + record->size;
  if (rest < 2 || unit[rest - 2] != '\0') return end;
  setenv("RUNSMITH_UNIT", unit, 1);
  const char *socket = unit + strlen(unit) + 1;
  if (socket >= end) return end;
  if (*socket) setenv("RUNSMITH_SOCKET", socket, 1);
  return socket + strlen(socket) + 1;
}

static int take(rs_machine *vm, const rs_record *record, const trouble *t) {
  rs_place *place = &vm->runner->place;
  size_t size = 0;
  place->kind = record->a;
  place->no_new_privs = record->inc & RS_NO_NEW_PRIVS;
  int code = give_up_privileges(place, t);
  if (code != 0 || record->slot == RS_NONE) return code;
  const rs_plan *plan = rs_held_hold(vm, record->b, &size);
  if (!plan || record->slot >= plan->tables[RS_T_EXEC].count)
    return say(t, EINVAL, "find", "its description");
  const unsigned char *rows = (const unsigned char *)plan + plan->tables[RS_T_EXEC].at;
  const rs_plan_exec *exec = (const rs_plan_exec *)(const void *)rows + record->slot;
  pid_t parent = getppid();
  code = apply(vm->runner, plan, exec, t);
  return code == 0 ? stay_bound(parent, t) : code;
}

static void tell_failed(const rs_runner *runner, int code, const char *why) {
  rs_ctl ctl = {
    .kind = RS_CTL_FAILED, .b = (uint32_t)code, .size = (uint32_t)strlen(why)};
  rs_ctl_send(runner->ctl, &ctl, why, NULL, 0);
}

/* The keeper gives the process its name, and nobody waits for that: it is told with the
** first record that goes up. Where threads have to ask for something by themselves, no
** worker sees it without. */
void rs_place_take(rs_machine *vm, const rs_record *record, const char *text) {
  rs_runner *runner = vm->runner;
  rs_place *place = &runner->place;
  char why[WHY] = "";
  if (vm->id != 0 || atomic_load(&place->stage) != RS_UNPLACED) return;
  const trouble t = {why, sizeof why};
  const char *groups = take_names(place, record, text);
  int code = enter(place, groups, text + record->size, &t);
  if (code == 0) code = take(vm, record, &t);
  pthread_mutex_lock(&place->lock);
  atomic_store(&place->stage, code == 0 ? RS_PLACED : RS_UNFIT);
  pthread_cond_broadcast(&place->moved);
  vm->placed = true;
  bool all = place->no_new_privs || record->slot != RS_NONE;
  if (code == 0 && all) rs_machine_placed(vm);
  while (code == 0 && all && !place->kept)
    pthread_cond_wait(&place->moved, &place->lock);
  pthread_mutex_unlock(&place->lock);
  if (code != 0) tell_failed(runner, code, why);
}

void rs_place_keep(rs_runner *runner) {
  rs_place *place = &runner->place;
  char why[WHY];
  if (place->kept || atomic_load(&place->stage) != RS_PLACED) return;
  const char *last = strrchr(place->path, '/');
  prctl(PR_SET_NAME, last ? last + 1 : place->path);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  give_up_privileges(place, &(trouble){why, sizeof why});
  pthread_mutex_lock(&place->lock);
  place->kept = true;
  pthread_cond_broadcast(&place->moved);
  pthread_mutex_unlock(&place->lock);
}

void rs_place_await(rs_runner *runner) {
  rs_place *place = &runner->place;
  char why[WHY];
  pthread_mutex_lock(&place->lock);
  while (atomic_load(&place->stage) != RS_PLACED)
    pthread_cond_wait(&place->moved, &place->lock);
  pthread_mutex_unlock(&place->lock);
  give_up_privileges(place, &(trouble){why, sizeof why});
}

/* The first setenv of a process copies its whole environment. */
void rs_place_spare(void) {
  setenv("RUNSMITH_UNIT", "", 1);
  score(OOM_DEFAULT);
}
