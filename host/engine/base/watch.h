/* watch.h -- a descriptor that the loop watches.
**
** Layer    engine.
** Owner    a watch owns its descriptor; rs_watch_end closes it and frees the watch.
** Thread   the engine's.
** Limits   none.
** Tested   through all that uses it. */
#ifndef RS_WATCH_H
#define RS_WATCH_H

#include <uv.h>

#include "base.h"

typedef struct rs_watch rs_watch;

struct rs_watch {
  uv_poll_t poll;
  int fd;
  int events; /* UV_READABLE | UV_WRITABLE */
  void (*call)(void *ctx, rs_watch *watch, int events);
  void *ctx;
};

/* Watches `fd` (made non-blocking) for readable; NULL if the loop cannot: the
** descriptor is then closed. */
rs_watch *rs_watch_new(uv_loop_t *loop, int fd,
                       void (*call)(void *ctx, rs_watch *watch, int events), void *ctx);

/* For what it waits from now on; 0: nothing. */
void rs_watch_set(rs_watch *watch, int events);

/* Closes the descriptor; `*watch` is NULL then. Harmless for NULL. */
void rs_watch_end(rs_watch **watch);

#endif
