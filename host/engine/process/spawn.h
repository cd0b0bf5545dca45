/* spawn.h -- a program as a child process that shares this one's memory until its exec.
**
** Layer    engine.
** Owner    all that the options point to is borrowed for the call. A launch is the
**          caller's until rs_spawn_result or rs_spawn_start.
** Thread   the engine's: the child dies with it. It goes on while the child is on its
**          way: a cwd or a program on a dead disk holds up nobody else.
** Limits   RS_SPAWN_FDS descriptors besides 0, 1, 2; RS_SPAWN_LIMITS limits.
** Tested   spec/c/engine_spawn.c, spec/host/command_start_spec.lua. */
#ifndef RS_SPAWN_H
#define RS_SPAWN_H

#include <sys/resource.h>
#include <sys/types.h>

#include "../base/base.h"

enum { RS_SPAWN_FDS = 4, RS_SPAWN_LIMITS = 4, RS_NO_NICE = 127, RS_OOM_DEFAULT = 2000 };
enum { RS_SPAWN_JOINS = 2 };

typedef struct rs_spawn {
  const char *program; /* NULL: argv[0], found by the PATH of `env` */
  char *const *argv;
  char *const *env;
  const char *cwd, *user, *group; /* as in rs_plan_exec; NULL or "": the engine's */
  int stdio[3];                   /* -1: /dev/null */
  struct {
    int from, to; /* to: 3 and up */
  } fds[RS_SPAWN_FDS];
  uint32_t fd_count;
  int umask;         /* -1: the engine's */
  int nice;          /* RS_NO_NICE: the engine's */
  int oom_score_adj; /* RS_OOM_DEFAULT: more likely a victim than the engine */
  struct {
    int which;
    struct rlimit limit;
  } limits[RS_SPAWN_LIMITS];
  uint32_t limit_count;
  bool no_new_privs;
  int cgroup;                /* its folder, where the child is born; -1: the engine's */
  int joins[RS_SPAWN_JOINS]; /* cgroup.procs files that it enters itself; -1: none */
} rs_spawn;

/* A child between its birth and its exec. */
typedef struct rs_launch rs_launch;

/* The options that mean "as the engine", with the engine's own file limit undone. */
rs_spawn rs_spawn_default(char *const *argv, char *const *env);

/* Adds a limit, soft and hard. */
void rs_spawn_limit(rs_spawn *spawn, int which, uint64_t value);

/* The pid, or a negative errno and a sentence. The child leads a session of its own. */
pid_t rs_spawn_begin(const rs_spawn *spawn, rs_launch **launch, char *why,
                     size_t why_size);

/* A descriptor that can be read once rs_spawn_result is to be called; the caller's now.
** */
int rs_spawn_fd(rs_launch *launch);

/* What came of it: 0, or the errno of what the child could not do and a sentence (it
** has ended then, or is to be killed). Frees the launch. To be called only when its
** descriptor can be read, or when the child has ended. */
int rs_spawn_result(rs_launch *launch, char *why, size_t why_size);

/* The same at one go, for programs of the host's own: waits for the exec. */
pid_t rs_spawn_start(const rs_spawn *spawn, char *why, size_t why_size);

/* Raises this process's own limit of open files; children get back what was before. */
void rs_spawn_raise_files(void);

#endif
