/* One program of a command's: `pre`, the command itself, or `post`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command_parts.h"
#include "../control/control.h"
#include "../journal/entry.h"
#include "../process/env.h"

enum { PATH_ROOM = 4096 };

static char *copy_of(const rs_plan *plan, rs_ref ref) {
  char *copy = rs_base_new(ref.len + 1u);
  return memcpy(copy, rs_plan_bytes(plan, ref), ref.len);
}

static char *mark_of(const rs_command *command) {
  char path[PATH_ROOM];
  rs_bytes mark = {0};
  rs_core_path(command->engine->core, command->unit, path, sizeof path);
  rs_bytes_text(&mark, path);
  rs_bytes_print(&mark, "#%u", command->inc);
  rs_bytes_add(&mark, "", 1);
  return mark.at;
}

static rs_command *by_child(rs_child *child) {
  return (rs_command *)((char *)child - offsetof(rs_command, child));
}

static void on_gone(rs_family *family) {
  rs_command *command = (rs_command *)((char *)family - offsetof(rs_command, family));
  rs_command_step_over(command, command->step_status);
}

/* The program handed over to another of its processes (MAINPID=), which is this one's
** child by now: that one's end is the step's. */
static bool handed_over(rs_command *command, pid_t old) {
  pid_t heir = command->main_pid;
  if (command->step != RS_STEP_MAIN || heir == 0 || heir == old) return false;
  command->main_pid = 0;
  return rs_children_add(&command->engine->children, &command->child, heir) == 0;
}

static void on_ended(rs_child *child, int status) {
  rs_command *command = by_child(child);
  pid_t old = command->launch || command->error ? 0 : command->family.leader;
  if (command->launch) rs_step_settle(command);
  if (old != 0 && command->error == 0 && handed_over(command, old)) return;
  command->step_status = status;
  rs_watch_end(&command->limit);
  rs_families_end(&command->engine->families, &command->family);
}

bool rs_command_of_child(rs_child *child, rs_command **command) {
  if (!child || child->ended != on_ended) return false;
  *command = by_child(child);
  return true;
}

static void set_limits(rs_command *command, const rs_plan_exec *exec, rs_spawn *spawn) {
  const rs_cgroups *groups = &command->engine->cgroups;
  spawn->umask = exec->umask;
  spawn->nice = exec->nice;
  spawn->oom_score_adj = exec->oom_score_adj;
  if (exec->memory > 0 && !rs_cgroup_has_memory(groups, &command->group))
    rs_spawn_limit(spawn, RLIMIT_DATA, exec->memory);
  if (exec->open_files > 0) rs_spawn_limit(spawn, RLIMIT_NOFILE, exec->open_files);
  if (exec->processes > 0 && !rs_cgroup_has_pids(groups, &command->group))
    rs_spawn_limit(spawn, RLIMIT_NPROC, exec->processes);
  if (exec->cpu_time > 0)
    rs_spawn_limit(spawn, RLIMIT_CPU,
                   (uint64_t)((exec->cpu_time + RS_SECOND - 1) / RS_SECOND));
}

/* Its limit of memory holds once the program has a memory of its own. */
static void limit_memory(rs_command *command, bool holds) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  if (!exec || exec->memory == 0) return;
  if (!rs_cgroup_limit_memory(&command->engine->cgroups, &command->group,
                              holds ? exec->memory : 0))
    rs_step_kill(command);
}

static int open_in(const char *folder, const char *name, int flags) {
  char path[PATH_ROOM];
  if (!folder) return -1;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return open(path, flags | O_CLOEXEC);
}

static void open_groups(const rs_command *command, rs_spawn *spawn) {
  spawn->cgroup = open_in(command->group.at[RS_CG_UNIFIED], "", O_RDONLY | O_DIRECTORY);
  spawn->joins[0] = open_in(command->group.at[RS_CG_MEMORY], "cgroup.procs", O_WRONLY);
  spawn->joins[1] = open_in(command->group.at[RS_CG_PIDS], "cgroup.procs", O_WRONLY);
}

static void close_groups(const rs_spawn *spawn) {
  if (spawn->cgroup >= 0) close(spawn->cgroup);
  for (int i = 0; i < RS_SPAWN_JOINS; i++)
    if (spawn->joins[i] >= 0) close(spawn->joins[i]);
}

static rs_env environment(rs_command *command, const rs_plan_exec *exec,
                          const rs_plan *plan) {
  rs_engine *engine = command->engine;
  rs_time heartbeat =
    rs_plan_spec_of(plan, rs_engine_unit(engine, command->unit)->row)->heartbeat;
  const char *socket = rs_notify_socket(engine);
  char usec[32];
  size_t count;
  rs_env env = rs_env_host();
  char **added = rs_env_list(rs_plan_bytes(plan, exec->env), exec->env.len, &count);
  for (size_t i = 0; i < count; i++) rs_env_put(&env, added[i]);
  free(added);
  rs_env_set(&env, "RUNSMITH_UNIT", command->family.mark);
  const char *control = rs_control_path(engine);
  if (control) rs_env_set(&env, "RUNSMITH_SOCKET", control);
  if (socket) rs_env_set(&env, "NOTIFY_SOCKET", socket);
  if (socket && heartbeat != RS_NEVER) {
    snprintf(usec, sizeof usec, "%lld", (long long)(heartbeat / 1000));
    rs_env_set(&env, "WATCHDOG_USEC", usec);
  }
  return env;
}

static void place_fds(rs_command *command, const rs_plan_exec *exec, rs_spawn *spawn) {
  if (exec->output != RS_OUT_INHERIT)
    for (int i = 0; i < 2; i++) spawn->stdio[1 + i] = command->ends[i];
  if (command->step != RS_STEP_MAIN || exec->ready != RS_READY_FD) return;
  spawn->fds[0].from = rs_ready_open(command);
  spawn->fds[0].to = exec->ready_fd;
  spawn->fd_count = 1;
}

/* A group that the kernel does not let it be born into is one that it is without. */
static pid_t spawn_in(rs_command *command, rs_spawn *spawn) {
  char *why = command->why;
  pid_t pid = rs_spawn_begin(spawn, &command->launch, why, sizeof command->why);
  bool by_group = pid == -EACCES || pid == -EBUSY || pid == -ENODEV ||
                  pid == -EOPNOTSUPP || pid == -EBADF;
  if (spawn->cgroup < 0 || !by_group) return pid;
  close(spawn->cgroup);
  spawn->cgroup = -1;
  rs_entry_log(command->engine, command->unit, command->inc, 2,
               "it has no cgroup of its own: %s", strerror(-pid));
  rs_cgroup_drop(&command->group);
  return rs_spawn_begin(spawn, &command->launch, why, sizeof command->why);
}

static rs_ref argv_of(const rs_plan_exec *exec, uint8_t step) {
  if (step == RS_STEP_PRE) return exec->pre;
  return step == RS_STEP_POST ? exec->post : exec->argv;
}

/* The pid, or a negative errno and a sentence in `why`. */
static pid_t spawn_it(rs_command *command) {
  const rs_plan *plan;
  const rs_plan_exec *exec = rs_command_exec(command, &plan);
  rs_ref list = argv_of(exec, command->step);
  rs_env env = environment(command, exec, plan);
  char **argv = rs_env_list(rs_plan_bytes(plan, list), list.len, NULL);
  char *cwd = copy_of(plan, exec->cwd), *user = copy_of(plan, exec->user);
  char *group = copy_of(plan, exec->group);
  rs_spawn spawn = rs_spawn_default(argv, env.at);
  pid_t pid = -EINVAL;
  spawn.cwd = cwd;
  spawn.user = user;
  spawn.group = group;
  spawn.no_new_privs =
    rs_plan_spec_of(plan, rs_engine_unit(command->engine, command->unit)->row)->flags &
    RS_NO_NEW_PRIVS;
  snprintf(command->why, sizeof command->why, "it names no program");
  set_limits(command, exec, &spawn);
  place_fds(command, exec, &spawn);
  open_groups(command, &spawn);
  if (argv[0] && spawn.fd_count == 1 && spawn.fds[0].from < 0) pid = -EMFILE;
  else if (argv[0]) pid = spawn_in(command, &spawn);
  close_groups(&spawn);
  if (spawn.fd_count == 1 && spawn.fds[0].from >= 0) close(spawn.fds[0].from);
  free(group), free(user), free(cwd), free(argv);
  rs_env_free(&env);
  return pid;
}

static void on_launched(void *ctx, rs_watch *watch, int events) {
  (void)watch;
  (void)events;
  rs_step_settle(ctx);
}

static void on_limit(void *ctx, rs_watch *watch, int events) {
  rs_command *command = ctx;
  (void)watch;
  (void)events;
  rs_watch_end(&command->limit);
  command->overran = true;
  rs_step_kill(command);
}

static void arm(rs_command *command) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  rs_time limit = command->step == RS_STEP_PRE ? exec->pre_timeout : exec->post_timeout;
  struct itimerspec set = {0};
  set.it_value.tv_sec = (time_t)(limit / RS_SECOND);
  set.it_value.tv_nsec = (long)(limit % RS_SECOND);
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0 || timerfd_settime(fd, 0, &set, NULL) != 0) {
    rs_base_say("no timer for a limit: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return;
  }
  command->limit = rs_watch_new(&command->engine->loop, fd, on_limit, command);
}

/* What is born into a group that was killed, the kernel may kill at once. All of the
** step before are gone. */
static void renew_group(rs_command *command) {
  if (!command->group.killed) return;
  rs_cgroup_drop(&command->group);
  rs_command_group(command);
}

bool rs_step_begin(rs_command *command, uint8_t step) {
  rs_engine *engine = command->engine;
  renew_group(command);
  command->step = step;
  command->overran = false;
  command->error = 0;
  command->child.ended = on_ended;
  command->family = (rs_family){.gone = on_gone, .group = &command->group};
  command->family.mark = mark_of(command);
  limit_memory(command, false);
  pid_t pid = spawn_it(command);
  if (pid > 0) {
    int code = rs_children_add(&engine->children, &command->child, pid);
    if (code < 0) rs_base_fatal("a child of the engine's is none: %s", strerror(-code));
    command->family.leader = pid;
    command->launched =
      rs_watch_new(&engine->loop, rs_spawn_fd(command->launch), on_launched, command);
    if (step != RS_STEP_MAIN) arm(command);
    rs_calm_begin(engine);
    return true;
  }
  command->error = -pid;
  free(command->family.mark);
  command->family.mark = NULL;
  return false;
}

static void tell_started(rs_command *command) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  rs_event event = {.kind = RS_EV_STARTED, .unit = command->unit, .inc = command->inc};
  event.a = (uint32_t)command->family.leader;
  event.at = rs_base_now();
  rs_engine_put(command->engine, event);
  if (exec->ready == RS_READY_STARTED) rs_ready_tell(command);
}

/* The launch's descriptor has an end once the child is through, one way or the other;
** its own end is one, too. */
void rs_step_settle(rs_command *command) {
  char byte;
  if (!command->launch) return;
  ssize_t got = command->launched ? read(command->launched->fd, &byte, 1) : 0;
  if (got < 0 && command->child.pid != 0) return;
  rs_watch_end(&command->launched);
  command->error = rs_spawn_result(command->launch, command->why, sizeof command->why);
  command->launch = NULL;
  for (int i = 0; i < 2; i++) rs_stream_read(command->out[i], true);
  if (command->error == 0) {
    limit_memory(command, true);
    command->begun = true;
    if (command->step == RS_STEP_MAIN) tell_started(command);
  } else {
    rs_step_kill(command);
  }
}

void rs_step_signal(const rs_command *command, int sig) {
  pid_t leader = command->family.leader, pid = command->child.pid;
  if (pid == 0) return;
  /* To all of its group: a shell that waits for its child would not pass it on. A group
  ** whose leader is gone may be another's by now, if none of its own is in it. */
  if (pid == leader || rs_family_kin(pid).group == leader) kill(-leader, sig);
  else rs_child_signal(&command->child, sig);
  if (command->launch) rs_child_signal(&command->child, sig);
}

void rs_step_kill(rs_command *command) {
  pid_t pid = command->child.pid;
  if (pid == 0) return;
  rs_cgroup_kill(&command->group);
  if (pid == command->family.leader) rs_family_kill(pid);
  rs_child_signal(&command->child, SIGKILL);
}
