/* cgroup.h -- a control group of its own for each command, where the machine has room
** for one: what no program leaves by itself, and limits that hold for all of it
** together.
**
** Layer    engine.
** Owner    the host's folder is the engine's until rs_cgroup_end; a command's is its
**          own.
** Thread   the engine's.
** Limits   version 2: kill, and memory and pids where these are delegated; version 1:
**          memory and pids alone. Nothing is mounted and no other group is changed.
** Tested   spec/c/engine_spawn.c, spec/host/command_family_spec.lua. */
#ifndef RS_CGROUP_H
#define RS_CGROUP_H

#include "../base/base.h"

enum { RS_CG_UNIFIED, RS_CG_MEMORY, RS_CG_PIDS, RS_CG_COUNT };

enum { RS_CG_RETIRED_MAX = 64 };

/* One command's. */
typedef struct rs_cgroup {
  char *at[RS_CG_COUNT]; /* NULL: none */
  uint32_t unit, number; /* its folder's name */
  bool limited;
  bool empty;  /* when rs_cgroup_kill looked last */
  bool killed; /* some kernels kill whoever is later born into such a one */
} rs_cgroup;

/* The host's folder in each hierarchy; NULL: none. */
typedef struct rs_cgroups {
  char *at[RS_CG_COUNT]; /* UNIFIED: version 2; MEMORY, PIDS: version 1 */
  bool limits;           /* version 2's have memory and pids */
  bool tried;
  char why[256];                        /* no UNIFIED: for what reason */
  rs_cgroup retired[RS_CG_RETIRED_MAX]; /* of ended commands, to be removed */
  uint32_t retired_count;
} rs_cgroups;

/* Finds where this process may make groups, and makes one for the host. Removes what
** hosts that are no more have left. At the second call and later: nothing. */
void rs_cgroup_begin(rs_cgroups *groups);

/* Removes the host's. All commands are gone. */
void rs_cgroup_end(rs_cgroups *groups);

/* Makes a command's, named by its unit and a number of which each of the unit's living
** groups has another (an incarnation), with limits (0: none) where there are means.
** Where there are to be none, an empty one that the unit has just retired and nobody
** killed serves again, under the number that it has. */
void rs_cgroup_make(rs_cgroups *groups, rs_cgroup *group, uint32_t unit,
                    uint32_t number, uint64_t memory, uint64_t processes);

/* Has its limit of memory hold (0: lets it rest). Until its exec a child shares the
** engine's memory, and the kernel would end both for want of room in the child's group:
** it rests while there is such a child, and holds from then on for what is there. False
** if they have more than that already, and the kernel (version 1) leaves them be. */
bool rs_cgroup_limit_memory(const rs_cgroups *groups, const rs_cgroup *group,
                            uint64_t memory);

/* True if a limit of that much memory (of that many processes) holds by it. */
bool rs_cgroup_has_memory(const rs_cgroups *groups, const rs_cgroup *group);
bool rs_cgroup_has_pids(const rs_cgroups *groups, const rs_cgroup *group);

/* Kills all in it; true while there is somebody. False where there is no such group. */
bool rs_cgroup_kill(rs_cgroup *group);

/* Removes it, and forgets it. */
void rs_cgroup_drop(rs_cgroup *group);

/* The same, but what can wait does until rs_cgroup_tidy. */
void rs_cgroup_retire(rs_cgroups *groups, rs_cgroup *group);
void rs_cgroup_tidy(rs_cgroups *groups);

/* Whose process that is: true, and the group's unit and number, if it is in a
** command's. */
bool rs_cgroup_find(const rs_cgroups *groups, int pid, uint32_t *unit,
                    uint32_t *number);

#endif
