/* check_rows.c -- rows that stand alone: specs and execs. */
#include <string.h>

#include "check.h"

enum {
  FLAGS = RS_ISOLATE | RS_ORDERED | RS_SIGNIFICANT | RS_BRIEF | RS_POOL | RS_TEMPLATE |
          RS_TASK | RS_NO_NEW_PRIVS,
  OF_SUPERVISORS = RS_ISOLATE | RS_ORDERED | RS_BRIEF | RS_POOL,
  GROUPS_MAX = 256
};

/* True for a number that a comparison can be trusted with. */
static bool between(double number, double least, double most) {
  return number >= least && number <= most; /* false for NaN */
}

static bool check_backoff(rs_check *check, const rs_plan_spec *spec) {
  double least = spec->backoff_first > 0 ? 1 : 0;
  return rs_check_that(check, spec->backoff_first >= 0, "backoff first < 0") &&
         rs_check_that(check, spec->backoff_max >= 0, "backoff max < 0") &&
         rs_check_that(check, spec->backoff_reset >= 0, "backoff reset < 0") &&
         rs_check_that(check, between(spec->backoff_factor, least, 1e9),
                       "backoff factor out of range") &&
         rs_check_that(check, between(spec->backoff_jitter, 0, 1),
                       "backoff jitter out of range");
}

/* RS_NONE: there is no limit. */
static bool is_intensity(uint32_t max) {
  return max == RS_NONE || max <= RS_INTENSITY_MAX;
}

static bool check_supervisor(rs_check *check, const rs_plan_spec *spec) {
  uint32_t wrong = spec->flags & (RS_TEMPLATE | RS_TASK);
  return rs_check_that(check, spec->backend == 0, "a supervisor with a backend") &&
         rs_check_that(check, wrong == 0, "flags that no supervisor has") &&
         rs_check_that(check, is_intensity(spec->max), "intensity out of range") &&
         rs_check_that(check, spec->within > 0, "within <= 0") &&
         rs_check_that(check, spec->vms >= 1 && spec->vms <= RS_PLAN_VMS_MAX,
                       "vms out of range") &&
         rs_check_that(check,
                       spec->life == RS_NONE && spec->custom == RS_NONE &&
                         spec->run_module == RS_NONE,
                       "a supervisor that runs");
}

static bool check_leaf(rs_check *check, const rs_plan_spec *spec) {
  bool lua = spec->backend >= RS_COROUTINE && spec->backend <= RS_PROCESS;
  bool external = spec->backend == RS_EXTERNAL, custom = spec->backend == RS_CUSTOM;
  bool fits = spec->kind == RS_WORKER ? lua || custom : external || custom;
  bool lives = spec->life != RS_NONE;
  if (!rs_check_that(check, fits, "a backend that does not fit its kind") ||
      !rs_check_that(check, (spec->flags & OF_SUPERVISORS) == 0,
                     "flags of supervisors") ||
      !rs_check_that(check, lives == lua || (lua && (spec->flags & RS_TASK)),
                     "a lifecycle too many or too few") ||
      !rs_check_that(check, lua || !(spec->flags & RS_TASK), "a task without Lua") ||
      !rs_check_that(check, custom == (spec->custom != RS_NONE),
                     "a custom backend too many or too few") ||
      !rs_check_that(check, spec->launch > 0, "launch <= 0") ||
      !rs_check_that(check, spec->stall > 0, "stall <= 0") ||
      !rs_check_that(check, spec->heartbeat > 0, "heartbeat <= 0"))
    return false;
  if (!external) return true;
  if (!rs_check_that(check, spec->exec != RS_NONE, "a command without exec"))
    return false;
  const rs_plan_exec *exec = rs_plan_table(check->plan, RS_T_EXEC);
  return rs_check_that(check, exec[spec->exec].argv.len > 0, "a command without argv");
}

static bool check_spec(rs_check *check, const rs_plan_spec *spec) {
  bool kind = spec->kind >= RS_SUPERVISOR && spec->kind <= RS_COMMAND;
  bool lasts = (spec->flags & RS_SIGNIFICANT) && spec->restart == RS_PERMANENT;
  return rs_check_that(check, kind, "an unknown kind") &&
         rs_check_that(check, spec->backend <= RS_CUSTOM, "an unknown backend") &&
         rs_check_that(check, spec->restart <= RS_TEMPORARY, "an unknown restart") &&
         rs_check_that(check, spec->strategy <= RS_REST_FOR_ONE,
                       "an unknown strategy") &&
         rs_check_that(check, spec->auto_shutdown <= RS_AUTO_ALL,
                       "an unknown auto_shutdown") &&
         rs_check_that(check, (spec->flags & ~(uint32_t)FLAGS) == 0, "unknown flags") &&
         rs_check_that(check, !lasts, "significant and permanent") &&
         rs_check_that(check, is_intensity(spec->own_max), "intensity out of range") &&
         rs_check_that(check, spec->own_max == RS_NONE || spec->own_within > 0,
                       "within <= 0") &&
         rs_check_that(check, spec->shutdown >= -1, "shutdown < -1") &&
         check_backoff(check, spec) &&
         rs_check_index(check, spec->life, RS_T_LIFE, true) &&
         rs_check_index(check, spec->exec, RS_T_EXEC, true) &&
         rs_check_index(check, spec->custom, RS_T_BACKEND, true) &&
         rs_check_index(check, spec->run_module, RS_T_MODULE, true) &&
         rs_check_ref(check, spec->run) &&
         (spec->kind == RS_SUPERVISOR ? check_supervisor(check, spec)
                                      : check_leaf(check, spec));
}

bool rs_check_specs(rs_check *check) {
  check->table = "spec";
  uint32_t count = rs_plan_count(check->plan, RS_T_SPEC);
  for (check->row = 0; check->row < count; check->row++)
    if (!check_spec(check, rs_plan_spec_at(check->plan, check->row))) return false;
  return true;
}

/* Decimal numbers below 2^32 - 1, with commas between; or nothing. */
static bool check_numbers(rs_check *check, rs_ref ref, uint32_t most) {
  if (!rs_check_ref(check, ref)) return false;
  const char *bytes = rs_plan_bytes(check->plan, ref);
  uint64_t number = 0;
  uint32_t digits = 0, count = 0;
  for (uint32_t i = 0; i < ref.len; i++) {
    bool last = i + 1 == ref.len || bytes[i + 1] == ',';
    bool comma = bytes[i] == ',' && digits > 0 && i + 1 < ref.len;
    bool digit = bytes[i] >= '0' && bytes[i] <= '9' && ++digits <= 10;
    if (!rs_check_that(check, digit || comma, "a user or group that is no number"))
      return false;
    number = digit ? number * 10 + (uint64_t)(bytes[i] - '0') : 0;
    if (!digit) digits = 0;
    if (digit && last) count++;
    if (!rs_check_that(check, number < UINT32_MAX, "a user or group out of range"))
      return false;
  }
  return rs_check_that(check, count <= most, "too many groups");
}

/* Strings one after another, each with its NUL. */
static bool check_list(rs_check *check, rs_ref list) {
  if (!rs_check_ref(check, list)) return false;
  if (list.len == 0) return true;
  char last = rs_plan_bytes(check->plan, list)[list.len - 1];
  return rs_check_that(check, last == 0, "a list that does not end in NUL");
}

/* One string, without any NUL. */
static bool check_string(rs_check *check, rs_ref ref) {
  if (!rs_check_ref(check, ref)) return false;
  const char *bytes = rs_plan_bytes(check->plan, ref);
  bool clean = ref.len == 0 || !memchr(bytes, 0, ref.len);
  return rs_check_that(check, clean, "a string with a NUL in it");
}

static bool check_output(rs_check *check, const rs_plan_exec *exec) {
  bool path = exec->output != RS_OUT_FILE || exec->output_path.len > 0;
  return rs_check_that(check, exec->output <= RS_OUT_FILE, "an unknown output") &&
         check_string(check, exec->output_path) &&
         rs_check_that(check, path, "an output file without a path") &&
         rs_check_that(check, exec->output_within >= 0, "output within < 0");
}

static bool check_exec(rs_check *check, const rs_plan_exec *exec) {
  bool nice = (exec->nice >= -20 && exec->nice <= 19) || exec->nice == 127;
  bool oom = (exec->oom_score_adj >= -1000 && exec->oom_score_adj <= 1000) ||
             exec->oom_score_adj == 2000;
  bool probe = exec->ready != RS_READY_PROBE || exec->ready_probe != RS_NONE;
  return check_list(check, exec->argv) && check_list(check, exec->env) &&
         check_string(check, exec->cwd) && check_numbers(check, exec->user, 1) &&
         check_numbers(check, exec->group, GROUPS_MAX) &&
         check_list(check, exec->pre) && check_list(check, exec->post) &&
         check_list(check, exec->files) && check_output(check, exec) &&
         rs_check_that(check, exec->umask >= -1 && exec->umask <= 0777, "umask") &&
         rs_check_that(check, nice, "nice") &&
         rs_check_that(check, oom, "oom_score_adj") &&
         rs_check_that(check, exec->stop_signal >= 0 && exec->stop_signal <= 64,
                       "stop signal") &&
         rs_check_that(check, exec->reload_signal >= 0 && exec->reload_signal <= 64,
                       "reload signal") &&
         rs_check_that(check, exec->ready <= RS_READY_PROBE, "an unknown ready") &&
         rs_check_that(check, exec->ready != RS_READY_FD || exec->ready_fd >= 3,
                       "ready descriptor") &&
         rs_check_that(check, exec->ready_fd <= 65535, "ready descriptor") &&
         rs_check_index(check, exec->ready_probe, RS_T_PROBE, true) &&
         rs_check_that(check, probe, "ready by no probe") &&
         rs_check_that(check, exec->cpu_time >= 0, "cpu_time < 0") &&
         rs_check_that(check, exec->pre.len == 0 || exec->pre_timeout > 0,
                       "pre timeout <= 0") &&
         rs_check_that(check, exec->post.len == 0 || exec->post_timeout > 0,
                       "post timeout <= 0");
}

bool rs_check_execs(rs_check *check) {
  const rs_plan_exec *row = rs_plan_table(check->plan, RS_T_EXEC);
  check->table = "exec";
  uint32_t count = rs_plan_count(check->plan, RS_T_EXEC);
  for (check->row = 0; check->row < count; check->row++, row++)
    if (!check_exec(check, row)) return false;
  return true;
}
