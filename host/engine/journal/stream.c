#define _GNU_SOURCE
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "entry.h"
#include "../probe/probes.h"

enum { CHUNK = 64 << 10, CHUNKS_LAST = 64, WARN = 2 };

static char chunk[CHUNK];

static void tell_dropped(rs_stream *stream) {
  if (stream->dropped == 0) return;
  rs_entry_log(stream->engine, stream->unit, stream->inc, WARN,
               "%s: %llu lines dropped: more than %u in %g s", stream->name,
               (unsigned long long)stream->dropped, stream->rate,
               (double)stream->within / RS_SECOND);
  stream->dropped = 0;
}

/* Told at the first loss, and once the file takes bytes again. */
static void write_file(rs_stream *stream, size_t size) {
  rs_rotate *file = stream->file;
  uint64_t before = file->lost;
  rs_rotate_add(file, chunk, size);
  bool failing = file->lost > before;
  if (file->lost == 0 || (failing && file->told)) return;
  file->told = failing;
  rs_entry_log(stream->engine, stream->unit, stream->inc, WARN,
               "%s: %llu bytes lost: the file: %s", stream->name,
               (unsigned long long)file->lost, strerror(file->error));
  file->lost = 0;
}

static void on_window(void *ctx, rs_watch *watch, int events) {
  rs_stream *stream = ctx;
  (void)watch;
  (void)events;
  rs_watch_end(&stream->tell);
  tell_dropped(stream);
}

/* Who falls silent after a flood is told of it all the same. */
static void tell_later(rs_stream *stream) {
  if (stream->tell || stream->engine->ended) return;
  struct itimerspec set = {0};
  rs_time at = stream->since + stream->within;
  set.it_value.tv_sec = (time_t)(at / RS_SECOND);
  set.it_value.tv_nsec = (long)(at % RS_SECOND) + 1;
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return;
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &set, NULL);
  stream->tell = rs_watch_new(&stream->engine->loop, fd, on_window, stream);
}

/* True if there is room for one more line in this span of time. */
static bool may_pass(rs_stream *stream) {
  if (stream->within <= 0) return true;
  rs_time now = rs_base_now();
  if (now - stream->since >= stream->within) {
    stream->since = now;
    stream->used = 0;
    tell_dropped(stream);
  }
  if (stream->used++ < stream->rate) return true;
  stream->dropped++;
  tell_later(stream);
  return false;
}

static void write_line(void *ctx, const char *text, size_t size) {
  rs_stream *stream = ctx;
  rs_engine *engine = stream->engine;
  if (stream->file) {
    rs_probes_line(engine, stream->unit, stream->inc, stream->name, text, size);
    return;
  }
  if (!may_pass(stream)) return;
  if (engine->ended) {
    rs_entry_output(engine, stream->unit, stream->inc, stream->name, text, size);
    return;
  }
  rs_event note = {.kind = RS_NOTE_OUTPUT, .unit = stream->unit, .inc = stream->inc};
  note.a = strcmp(stream->name, "stderr") == 0 ? 2 : 1;
  note.text = rs_texts_put(&engine->texts, text, size);
  rs_engine_put(engine, note);
}

static void take(rs_stream *stream, size_t size) {
  if (stream->file) write_file(stream, size);
  if (!stream->file || rs_probes_read_lines(stream->engine))
    rs_lines_take(&stream->lines, chunk, size);
}

/* True while there may be more. */
static bool read_some(rs_stream *stream) {
  ssize_t got = read(stream->watch->fd, chunk, sizeof chunk);
  if (got > 0) {
    take(stream, (size_t)got);
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  if (got == 0 || errno != EAGAIN) rs_watch_end(&stream->watch);
  return false;
}

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
  stream->lines.call = write_line;
  stream->lines.ctx = stream;
  stream->watch = rs_watch_new(&engine->loop, fd, on_readable, stream);
  return stream;
}

void rs_stream_is_of(rs_stream *stream, uint32_t unit, uint32_t inc) {
  stream->unit = unit;
  stream->inc = inc;
}

void rs_stream_read(rs_stream *stream, bool on) {
  if (stream && stream->watch) rs_watch_set(stream->watch, on ? UV_READABLE : 0);
}

/* A pipe holds less than this many chunks; another process may go on writing. */
void rs_stream_drain(rs_stream *stream) {
  ssize_t got = 1;
  for (int i = 0; i < CHUNKS_LAST && stream->watch && got > 0; i++) {
    got = read(stream->watch->fd, chunk, sizeof chunk);
    if (got > 0) take(stream, (size_t)got);
    if (got < 0 && errno == EINTR) got = 1;
  }
  rs_lines_end(&stream->lines);
  tell_dropped(stream);
}

void rs_stream_end(rs_stream **stream) {
  rs_stream *old = *stream;
  if (!old) return;
  *stream = NULL;
  rs_stream_drain(old);
  rs_watch_end(&old->tell);
  rs_watch_end(&old->watch);
  rs_lines_free(&old->lines);
  rs_rotate_free(&old->file);
  free(old);
}
