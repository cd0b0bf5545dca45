#define _GNU_SOURCE
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "delay.h"
#include "env.h"
#include "names.h"
#include "spawn.h"
#include "stream.h"
#include "text.h"

enum { PATH_ROOM = 4096 };

struct rs_command {
  rs_engine *engine;
  rs_child child;
  rs_family family;
  rs_stream *out[2];
  uint32_t unit, inc;
  int stop_signal, reload_signal;
  rs_time beat; /* start, or last sign of life */
  rs_delays delays;
  bool killed;   /* on the core's order */
  rs_event exit; /* told once its family is gone */
};

static const rs_plan_map *described(rs_engine *engine, const rs_action *action) {
  return rs_plans_get(&engine->plans, action->plan);
}

static char *copy_of(const rs_plan *plan, rs_ref ref) {
  char *copy = rs_base_new(ref.len + 1u);
  return memcpy(copy, rs_plan_bytes(plan, ref), ref.len);
}

static void on_gone(rs_family *family) {
  rs_command *command = (rs_command *)((char *)family - offsetof(rs_command, family));
  for (int i = 0; i < 2; i++) rs_stream_end(&command->out[i]);
  rs_engine_exit(command->engine, command->unit, command->exit);
  free(command);
}

static void on_ended(rs_child *child, int status) {
  rs_command *command = (rs_command *)((char *)child - offsetof(rs_command, child));
  rs_event *exit = &command->exit;
  *exit = (rs_event){.kind = RS_EV_EXIT, .unit = command->unit, .inc = command->inc};
  if (WIFSIGNALED(status)) {
    exit->a = command->killed ? RS_WHY_KILLED : RS_WHY_SIGNAL;
    exit->b = WTERMSIG(status);
  } else {
    exit->b = WEXITSTATUS(status);
    exit->a = exit->b == 0 ? RS_WHY_OK : RS_WHY_ERROR;
  }
  rs_families_end(&command->engine->families, &command->family);
}

/* Where its output goes: pipes into the journal, or the engine's own. */
static int open_output(const rs_plan_exec *exec, const rs_plan *plan, rs_spawn *spawn,
                       int *ends) {
  if (exec->output == RS_OUT_INHERIT) return 0;
  if (exec->output == RS_OUT_FILE) {
    char *path = copy_of(plan, exec->output_path);
    ends[2] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    free(path);
    spawn->stdio[1] = spawn->stdio[2] = ends[2];
    return ends[2] < 0 ? -errno : 0;
  }
  for (int i = 0; i < 2; i++) {
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0) return -errno;
    ends[i] = pair[0];
    ends[2 + i] = pair[1];
    spawn->stdio[1 + i] = pair[1];
  }
  return 0;
}

static void set_limits(const rs_plan_exec *exec, rs_spawn *spawn) {
  spawn->umask = exec->umask;
  spawn->nice = exec->nice;
  spawn->oom_score_adj = exec->oom_score_adj;
  if (exec->memory > 0) rs_spawn_limit(spawn, RLIMIT_DATA, exec->memory);
  if (exec->open_files > 0) rs_spawn_limit(spawn, RLIMIT_NOFILE, exec->open_files);
  if (exec->processes > 0) rs_spawn_limit(spawn, RLIMIT_NPROC, exec->processes);
  if (exec->cpu_time > 0)
    rs_spawn_limit(spawn, RLIMIT_CPU,
                   (uint64_t)((exec->cpu_time + RS_SECOND - 1) / RS_SECOND));
}

/* The pid, or a negative errno and a sentence. */
static pid_t spawn_it(rs_command *command, const rs_plan *plan, uint32_t row, int *ends,
                      char *why, size_t why_size) {
  const rs_plan_exec *exec = rs_plan_exec_of(plan, row);
  size_t count;
  rs_env env = rs_env_host();
  char **added = rs_env_list(rs_plan_bytes(plan, exec->env), exec->env.len, &count);
  for (size_t i = 0; i < count; i++) rs_env_put(&env, added[i]);
  rs_env_set(&env, "RUNSMITH_UNIT", command->family.mark);
  const char *socket = rs_control_path(command->engine);
  if (socket) rs_env_set(&env, "RUNSMITH_SOCKET", socket);
  char **argv = rs_env_list(rs_plan_bytes(plan, exec->argv), exec->argv.len, NULL);
  char *cwd = copy_of(plan, exec->cwd), *user = copy_of(plan, exec->user);
  char *group = copy_of(plan, exec->group);
  rs_spawn spawn = rs_spawn_default(argv, env.at);
  spawn.cwd = cwd;
  spawn.user = user;
  spawn.group = group;
  spawn.no_new_privs = rs_plan_spec_of(plan, row)->flags & RS_NO_NEW_PRIVS;
  set_limits(exec, &spawn);
  pid_t pid = open_output(exec, plan, &spawn, ends);
  if (pid < 0) snprintf(why, why_size, "no output for it: %s", strerror(-pid));
  else if (!argv[0]) pid = -EINVAL;
  else pid = rs_spawn_start(&spawn, why, why_size);
  free(group), free(user), free(cwd), free(argv), free(added);
  rs_env_free(&env);
  return pid;
}

static char *mark_of(rs_engine *engine, uint32_t unit, uint32_t inc) {
  char path[PATH_ROOM];
  rs_bytes mark = {0};
  rs_core_path(engine->core, unit, path, sizeof path);
  rs_bytes_text(&mark, path);
  rs_bytes_print(&mark, "#%u", inc);
  rs_bytes_add(&mark, "", 1);
  return mark.at;
}

static void give_up(rs_command *command, int error, const char *why) {
  rs_event exit = {.kind = RS_EV_EXIT, .a = RS_WHY_LAUNCH, .b = error};
  exit.unit = command->unit;
  exit.inc = command->inc;
  exit.text = rs_texts_put(&command->engine->texts, why, strlen(why));
  for (int i = 0; i < 2; i++) rs_stream_end(&command->out[i]);
  rs_engine_exit(command->engine, command->unit, exit);
  free(command->family.mark);
  free(command);
}

static void listen_to(rs_command *command, const rs_plan_exec *exec, int *ends) {
  static const char *const names[] = {"stdout", "stderr"};
  for (int i = 0; i < 2; i++) {
    if (ends[2 + i] >= 0) close(ends[2 + i]);
    if (ends[i] < 0) continue;
    command->out[i] =
      rs_stream_new(command->engine, ends[i], names[i], command->unit, command->inc);
    command->out[i]->rate = exec->output_lines;
    command->out[i]->within = exec->output_within;
  }
}

static rs_command *make(rs_engine *engine, const rs_action *action) {
  rs_command *command = rs_base_new(sizeof *command);
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  command->engine = engine;
  command->unit = action->unit;
  command->inc = action->inc;
  command->beat = rs_base_now();
  command->child.ended = on_ended;
  command->family.gone = on_gone;
  command->family.mark = mark_of(engine, action->unit, action->inc);
  rs_delays_begin(&command->delays, command->beat);
  unit->command = command;
  unit->inc = action->inc;
  unit->backend = RS_EXTERNAL;
  return command;
}

void rs_command_start(rs_engine *engine, const rs_action *action) {
  char why[512] = "it names no program";
  const rs_plan *plan = described(engine, action)->plan;
  const rs_plan_exec *exec = rs_plan_exec_of(plan, action->row);
  rs_command *command = make(engine, action);
  int ends[4] = {-1, -1, -1, -1};
  pid_t pid =
    exec ? spawn_it(command, plan, action->row, ends, why, sizeof why) : -EINVAL;
  if (exec) listen_to(command, exec, ends);
  int code = pid > 0 ? rs_children_add(&engine->children, &command->child, pid) : pid;
  if (code < 0) {
    give_up(command, -code, why);
    return;
  }
  command->family.leader = pid;
  command->stop_signal = exec->stop_signal;
  command->reload_signal = exec->reload_signal;
  rs_event event = {.kind = RS_EV_STARTED, .unit = action->unit, .inc = action->inc};
  event.a = (uint32_t)pid;
  event.at = rs_base_now();
  rs_engine_put(engine, event);
  event.kind = RS_EV_READY;
  if (exec->ready == RS_READY_STARTED) rs_engine_put(engine, event);
}

static rs_command *command_of(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  return unit->command && unit->inc == action->inc ? unit->command : NULL;
}

void rs_command_ask(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (!command) return;
  pid_t group = command->child.pid;
  if (group == 0) return;
  /* To all of its group: a shell that waits for its child would not pass it on. */
  kill(-group, command->stop_signal);
  kill(-group, SIGCONT);
}

void rs_command_reload(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (command && command->reload_signal > 0)
    rs_child_signal(&command->child, command->reload_signal);
}

void rs_command_kill(rs_command *command) {
  command->killed = true;
  if (command->child.pid != 0) rs_family_kill(command->child.pid);
  rs_child_signal(&command->child, SIGKILL);
}

void rs_command_look(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (!command) return;
  rs_time now = rs_base_now(), waited = 0;
  pid_t pid = command->child.pid;
  if (pid != 0) waited = rs_delay_read(pid, pid);
  rs_event event = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
  event.at = command->beat;
  event.x = rs_delays_since(&command->delays, command->beat, waited);
  if (event.x > now - command->beat) event.x = now - command->beat;
  rs_delays_add(&command->delays, now, waited);
  rs_engine_put(engine, event);
}

void rs_command_state(const rs_command *command, pid_t *pid, rs_time *beat) {
  *pid = command->child.pid;
  *beat = command->beat;
}
