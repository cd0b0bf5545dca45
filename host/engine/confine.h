/* confine.h -- who gets a control group of its own: every command, and each process
** worker with a limit that only a group can hold for all that it starts.
**
** Layer    engine.
** Owner    a runner's group is the runner's, until rs_runner_free.
** Thread   the engine's.
** Limits   those of cgroup.h; a worker without such limits costs nothing.
** Tested   spec/host/confine_spec.lua. */
#ifndef RS_CONFINE_H
#define RS_CONFINE_H

#include "runner/runner.h"

/* The host's groups; what the machine does not have is told once. */
rs_cgroups *rs_confine_groups(rs_engine *engine);

/* Makes a process worker's group, and adds its folders to what its runner is told with
** its place, a string each: '+' where the group also counts processes, else '=', and
** the path. The runner enters them before it becomes another user. */
void rs_confine_runner(rs_runner *runner, const rs_plan_exec *exec, rs_bytes *text);

#endif
