/* command.h -- units that are programs: started, asked, killed, and ended with all that
** they started.
**
** Layer    engine.
** Owner    a command frees itself when its family is gone and its exit was told.
** Thread   the engine's.
** Limits   one process group and session a step (pre, the program, post), and a cgroup
**          of its own where there are any.
** Tested   spec/host/command_*_spec.lua. */
#ifndef RS_COMMAND_H
#define RS_COMMAND_H

#include "../state.h"

/* Starts the unit's incarnation as the plan says; puts its exit where it cannot. */
void rs_command_start(rs_engine *engine, const rs_action *action);

/* Sends its stop signal. */
void rs_command_ask(rs_engine *engine, const rs_action *action);

/* Sends its reload signal. */
void rs_command_reload(rs_engine *engine, const rs_action *action);

/* Kills it and all that it started; its exit follows, once its `post` is over. `now`:
** without a `post`. */
void rs_command_kill(rs_command *command, bool now);

/* Answers RS_DO_LOOK. */
void rs_command_look(rs_engine *engine, const rs_action *action);

/* What it last said as STATUS=; "" if nothing. The bytes are anything. */
const char *rs_command_status(const rs_command *command, size_t *size);

/* At the host's end: takes what they wrote last, and frees them all. */
void rs_command_end_all(rs_engine *engine);

/* Its pid, 0 once it has ended, and its last sign of life. */
void rs_command_state(const rs_command *command, pid_t *pid, rs_time *beat);

#endif
