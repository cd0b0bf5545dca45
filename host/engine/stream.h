/* stream.h -- what a process writes to a pipe, line by line into the journal.
**
** Layer    engine.
** Owner    rs_stream_end frees it.
** Thread   the engine's.
** Limits   RS_LINE_MAX bytes a line (longer ones are cut in pieces); so many lines in
**          so much time, if asked for: the rest is counted and told.
** Tested   spec/host/engine_process.c. */
#ifndef RS_STREAM_H
#define RS_STREAM_H

#include "state.h"

enum { RS_LINE_MAX = 16 << 10 };

typedef struct rs_stream {
  rs_engine *engine;
  rs_watch *watch;  /* NULL: it has ended */
  const char *name; /* "stdout", "stderr" */
  uint32_t unit, inc;
  rs_bytes line;    /* begun, not ended */
  uint32_t rate;    /* lines ... */
  rs_time within;   /* ... in so much time; 0: no limit */
  rs_time since;    /* start of the window in progress */
  uint32_t used;    /* lines in it */
  uint64_t dropped; /* not told yet */
} rs_stream;

/* Reads from `fd`, which it owns. */
rs_stream *rs_stream_new(rs_engine *engine, int fd, const char *name, uint32_t unit,
                         uint32_t inc);

/* Whose it is from now on. */
void rs_stream_is_of(rs_stream *stream, uint32_t unit, uint32_t inc);

/* Its writer is dead: takes what is there, and a line that was begun. */
void rs_stream_drain(rs_stream *stream);

/* Its writer is dead: takes what is still there, then frees it. NULL afterwards. */
void rs_stream_end(rs_stream **stream);

#endif
