/* peer.h -- a client of the control socket: its lines, its answers, what it waits for.
**
** Layer    engine; for the control socket's files alone.
** Owner    the control; rs_peer_drop frees it and all that hangs on it.
** Thread   the engine's. Nothing here waits for a client.
** Limits   RS_PEER_LINE bytes a request, RS_PEER_FLIGHT of them unanswered. Above
**          RS_PEER_FULL bytes that it has not read, no more is made or heard; a client
**          that moves nothing for RS_PEER_PATIENCE ms is dropped.
** Tested   spec/host/control_peer_spec.lua. */
#ifndef RS_PEER_H
#define RS_PEER_H

#include <sys/types.h>

#include "control.h"

enum {
  RS_PEER_LINE = 64 << 10,
  RS_PEER_FLIGHT = 64,
  RS_PEER_FULL = 64 << 10,
  RS_PEER_PATIENCE = 10000
};

typedef struct rs_peer rs_peer;
typedef struct rs_job rs_job;
typedef struct rs_wish rs_wish;
typedef struct rs_tail rs_tail;

/* An answer that is made in pieces. Whoever makes it embeds this first. */
struct rs_job {
  bool (*more)(rs_peer *peer, rs_job *job); /* adds a piece; false: it was the last */
  void (*free)(rs_job *job);
};

struct rs_peer {
  rs_engine *engine;
  rs_peer *next, *prev;           /* of all, who was heard of last at the end */
  rs_peer *busy_next, *busy_prev; /* of those with something to do */
  bool busy;
  bool speaks; /* there is something to be read */
  bool ending; /* it gets what is in `out`, and no more */
  bool spoke;  /* it has made a request */
  bool deaf;   /* it has nothing more to say; it may still listen */
  rs_watch *watch;
  uv_timer_t *patience;
  rs_bytes in, out; /* out: whole lines, but for a job's */
  rs_job *job;
  rs_bytes later; /* answers that came while the job's line was being written */
  rs_tail *tail;  /* its subscription */
  uint32_t flight;
  uid_t uid;
  pid_t pid;
  char command[32];
};

struct rs_control {
  char *path, *root; /* where it is; the root's name */
  rs_watch *listen;
  uv_timer_t again; /* to listen again after descriptors ran out */
  rs_peer *first, *last;
  uint32_t count;
  rs_peer *busy_first, *busy_last;
  rs_wish *wishes; /* a ring: the next to be looked at */
  uint32_t wish_count, wish_left;
  uint64_t told;  /* journal.end when those who follow it were served */
  uint64_t acted; /* engine->acted when they were looked at */
  struct rs_mark *marks;
  uint32_t mark_room;
  uint32_t number; /* of the last order */
  struct rs_ask *asks;
  uint32_t ask_number;
  struct rs_change *change; /* the reload or plan in progress */
};

/* ---- peer.c ---- */

void rs_peer_new(rs_engine *engine, int fd);
void rs_peer_drop(rs_peer *peer);

/* It has something to do: its turn comes. */
void rs_peer_busy(rs_peer *peer);

/* Others come first. */
void rs_peer_later(rs_peer *peer);

/* One step; false: there is nothing to do for it now. */
bool rs_peer_step(rs_peer *peer);

/* Writes what it takes now. */
void rs_peer_flush(rs_peer *peer);

/* ---- answers: `id` is JSON text ---- */

/* Where a whole line for it goes. */
rs_bytes *rs_peer_line(rs_peer *peer);

/* {"id":…,"ok":true,"result": ; the caller writes the value and "}\n". */
void rs_peer_begin(rs_bytes *out, const char *id);
void rs_peer_refuse(rs_peer *peer, const char *id, const char *code, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* Says why, and that is the last it hears. */
void rs_peer_dismiss(rs_peer *peer, const char *code, const char *why);

/* "uid 0, pid 12 (runsmith)": who asks for it, as the journal says it. */
void rs_peer_name(const rs_peer *peer, char *text, size_t size);

#endif
