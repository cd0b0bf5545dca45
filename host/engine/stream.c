#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "entry.h"

enum { CHUNK = 64 << 10, CHUNKS_LAST = 64 };

static char chunk[CHUNK];

static void tell_dropped(rs_stream *stream) {
  if (stream->dropped == 0) return;
  rs_entry_log(stream->engine, stream->unit, stream->inc, 2,
               "%s: %llu lines dropped: more than %u in %g s", stream->name,
               (unsigned long long)stream->dropped, stream->rate,
               (double)stream->within / RS_SECOND);
  stream->dropped = 0;
}

static void write_line(rs_stream *stream, const char *text, size_t size) {
  rs_time now = stream->within > 0 ? rs_base_now() : 0;
  if (stream->within > 0 && now - stream->since >= stream->within) {
    stream->since = now;
    stream->used = 0;
    tell_dropped(stream);
  }
  if (stream->within > 0 && stream->used++ >= stream->rate) {
    stream->dropped++;
    return;
  }
  rs_entry_output(stream->engine, stream->unit, stream->inc, stream->name, text, size);
}

static void end_line(rs_stream *stream) {
  write_line(stream, stream->line.at ? stream->line.at : "", stream->line.size);
  stream->line.size = 0;
}

static void take(rs_stream *stream, const char *bytes, size_t size) {
  while (size > 0) {
    size_t room = RS_LINE_MAX - stream->line.size;
    const char *end = memchr(bytes, '\n', size);
    size_t part = end ? (size_t)(end - bytes) : size;
    bool cut = part > room;
    if (cut) part = room;
    rs_bytes_add(&stream->line, bytes, part);
    if (cut || end) end_line(stream);
    part += !cut && end;
    bytes += part;
    size -= part;
  }
}

/* True while there may be more. */
static bool read_some(rs_stream *stream) {
  ssize_t got = read(stream->watch->fd, chunk, sizeof chunk);
  if (got > 0) {
    take(stream, chunk, (size_t)got);
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  if (got == 0 || errno != EAGAIN) rs_watch_end(&stream->watch);
  return false;
}

/* One read a wake: whoever writes without end gets no more than its turn. */
static void on_readable(void *ctx, rs_watch *watch, int events) {
  (void)watch;
  (void)events;
  read_some(ctx);
}

rs_stream *rs_stream_new(rs_engine *engine, int fd, const char *name, uint32_t unit,
                         uint32_t inc) {
  rs_stream *stream = rs_base_new(sizeof *stream);
  stream->engine = engine;
  stream->name = name;
  stream->unit = unit;
  stream->inc = inc;
  stream->watch = rs_watch_new(&engine->loop, fd, on_readable, stream);
  return stream;
}

void rs_stream_is_of(rs_stream *stream, uint32_t unit, uint32_t inc) {
  stream->unit = unit;
  stream->inc = inc;
}

/* A pipe holds less than this many chunks; another process may go on writing. */
void rs_stream_drain(rs_stream *stream) {
  ssize_t got = 1;
  for (int i = 0; i < CHUNKS_LAST && stream->watch && got > 0; i++) {
    got = read(stream->watch->fd, chunk, sizeof chunk);
    if (got > 0) take(stream, chunk, (size_t)got);
    if (got < 0 && errno == EINTR) got = 1;
  }
  if (stream->line.size > 0) end_line(stream);
  tell_dropped(stream);
}

void rs_stream_end(rs_stream **stream) {
  rs_stream *old = *stream;
  if (!old) return;
  *stream = NULL;
  rs_stream_drain(old);
  rs_watch_end(&old->watch);
  rs_bytes_free(&old->line);
  free(old);
}
