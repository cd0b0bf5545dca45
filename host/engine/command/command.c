#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command_parts.h"
#include "../confine.h"
#include "../journal/entry.h"
#include "../base/names.h"

enum { INFO = 1, WARN = 2 };

const rs_plan_exec *rs_command_exec(const rs_command *command, const rs_plan **plan) {
  const rs_unit *unit = rs_engine_unit(command->engine, command->unit);
  const rs_plan *here = rs_plans_get(&command->engine->plans, unit->plan)->plan;
  if (plan) *plan = here;
  return rs_plan_exec_of(here, unit->row);
}

const char *rs_command_status(const rs_command *command, size_t *size) {
  *size = command->status.size;
  return command->status.at ? command->status.at : "";
}

static void close_ends(rs_command *command) {
  for (int i = 0; i < 2; i++) {
    if (command->ends[i] >= 0) close(command->ends[i]);
    command->ends[i] = -1;
  }
}

static void free_it(rs_command *command) {
  close_ends(command);
  for (int i = 0; i < 2; i++) rs_stream_end(&command->out[i]);
  rs_watch_end(&command->line);
  rs_watch_end(&command->limit);
  rs_watch_end(&command->launched);
  rs_cgroup_retire(&command->engine->cgroups, &command->group);
  rs_bytes_free(&command->status);
  free(command->family.mark);
  *command->at = command->next;
  if (command->next) command->next->at = command->at;
  free(command);
}

/* What it wrote last stands before its end. */
static void finish(rs_command *command) {
  rs_engine *engine = command->engine;
  uint32_t unit = command->unit;
  rs_event exit = command->exit;
  if (*command->detail)
    exit.text = rs_texts_put(&engine->texts, command->detail, strlen(command->detail));
  free_it(command);
  rs_engine_exit(engine, unit, exit);
}

void rs_command_end_all(rs_engine *engine) {
  for (rs_command *one = engine->commands, *next; one; one = next) {
    next = one->next;
    free_it(one);
  }
}

static void set_text(rs_command *command, const char *text) {
  snprintf(command->detail, sizeof command->detail, "%s", text);
}

static void end_as(rs_command *command, uint32_t why, int number) {
  command->exit.a = why;
  command->exit.b = number;
}

/* "ended with status 3", "was ended by TERM", "took longer than 10 s". */
static void describe(const rs_command *command, int status, char *text, size_t size) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  rs_time limit = command->step == RS_STEP_PRE ? exec->pre_timeout : exec->post_timeout;
  const char *name = WIFSIGNALED(status) ? rs_name_signal(WTERMSIG(status)) : NULL;
  if (command->overran)
    snprintf(text, size, "took longer than %g s", (double)limit / RS_SECOND);
  else if (WIFSIGNALED(status))
    snprintf(text, size, "was ended by %s", name ? name : "a signal");
  else snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
}

/* True if the program itself may begin now. */
static bool judge_pre(rs_command *command, int status) {
  char how[128], text[160];
  if (command->error != 0) {
    end_as(command, RS_WHY_PRE, command->error);
    set_text(command, command->why);
    return false;
  }
  if (status == 0 && !command->asked && !command->killed) return true;
  if (command->killed) {
    end_as(command, RS_WHY_KILLED, SIGKILL);
    return false;
  }
  end_as(command, status == 0 ? RS_WHY_OK : RS_WHY_PRE,
         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  describe(command, status, how, sizeof how);
  snprintf(text, sizeof text, "its pre %s", how);
  if (status != 0) set_text(command, text);
  return false;
}

/* True if it went before it was what it was started for: a failed start, however
** politely it went. */
static bool is_failed_start(rs_command *command, int status) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  bool own_word = exec->ready == RS_READY_NOTIFY || exec->ready == RS_READY_FD;
  if (!own_word || command->ready || command->asked || command->killed) return false;
  return command->unready ? status == 0 || WIFSIGNALED(status) : status == 0;
}

static void judge_main(rs_command *command, int status) {
  char text[128] = "it ended, status 0, before it was ready";
  if (command->error != 0 && !command->killed) {
    end_as(command, RS_WHY_LAUNCH, command->error);
    set_text(command, command->why);
  } else if (is_failed_start(command, status)) {
    const rs_plan_exec *exec = rs_command_exec(command, NULL);
    end_as(command, RS_WHY_LAUNCH, 0);
    if (command->unready)
      snprintf(text, sizeof text, "it closed descriptor %d before it was ready",
               (int)exec->ready_fd);
    set_text(command, text);
  } else if (WIFSIGNALED(status)) {
    end_as(command, command->killed ? RS_WHY_KILLED : RS_WHY_SIGNAL, WTERMSIG(status));
  } else {
    int number = WEXITSTATUS(status);
    end_as(command, number == 0 ? RS_WHY_OK : RS_WHY_ERROR, number);
  }
}

static void judge_post(rs_command *command, int status) {
  char how[128];
  if (command->error != 0) {
    rs_entry_log(command->engine, command->unit, command->inc, WARN, "its post: %s",
                 command->why);
    return;
  }
  if (status == 0) return;
  describe(command, status, how, sizeof how);
  rs_entry_log(command->engine, command->unit, command->inc, WARN, "its post %s", how);
}

static void tidy_up(rs_command *command) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  rs_watch_end(&command->line);
  if (exec->post.len == 0 || !command->begun || command->now ||
      command->engine->ended) {
    finish(command);
    return;
  }
  if (rs_step_begin(command, RS_STEP_POST)) return;
  judge_post(command, 0);
  finish(command);
}

void rs_command_step_over(rs_command *command, int status) {
  if (command->step == RS_STEP_POST) {
    judge_post(command, status);
    finish(command);
    return;
  }
  if (command->step == RS_STEP_PRE && judge_pre(command, status)) {
    if (rs_step_begin(command, RS_STEP_MAIN)) return;
    status = 0;
    command->step = RS_STEP_MAIN;
  }
  if (command->step == RS_STEP_MAIN) judge_main(command, status);
  tidy_up(command);
}

static rs_command *make(rs_engine *engine, const rs_action *action) {
  rs_command *command = rs_base_new(sizeof *command);
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  command->engine = engine;
  command->unit = action->unit;
  command->inc = action->inc;
  command->ends[0] = command->ends[1] = -1;
  command->beat = rs_base_now();
  command->exit = (rs_event){.unit = action->unit, .inc = action->inc};
  rs_delays_begin(&command->delays, command->beat);
  command->next = engine->commands;
  command->at = &engine->commands;
  if (command->next) command->next->at = &command->next;
  engine->commands = command;
  unit->command = command;
  unit->inc = action->inc;
  unit->backend = RS_EXTERNAL;
  return command;
}

/* Pipes to read its lines from, or to carry them to its file. */
static int open_output(rs_command *command, const rs_plan_exec *exec,
                       const rs_plan *plan) {
  static const char *const names[] = {"stdout", "stderr"};
  bool to_file = exec->output == RS_OUT_FILE;
  for (int i = 0; i < (to_file ? 1 : 2) && exec->output != RS_OUT_INHERIT; i++) {
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0) return errno;
    rs_stream *out =
      rs_stream_new(command->engine, pair[0], names[i], command->unit, command->inc);
    command->ends[i] = pair[1];
    command->out[i] = out;
    out->rate = exec->output_lines;
    out->within = exec->output_within;
    rs_stream_read(out, false);
  }
  if (!to_file) return 0;
  command->ends[1] = fcntl(command->ends[0], F_DUPFD_CLOEXEC, 3);
  if (command->ends[1] < 0) return errno;
  rs_bytes path = {0};
  int error;
  rs_bytes_add(&path, rs_plan_bytes(plan, exec->output_path), exec->output_path.len);
  rs_bytes_add(&path, "", 1);
  command->out[0]->file =
    rs_rotate_new(path.at, exec->output_max, exec->output_keep, &error);
  rs_bytes_free(&path);
  return error;
}

void rs_command_group(rs_command *command) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  rs_cgroups *groups = rs_confine_groups(command->engine);
  rs_cgroup_make(groups, &command->group, command->unit, command->inc, exec->memory,
                 exec->processes);
}

void rs_command_start(rs_engine *engine, const rs_action *action) {
  const rs_plan *plan;
  rs_command *command = make(engine, action);
  const rs_plan_exec *exec = rs_command_exec(command, &plan);
  int error = EINVAL;
  snprintf(command->why, sizeof command->why, "it names no program");
  if (exec) {
    rs_command_group(command);
    error = open_output(command, exec, plan);
    if (error != 0)
      snprintf(command->why, sizeof command->why, "cannot open its output: %s",
               strerror(error));
  }
  if (error == 0) {
    uint8_t first = exec->pre.len > 0 ? RS_STEP_PRE : RS_STEP_MAIN;
    if (rs_step_begin(command, first)) {
      if (exec->pre.len == 0 && exec->post.len == 0) close_ends(command);
      return;
    }
    error = command->error;
  }
  end_as(command,
         command->step == RS_STEP_PRE && exec && exec->pre.len > 0 ? RS_WHY_PRE
                                                                   : RS_WHY_LAUNCH,
         error);
  set_text(command, command->why);
  finish(command);
}

static rs_command *command_of(rs_engine *engine, const rs_action *action) {
  rs_unit *unit = rs_engine_unit(engine, action->unit);
  return unit->command && unit->inc == action->inc ? unit->command : NULL;
}

void rs_command_ask(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (!command) return;
  command->asked = true;
  if (command->step == RS_STEP_POST) return;
  rs_step_signal(command, rs_command_exec(command, NULL)->stop_signal);
  rs_step_signal(command, SIGCONT);
}

void rs_command_reload(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (!command || command->step != RS_STEP_MAIN || command->launch) return;
  int sig = rs_command_exec(command, NULL)->reload_signal;
  const char *name = rs_name_signal(sig);
  if (sig <= 0) return;
  rs_child_signal(&command->child, sig);
  rs_entry_log(command->engine, command->unit, command->inc, INFO,
               "its files changed: sent %s", name ? name : "a signal");
}

void rs_command_kill(rs_command *command, bool now) {
  command->killed = true;
  command->now = now;
  rs_step_kill(command);
}

void rs_command_look(rs_engine *engine, const rs_action *action) {
  rs_command *command = command_of(engine, action);
  if (!command) return;
  rs_notify_hear(engine);
  rs_time now = rs_base_now(), waited = 0;
  pid_t pid = command->child.pid;
  if (pid != 0) waited = rs_delay_read(pid, pid);
  /* What has ended and is being tidied up after has nothing to say any more. */
  bool over = command->step == RS_STEP_POST || (pid == 0 && !command->launch);
  rs_event event = {.kind = RS_EV_SEEN, .unit = action->unit, .inc = action->inc};
  event.at = over && !command->asked ? now : command->beat;
  event.x = rs_delays_since(&command->delays, event.at, waited);
  if (event.x > now - event.at) event.x = now - event.at;
  rs_delays_add(&command->delays, now, waited);
  rs_engine_put(engine, event);
}

void rs_command_state(const rs_command *command, pid_t *pid, rs_time *beat) {
  *pid = command->child.pid;
  *beat = command->beats ? command->beat : 0;
}
