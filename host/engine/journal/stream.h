/* stream.h -- what a process writes to a pipe: line by line into the journal, or into a
** file as it comes.
**
** Layer    engine.
** Owner    rs_stream_end frees it, and the file.
** Thread   the engine's.
** Limits   RS_LINE_MAX bytes a line; so many lines in so much time, if asked for: the
**          rest is counted and told. One read a wake: who writes a flood has its turn
**          alone.
** Tested   spec/host/command_output_spec.lua. */
#ifndef RS_STREAM_H
#define RS_STREAM_H

#include "lines.h"
#include "rotate.h"
#include "../state.h"

typedef struct rs_stream {
  rs_engine *engine;
  rs_watch *watch;  /* NULL: it has ended */
  const char *name; /* "stdout", "stderr" */
  uint32_t unit, inc;
  rs_lines lines;
  rs_rotate *file;  /* where it goes instead; NULL: into the journal */
  uint32_t rate;    /* lines ... */
  rs_time within;   /* ... in so much time; 0: no limit */
  rs_time since;    /* start of the window in progress */
  uint32_t used;    /* lines in it */
  uint64_t dropped; /* not told yet */
  rs_watch *tell;   /* a timer for the window's end, while there are such; NULL */
} rs_stream;

/* Reads from `fd`, which it owns. */
rs_stream *rs_stream_new(rs_engine *engine, int fd, const char *name, uint32_t unit,
                         uint32_t inc);

/* Whose it is from now on. */
void rs_stream_is_of(rs_stream *stream, uint32_t unit, uint32_t inc);

/* Its writer is dead: takes what is there, and a line that was begun. */
void rs_stream_drain(rs_stream *stream);

/* Whether it is read; what comes in the meantime waits in the pipe. */
void rs_stream_read(rs_stream *stream, bool on);

/* Its writer is dead: takes what is still there, then frees it. NULL afterwards. */
void rs_stream_end(rs_stream **stream);

#endif
