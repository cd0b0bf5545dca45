/* family.h -- all that a process has started: found, and ended with it.
**
** Layer    engine.
** Owner    who ends a family embeds its rs_family until `gone` is called.
** Thread   the engine's: a subreaper, so that orphans are its own children.
** Limits   a process with neither group, session nor mark of its family is not found by
**          its own; as a descendant of one that is, it is.
** Tested   spec/c/engine_process.c. */
#ifndef RS_FAMILY_H
#define RS_FAMILY_H

#include <sys/types.h>

#include "cgroup.h"
#include "children.h"

typedef struct rs_family rs_family;

struct rs_family {
  pid_t leader;     /* led its session and group; it has been reaped */
  char *mark;       /* RUNSMITH_UNIT's value; freed when it is gone */
  rs_cgroup *group; /* all of it; NULL: none of its own */
  uint32_t doubts;  /* looks that found one of whom it cannot be said yet */
  bool some;        /* this look has found some of it */
  void (*gone)(rs_family *family);
  rs_family *next;
};

typedef struct rs_families {
  const rs_children *children;
  rs_family *ending;
  bool due;         /* they are to be looked at */
  uv_timer_t again; /* looks again at whom nothing could be said of */
} rs_families;

void rs_families_begin(rs_families *families, const rs_children *children);

/* What the kernel says of a process. */
typedef struct rs_kin {
  char state; /* 'X': it has ended */
  pid_t parent, group, session;
} rs_kin;

rs_kin rs_family_kin(pid_t pid);

/* This process's children, as text; the next pid of it, 0 after the last. */
void rs_family_children(rs_bytes *out);
pid_t rs_family_next(const char **at);

/* Its command line, cut where it is long. */
void rs_family_title(pid_t pid, rs_bytes *out);

/* Whether a process began its life with this RUNSMITH_UNIT; NULL: with any. */
bool rs_family_has_mark(pid_t pid, const char *mark);

/* Kills a live leader and its descendants, as they are now. */
void rs_family_kill(pid_t leader);

/* Kills every child of this process and its descendants, as they are now. */
void rs_family_kill_children(void);

/* Kills what is left of a family whose leader is gone, until nothing is, from the next
** rs_families_turn on; then calls `gone`. */
void rs_families_end(rs_families *families, rs_family *family);

/* Something was reaped: those that are ending are to be looked at again. */
void rs_families_wake(rs_families *families);

/* Looks at all that are ending, where there is reason to. */
void rs_families_turn(rs_families *families);

#endif
