/* compare_exec.c -- which of the fields that make a process differ. */
#include <string.h>

#include "compare.h"
#include "plan.h"

enum {
  NO_NICE = 127,
  DEFAULT_OOM = 2000,
  TERM = 15,
  LINES = 1000,
  SECOND = 1000000000
};

/* What a unit has whose fields say nothing of a process. */
static const rs_plan_exec nothing = {
  .umask = -1,
  .nice = NO_NICE,
  .oom_score_adj = DEFAULT_OOM,
  .stop_signal = TERM,
  .ready_fd = -1,
  .ready_probe = RS_NONE,
  .output_lines = LINES,
  .output_within = SECOND,
};

static const struct {
  size_t at;
  uint32_t why;
} texts[] = {
  {offsetof(rs_plan_exec, argv), RS_DIFFERS_EXEC},
  {offsetof(rs_plan_exec, env), RS_DIFFERS_ENV},
  {offsetof(rs_plan_exec, cwd), RS_DIFFERS_CWD},
  {offsetof(rs_plan_exec, user), RS_DIFFERS_USER},
  {offsetof(rs_plan_exec, group), RS_DIFFERS_USER},
  {offsetof(rs_plan_exec, output_path), RS_DIFFERS_OUTPUT},
  {offsetof(rs_plan_exec, pre), RS_DIFFERS_STEPS},
  {offsetof(rs_plan_exec, post), RS_DIFFERS_STEPS},
};

static const rs_plan_exec *exec_at(const rs_plan *plan, uint32_t row) {
  if (row == RS_NONE) return &nothing;
  return (const rs_plan_exec *)rs_plan_table(plan, RS_T_EXEC) + row;
}

static rs_ref ref_at(const rs_plan_exec *exec, size_t at) {
  rs_ref ref;
  memcpy(&ref, (const char *)exec + at, sizeof ref);
  return ref;
}

static uint32_t numbers(const rs_plan_exec *was, const rs_plan_exec *is) {
  uint32_t why = 0;
  if (was->umask != is->umask) why |= RS_DIFFERS_UMASK;
  if (was->nice != is->nice || was->oom_score_adj != is->oom_score_adj)
    why |= RS_DIFFERS_NICE;
  if (was->ready != is->ready || was->ready_fd != is->ready_fd) why |= RS_DIFFERS_READY;
  if (was->output != is->output || was->output_keep != is->output_keep ||
      was->output_max != is->output_max || was->output_lines != is->output_lines ||
      was->output_within != is->output_within)
    why |= RS_DIFFERS_OUTPUT;
  if (was->memory != is->memory || was->open_files != is->open_files ||
      was->processes != is->processes || was->cpu_time != is->cpu_time)
    why |= RS_DIFFERS_LIMITS;
  if (was->pre_timeout != is->pre_timeout || was->post_timeout != is->post_timeout)
    why |= RS_DIFFERS_STEPS;
  return why;
}

uint32_t rs_compare_exec(const rs_plan *old, uint32_t before, const rs_plan *plan,
                         uint32_t row) {
  const rs_plan_exec *was = exec_at(old, before), *is = exec_at(plan, row);
  uint32_t why = numbers(was, is);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    rs_ref x = ref_at(was, texts[i].at), y = ref_at(is, texts[i].at);
    bool same =
      x.len == y.len &&
      (x.len == 0 || memcmp(rs_plan_bytes(old, x), rs_plan_bytes(plan, y), x.len) == 0);
    if (!same) why |= texts[i].why;
  }
  /* Not the code of a `ready` that is a probe: that lies elsewhere. */
  if (why == 0 && is->ready == RS_READY_PROBE) why = RS_DIFFERS_READY;
  return why;
}
