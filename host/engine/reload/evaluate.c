#define _GNU_SOURCE
#include "evaluate.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../runner/channels.h"
#include "confirm.h"
#include "../control/control.h"
#include "../journal/entry.h"
#include "../process/env.h"
#include "../probe/probes.h"
#include "../runner/runner.h"
#include "sources.h"
#include "../process/spawn.h"

enum { PLAN_FD = 3, MISTAKES_FD = 4, MISTAKES_MAX = 1 << 20 };

struct rs_evaluation {
  rs_engine *engine;
  rs_child child;
  int plan; /* the memfd */
  rs_watch *mistakes;
  rs_bytes text; /* JSON lines */
  uv_timer_t wall;
  bool late; /* it was ended by the wall clock */
  rs_asked asked;
  char *tree;
  struct timespec begun;
};

/* Says what is wrong: on stderr as long as there is no tree, then in the journal alone,
** for whoever reads stderr may be slow, and nothing waits for them. */
static void report(rs_engine *engine, const char *text) {
  if (engine->evaluation && engine->evaluation->asked.only) return;
  if (!engine->applied) fprintf(stderr, "%s\n", text);
  else rs_entry_log(engine, RS_NONE, RS_NONE, 3, "%s", text);
}

static const char *text_in(const cJSON *object, const char *key) {
  const char *text =
    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
  return text ? text : "";
}

/* FILE:LINE: PATH: message; what is not known is left out. */
static void report_line(rs_engine *engine, const char *json, size_t size) {
  cJSON *mistake = cJSON_ParseWithLength(json, size);
  rs_bytes text = {0};
  if (!mistake) {
    rs_bytes_add(&text, json, size);
  } else {
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(mistake, "line");
    const char *file = text_in(mistake, "file"), *path = text_in(mistake, "path");
    rs_bytes_text(&text, file);
    if (*file && cJSON_IsNumber(at)) rs_bytes_print(&text, ":%d", at->valueint);
    if (*file) rs_bytes_text(&text, ": ");
    rs_bytes_text(&text, path);
    if (*path) rs_bytes_text(&text, ": ");
    rs_bytes_text(&text, text_in(mistake, "message"));
  }
  rs_bytes_add(&text, "", 1);
  report(engine, text.at);
  rs_bytes_free(&text);
  cJSON_Delete(mistake);
}

/* How many there were. */
static int report_all(rs_evaluation *evaluation) {
  const char *at = evaluation->text.at, *end = at + evaluation->text.size;
  int count = 0;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    if (stop > at) report_line(evaluation->engine, at, (size_t)(stop - at));
    count += stop > at;
    at = stop + 1;
  }
  return count;
}

static void read_mistakes(rs_evaluation *evaluation) {
  char part[4096];
  while (evaluation->mistakes) {
    ssize_t got = read(evaluation->mistakes->fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) rs_watch_end(&evaluation->mistakes);
    else if (evaluation->text.size < MISTAKES_MAX)
      rs_bytes_add(&evaluation->text, part, (size_t)got);
  }
}

static void on_mistakes(void *ctx, rs_watch *watch, int events) {
  (void)watch;
  (void)events;
  read_mistakes(ctx);
}

static void on_wall_closed(uv_handle_t *handle) { free(handle->data); }

static void end(rs_evaluation *evaluation) {
  if (evaluation->engine->evaluation == evaluation)
    evaluation->engine->evaluation = NULL;
  rs_watch_end(&evaluation->mistakes);
  rs_bytes_free(&evaluation->text);
  if (evaluation->plan >= 0) close(evaluation->plan);
  evaluation->plan = -1;
  free(evaluation->tree);
  evaluation->tree = NULL;
  uv_close((uv_handle_t *)&evaluation->wall, on_wall_closed);
}

static void tell_asker(rs_evaluation *evaluation, rs_evaluated result) {
  if (evaluation->asked.done) evaluation->asked.done(evaluation->engine, &result);
  evaluation->asked.done = NULL;
}

static void failed(rs_engine *engine) {
  if (engine->applied) {
    report(engine, "runsmith: nothing is changed: the tree before goes on");
    return;
  }
  report(engine, "runsmith: nothing is started");
  rs_engine_end(engine, 1);
}

static int apply_plan(rs_engine *engine, uint32_t number, double confirm, char *why,
                      size_t why_size) {
  const rs_plan *plan = rs_plans_get(&engine->plans, number)->plan;
  const rs_plan_unit *root = rs_plan_unit_at(plan, 0);
  char name[256];
  snprintf(name, sizeof name, "%.*s", (int)root->name.len,
           rs_plan_bytes(plan, root->name));
  int code = rs_control_open(engine, name, why, why_size);
  if (code == 0 && *why) rs_base_say("%s", why);
  if (code == 0 && confirm > 0) rs_confirm_prepare(engine, plan, confirm);
  if (code == 0)
    code = rs_core_apply(engine->core, rs_base_now(), plan, number, why, why_size);
  if (confirm > 0) rs_confirm_begin(engine, code == 0);
  if (code != 0) {
    rs_plans_drop(&engine->plans, number);
    return code;
  }
  engine->holding = number;
  rs_channels_apply(engine, number);
  rs_runner_spare_plan(engine, number);
  rs_probes_apply(engine, number);
  return 0;
}

int rs_evaluate_again(rs_engine *engine, int plan, char *why, size_t why_size) {
  uint32_t number;
  rs_evaluate_stop(engine);
  if (rs_plans_add(&engine->plans, plan, &number, why, why_size) != 0) return -1;
  return apply_plan(engine, number, 0, why, why_size);
}

/* Of a plan that is only to be looked at: what would refuse it. */
static int look_at_plan(rs_engine *engine, uint32_t number, char *why,
                        size_t why_size) {
  const rs_plan *plan = rs_plans_get(&engine->plans, number)->plan;
  int code = rs_core_refuses(engine->core, plan, why, why_size);
  if (code != 0) rs_plans_drop(&engine->plans, number);
  return code;
}

static void apply(rs_evaluation *evaluation) {
  rs_engine *engine = evaluation->engine;
  char why[512] = "";
  uint32_t number;
  int plan = evaluation->plan;
  evaluation->plan = -1;
  int code = rs_plans_add(&engine->plans, plan, &number, why, sizeof why);
  if (code == 0 && evaluation->asked.only)
    code = look_at_plan(engine, number, why, sizeof why);
  else if (code == 0)
    code = apply_plan(engine, number, evaluation->asked.confirm, why, sizeof why);
  if (code == 0) {
    engine->applied = true;
    tell_asker(evaluation, (rs_evaluated){.ok = true, .plan = number});
    return;
  }
  char text[1024];
  snprintf(text, sizeof text, "%s: %s", evaluation->tree, why);
  report(engine, text);
  tell_asker(evaluation, (rs_evaluated){.why = text});
  failed(engine);
}

/* Seconds; who may have more processor time has more of these, too. */
static double wall_of(const rs_engine_options *options) {
  double most = RS_EVALUATE_WALL_FACTOR * options->eval_cpu;
  return most > RS_EVALUATE_WALL ? most : RS_EVALUATE_WALL;
}

/* Why it ended without a plan, where it could not say so itself. */
static void explain(rs_evaluation *evaluation, int status) {
  const rs_engine_options *options = evaluation->engine->options;
  char text[1024];
  int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  int size = snprintf(text, sizeof text, "%s:1: ", evaluation->tree);
  char *rest = text + (size < 900 ? size : 900);
  size_t room = sizeof text - (size_t)(rest - text);
  if (evaluation->late)
    snprintf(rest, room, "evaluating it took more than %g s; it should only describe",
             wall_of(options));
  else if (sig == SIGXCPU || (sig == SIGKILL && options->eval_cpu > 0))
    snprintf(rest, room,
             "evaluating it took more than %g s of processor time, or was killed; "
             "see --eval-time",
             options->eval_cpu);
  else if (sig != 0)
    snprintf(rest, room, "evaluating it was ended by signal %d (%s)", sig,
             strsignal(sig));
  else snprintf(rest, room, "evaluating it ended with status %d", WEXITSTATUS(status));
  report(evaluation->engine, text);
  tell_asker(evaluation, (rs_evaluated){.why = text});
}

static void on_ended(rs_child *child, int status) {
  rs_evaluation *evaluation =
    (rs_evaluation *)((char *)child - offsetof(rs_evaluation, child));
  bool wanted = evaluation->engine->evaluation == evaluation;
  bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  read_mistakes(evaluation);
  if (wanted && !evaluation->asked.tree)
    rs_sources_take(evaluation->engine, &evaluation->text, good, &evaluation->begun);
  if (wanted && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    apply(evaluation);
  } else if (wanted) {
    if (report_all(evaluation) == 0) explain(evaluation, status);
    else
      tell_asker(evaluation, (rs_evaluated){.mistakes = evaluation->text.at,
                                            .size = evaluation->text.size});
    failed(evaluation->engine);
  }
  end(evaluation);
}

static void on_wall(uv_timer_t *timer) {
  rs_evaluation *evaluation = timer->data;
  evaluation->late = true;
  rs_family_kill(evaluation->child.pid);
  rs_child_signal(&evaluation->child, SIGKILL);
}

static pid_t spawn_it(rs_evaluation *evaluation, int mistakes, char *why, size_t size) {
  const rs_engine_options *options = evaluation->engine->options;
  char cpu[32], memory[32], *tree = strdup(evaluation->tree);
  char name[] = "runsmith", command[] = "__evaluate";
  char cpu_name[] = "--cpu", memory_name[] = "--memory";
  char reads[] = "--reads";
  char *argv[] = {name, command, tree, cpu_name, cpu, memory_name, memory, NULL, NULL};
  if (evaluation->engine->sources) argv[7] = reads;
  snprintf(cpu, sizeof cpu, "%g", options->eval_cpu);
  snprintf(memory, sizeof memory, "%llu", (unsigned long long)options->eval_memory);
  rs_env env = rs_env_host();
  rs_spawn spawn = rs_spawn_default(argv, env.at);
  spawn.program = options->program;
  spawn.stdio[1] = 2; /* what the script prints is no output of the host's */
  spawn.fd_count = 2;
  spawn.fds[0].from = evaluation->plan;
  spawn.fds[0].to = PLAN_FD;
  spawn.fds[1].from = mistakes;
  spawn.fds[1].to = MISTAKES_FD;
  pid_t pid = rs_spawn_start(&spawn, why, size);
  rs_env_free(&env);
  free(tree);
  return pid;
}

static rs_evaluation *make(rs_engine *engine, const rs_asked *asked, int plan,
                           int mistakes) {
  rs_evaluation *evaluation = rs_base_new(sizeof *evaluation);
  evaluation->engine = engine;
  clock_gettime(CLOCK_REALTIME_COARSE, &evaluation->begun); /* as files have it */
  evaluation->plan = plan;
  evaluation->asked = *asked;
  evaluation->tree = strdup(asked->tree ? asked->tree : engine->options->tree);
  evaluation->child.ended = on_ended;
  evaluation->mistakes = rs_watch_new(&engine->loop, mistakes, on_mistakes, evaluation);
  evaluation->wall.data = evaluation;
  uv_timer_init(&engine->loop, &evaluation->wall);
  uv_update_time(&engine->loop);
  uint64_t wall = (uint64_t)(wall_of(engine->options) * 1000);
  uv_timer_start(&evaluation->wall, on_wall, wall, 0);
  return evaluation;
}

void rs_evaluate_stop(rs_engine *engine) {
  rs_evaluation *old = engine->evaluation;
  if (!old) return;
  engine->evaluation = NULL;
  tell_asker(old, (rs_evaluated){.why = "another evaluation has taken its place"});
  rs_family_kill(old->child.pid);
  rs_child_signal(&old->child, SIGKILL);
}

void rs_evaluate(rs_engine *engine) {
  double left = rs_confirm_left(engine);
  if (left <= 0) rs_evaluate_for(engine, &(rs_asked){0});
  else
    rs_entry_log(engine, RS_NONE, RS_NONE, 2,
                 "not reloaded: a reload waits to be confirmed for another %.0f s",
                 left);
}

static void not_begun(rs_engine *engine, const rs_asked *asked, const char *why) {
  rs_evaluated result = {.why = why};
  if (!asked->only) report(engine, why);
  if (asked->done) asked->done(engine, &result);
  if (!asked->only) failed(engine);
}

void rs_evaluate_for(rs_engine *engine, const rs_asked *asked) {
  char why[512];
  int pair[2] = {-1, -1};
  rs_evaluate_stop(engine);
  int plan = memfd_create("runsmith-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (plan < 0 || pipe2(pair, O_CLOEXEC) < 0) {
    if (plan >= 0) close(plan);
    not_begun(engine, asked, "no descriptors for an evaluation");
    return;
  }
  rs_evaluation *evaluation = make(engine, asked, plan, pair[0]);
  pid_t pid = spawn_it(evaluation, pair[1], why, sizeof why);
  close(pair[1]);
  int code = pid > 0 ? rs_children_add(&engine->children, &evaluation->child, pid) : -1;
  if (code == 0) {
    engine->evaluation = evaluation;
    return;
  }
  end(evaluation);
  not_begun(engine, asked, why);
}
