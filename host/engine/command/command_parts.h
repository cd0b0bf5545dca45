/* command_parts.h -- a command as its files share it: command.c (its life), step.c (its
** processes), ready.c (when it is ready), notify_socket.c (what it says).
**
** Layer    engine.
** Owner    command.c makes and frees it.
** Thread   the engine's.
** Limits   RS_STATUS_MAX bytes of STATUS=.
** Tested   spec/host/command_*_spec.lua. */
#ifndef RS_COMMAND_PARTS_H
#define RS_COMMAND_PARTS_H

#include "command.h"
#include "../process/delay.h"
#include "../process/spawn.h"
#include "../journal/stream.h"

enum { RS_STEP_PRE, RS_STEP_MAIN, RS_STEP_POST };
enum { RS_STATUS_MAX = 1024 };

struct rs_command {
  rs_engine *engine;
  rs_command *next, **at; /* in the engine's list */
  uint32_t unit, inc;
  uint8_t step;       /* RS_STEP_... */
  bool asked, killed; /* on the core's order */
  bool now;           /* likewise: all ends at once, there is no `post` any more */
  bool overran;       /* this step was killed by its limit */
  bool begun;         /* some program of it ran: `post` has something to tidy up */
  bool ready;         /* RS_EV_READY was put */
  bool unready;       /* its descriptor was closed without a line */
  rs_child child;     /* the process of this step */
  rs_family family;
  rs_cgroup group;
  rs_launch *launch;  /* on its way to its exec; NULL: it runs, or failed */
  rs_watch *launched; /* tells when that is decided */
  rs_watch *line;     /* `ready = { fd }`; NULL */
  rs_watch *limit;    /* of pre, of post: a timer; NULL */
  rs_stream *out[2];
  int ends[2];    /* where the program writes; -1 */
  int error;      /* errno of a launch that failed; 0 */
  char why[512];  /* what that was */
  pid_t main_pid; /* by MAINPID=; 0 */
  rs_time beat;   /* start, or last sign of life */
  bool beats;     /* it gave one */
  rs_delays delays;
  rs_bytes status; /* STATUS= */
  int step_status; /* as wait(2) gives it */
  rs_event exit;   /* told at the end, with `detail` */
  char detail[512];
};

/* How the unit is described now; the plan in `*plan` if that is not NULL. */
const rs_plan_exec *rs_command_exec(const rs_command *command, const rs_plan **plan);

/* Makes its control group. */
void rs_command_group(rs_command *command);

/* Begins a step. False: it could not (`error` and `why` say so) and has no process. */
bool rs_step_begin(rs_command *command, uint8_t step);

/* Called when it has ended, all that it started included. */
void rs_command_step_over(rs_command *command, int status);

/* If it is known by now whether the program runs, acts upon it. */
void rs_step_settle(rs_command *command);

/* Sends a signal to the step's processes as far as they are its group, and to the main
** one. */
void rs_step_signal(const rs_command *command, int sig);

/* Kills all of the step's. */
void rs_step_kill(rs_command *command);

/* Puts RS_EV_READY, once. */
void rs_ready_tell(rs_command *command);

/* A descriptor for the program to say so on; -1 and errno. */
int rs_ready_open(rs_command *command);

/* NOTIFY_SOCKET's value; NULL if there is no such socket to be had. */
const char *rs_notify_socket(rs_engine *engine);

/* Hears what has come by now: before anybody is judged by what he did not say. */
void rs_notify_hear(rs_engine *engine);

/* True for the rs_child of a command, which `*command` then is. */
bool rs_command_of_child(rs_child *child, rs_command **command);

#endif
