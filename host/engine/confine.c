#include "confine.h"

enum { OWN_THREADS = 16, INFO = 1 }; /* a runner's: keeper, VM, libuv's pool */

/* A note, as others: what the core has decided before is written before. */
static void say_no_group(rs_engine *engine, const char *why) {
  rs_event note = {.kind = RS_NOTE_LOG, .unit = RS_NONE, .inc = RS_NONE, .a = INFO};
  note.text = rs_texts_print(&engine->texts,
                             "{\"text\":\"commands have no cgroup of their own (%s): "
                             "what one starts is found by group, session and "
                             "RUNSMITH_UNIT\"}",
                             why);
  rs_engine_put(engine, note);
}

const rs_cgroups *rs_confine_groups(rs_engine *engine) {
  rs_cgroups *groups = &engine->cgroups;
  if (groups->tried) return groups;
  rs_cgroup_begin(groups);
  if (!groups->at[RS_CG_UNIFIED]) say_no_group(engine, groups->why);
  return groups;
}

void rs_confine_runner(rs_runner *runner, const rs_plan_exec *exec, rs_bytes *text) {
  bool limited = exec->memory > 0 || exec->processes > 0;
  if (runner->place != RS_PLACE_PROCESS || !limited) return;
  const rs_cgroups *groups = rs_confine_groups(runner->engine);
  uint64_t tasks = exec->processes > 0 ? exec->processes + OWN_THREADS : 0;
  rs_cgroup_make(groups, &runner->group, runner->owner, runner->owner_inc, exec->memory,
                 tasks);
  runner->family.group = &runner->group;
  const char *sign = rs_cgroup_has_pids(groups, &runner->group) ? "+" : "=";
  for (int i = 0; i < RS_CG_COUNT; i++) {
    const char *folder = runner->group.at[i];
    if (!folder) continue;
    rs_bytes_text(text, sign);
    rs_bytes_add(text, folder, strlen(folder) + 1);
  }
}
