#include "confine.h"

#include "journal/entry.h"

enum { OWN_THREADS = 16, INFO = 1 }; /* a runner's: keeper, VM, libuv's pool */

static void say_no_group(rs_engine *engine, const char *why) {
  rs_entry_log(engine, RS_NONE, RS_NONE, INFO,
               "commands have no cgroup of their own (%s): what one starts is found by "
               "group, session and RUNSMITH_UNIT",
               why);
}

rs_cgroups *rs_confine_groups(rs_engine *engine) {
  rs_cgroups *groups = &engine->cgroups;
  if (groups->tried) return groups;
  rs_cgroup_begin(groups);
  if (!groups->at[RS_CG_UNIFIED]) say_no_group(engine, groups->why);
  return groups;
}

void rs_confine_runner(rs_runner *runner, const rs_plan_exec *exec, rs_bytes *text) {
  bool limited = exec->memory > 0 || exec->processes > 0;
  if (runner->place != RS_PLACE_PROCESS || !limited) return;
  rs_cgroups *groups = rs_confine_groups(runner->engine);
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
