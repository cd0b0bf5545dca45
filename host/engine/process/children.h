/* children.h -- the processes that the engine knows, and the reaping of all others.
**
** Layer    engine.
** Owner    who starts a process embeds its rs_child and keeps it until `ended`.
** Thread   the engine's.
** Limits   none.
** Tested   spec/c/engine_process.c. */
#ifndef RS_CHILDREN_H
#define RS_CHILDREN_H

#include <sys/types.h>

#include "../base/watch.h"

typedef struct rs_child rs_child;

struct rs_child {
  pid_t pid;                                  /* 0: none, or it has been reaped */
  rs_watch *watch;                            /* its pidfd */
  void (*ended)(rs_child *child, int status); /* status as wait(2) gives it */
  rs_child *next;
};

enum { RS_CHILD_BUCKETS = 1024 };

typedef struct rs_children {
  uv_loop_t *loop;
  void (*before)(void *ctx); /* before any is reaped: while it is known who it was */
  void *before_ctx;
  rs_child *bucket[RS_CHILD_BUCKETS];
} rs_children;

/* Takes a process that is this one's child. 0, or a negative errno: it is none. */
int rs_children_add(rs_children *children, rs_child *child, pid_t pid);
rs_child *rs_children_find(const rs_children *children, pid_t pid);

/* Through the pidfd, so that it never reaches another process. */
void rs_child_signal(const rs_child *child, int sig);

/* Its end is on its way, by another sign of it: lets it come, for a moment at most,
** since each further wake-up of this thread would hold it up. */
void rs_child_await(const rs_child *child);

/* Reaps all that has ended: known ones, who are told, and inherited ones. */
void rs_children_reap(rs_children *children);

/* Calls `ended` now, if it has. */
void rs_children_look(rs_children *children, rs_child *child);

#endif
