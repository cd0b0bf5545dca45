#include "watch.h"

#include <stdlib.h>
#include <unistd.h>

static void on_poll(uv_poll_t *poll, int status, int events) {
  rs_watch *watch = poll->data;
  /* An error is for the read or write that follows to find. */
  watch->call(watch->ctx, watch, status < 0 ? watch->events : events);
}

static void on_close(uv_handle_t *handle) { free(handle->data); }

void rs_watch_set(rs_watch *watch, int events) {
  if (watch->events == events) return;
  watch->events = events;
  if (events == 0) uv_poll_stop(&watch->poll);
  else uv_poll_start(&watch->poll, events, on_poll);
}

rs_watch *rs_watch_new(uv_loop_t *loop, int fd,
                       void (*call)(void *ctx, rs_watch *watch, int events),
                       void *ctx) {
  rs_watch *watch = rs_base_new(sizeof *watch);
  watch->fd = fd;
  watch->call = call;
  watch->ctx = ctx;
  watch->poll.data = watch;
  if (uv_poll_init(loop, &watch->poll, fd) != 0) {
    close(fd);
    free(watch);
    return NULL;
  }
  rs_watch_set(watch, UV_READABLE);
  return watch;
}

void rs_watch_end(rs_watch **watch) {
  rs_watch *old = *watch;
  if (!old) return;
  *watch = NULL;
  uv_poll_stop(&old->poll);
  uv_close((uv_handle_t *)&old->poll, on_close);
  close(old->fd);
}
