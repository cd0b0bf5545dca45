/* spawn_child.h -- the child's side of a launch: bare system calls in borrowed memory.
**
** Layer    engine.
** Owner    the launch outlives the child's use of it: its memory is the engine's.
** Thread   the child's own, beside the engine's. It may touch nothing but its job and
**          its stack: libc's errno is the engine's, so it makes its calls by hand.
** Limits   RS_PATHS_MAX folders of PATH are tried; RS_GROUPS_MAX groups.
** Tested   spec/c/engine_spawn.c. */
#ifndef RS_SPAWN_CHILD_H
#define RS_SPAWN_CHILD_H

#include <linux/sched.h>

#include "spawn.h"

enum { RS_GROUPS_MAX = 256, RS_PATHS_MAX = 64 };

/* All that the child needs, worked out before. `step`, `at` and `error` are its answer.
** */
typedef struct rs_job {
  rs_spawn spawn;
  pid_t parent;
  const char *paths[RS_PATHS_MAX]; /* what to try to exec, one after another */
  size_t path_count;
  bool set_user, set_group;
  uid_t uid;
  gid_t gid, groups[RS_GROUPS_MAX];
  int group_count; /* -1: as they are */
  int null_fd;
  int fd_base; /* above every descriptor that the child is to have */
  bool restore_files;
  bool own_memory; /* it does not share the engine's: a copy, but for this job */
  char oom[16];    /* its oom_score_adj, then */
  uint32_t oom_size;
  struct rlimit files;
  uint64_t ignored; /* signals that the engine ignores, a bit each */
  const char *volatile step;
  const char *volatile at;
  volatile int error;
} rs_job;

/* A child with this process's memory, or with a copy, and the given stack, which runs
** rs_spawn_child. The pid, or a negative errno. */
pid_t rs_spawn_clone(struct clone_args *args, rs_job *job);

#endif
