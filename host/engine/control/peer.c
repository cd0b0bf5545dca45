#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act.h"
#include "ask.h"
#include "change.h"
#include "../reload/confirm.h"
#include "../base/json.h"
#include "request.h"
#include "tail.h"

rs_bytes *rs_peer_line(rs_peer *peer) { return peer->job ? &peer->later : &peer->out; }

void rs_peer_begin(rs_bytes *out, const char *id) {
  rs_bytes_text(out, "{\"id\":");
  rs_bytes_text(out, id);
  rs_bytes_text(out, ",\"ok\":true,\"result\":");
}

static void put_error(rs_bytes *out, const char *id, const char *code,
                      const char *message) {
  rs_bytes_text(out, "{\"id\":");
  rs_bytes_text(out, id);
  rs_bytes_text(out, ",\"ok\":false,\"error\":{\"code\":");
  rs_json_string(out, code, strlen(code));
  rs_json_name(out, "message", message);
  rs_bytes_text(out, "}}\n");
}

void rs_peer_refuse(rs_peer *peer, const char *id, const char *code, const char *format,
                    ...) {
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  put_error(rs_peer_line(peer), id, code, message);
  rs_peer_busy(peer);
}

void rs_peer_dismiss(rs_peer *peer, const char *code, const char *why) {
  if (peer->ending) return;
  if (!peer->job) put_error(&peer->out, "null", code, why);
  peer->ending = true;
  rs_peer_busy(peer);
}

void rs_peer_name(const rs_peer *peer, char *text, size_t size) {
  snprintf(text, size, "uid %u, pid %d (%s)", (unsigned)peer->uid, (int)peer->pid,
           peer->command);
}

void rs_peer_busy(rs_peer *peer) {
  struct rs_control *control = peer->engine->control;
  if (peer->busy) return;
  peer->busy = true;
  peer->busy_next = NULL;
  peer->busy_prev = control->busy_last;
  if (control->busy_last) control->busy_last->busy_next = peer;
  else control->busy_first = peer;
  control->busy_last = peer;
}

static void leave_busy(rs_peer *peer) {
  struct rs_control *control = peer->engine->control;
  if (!peer->busy) return;
  peer->busy = false;
  if (peer->busy_prev) peer->busy_prev->busy_next = peer->busy_next;
  else control->busy_first = peer->busy_next;
  if (peer->busy_next) peer->busy_next->busy_prev = peer->busy_prev;
  else control->busy_last = peer->busy_prev;
}

void rs_peer_later(rs_peer *peer) {
  leave_busy(peer);
  rs_peer_busy(peer);
}

static void leave(rs_peer *peer) {
  struct rs_control *control = peer->engine->control;
  if (peer->prev) peer->prev->next = peer->next;
  else control->first = peer->next;
  if (peer->next) peer->next->prev = peer->prev;
  else control->last = peer->prev;
  control->count--;
}

static void enter(rs_peer *peer) {
  struct rs_control *control = peer->engine->control;
  peer->next = NULL;
  peer->prev = control->last;
  if (control->last) control->last->next = peer;
  else control->first = peer;
  control->last = peer;
  control->count++;
}

static void on_timer_closed(uv_handle_t *handle) { free(handle); }

void rs_peer_drop(rs_peer *peer) {
  leave_busy(peer);
  leave(peer);
  rs_act_forget(peer);
  rs_ask_forget(peer);
  rs_change_forget(peer);
  rs_confirm_forget(peer);
  if (peer->job) peer->job->free(peer->job);
  rs_tail_free(&peer->tail);
  rs_watch_end(&peer->watch);
  uv_close((uv_handle_t *)peer->patience, on_timer_closed);
  rs_bytes_free(&peer->in);
  rs_bytes_free(&peer->out);
  rs_bytes_free(&peer->later);
  free(peer);
}

/* A client that reads slowly what it subscribed to loses entries, and is told. */
static bool owes(const rs_peer *peer) {
  if (peer->out.size > 0) return peer->ending || !peer->tail;
  return peer->in.size > 0 || !peer->spoke;
}

static void on_patience(uv_timer_t *timer) {
  rs_peer *peer = timer->data;
  if (peer->busy) uv_timer_start(timer, on_patience, RS_PEER_PATIENCE, 0);
  if (peer->busy || !owes(peer)) return;
  if (peer->out.size > 0) {
    rs_peer_drop(peer);
    return;
  }
  rs_peer_dismiss(peer, "slow", "no whole line in 10 s");
}

static void wait_patiently(rs_peer *peer) {
  uv_update_time(&peer->engine->loop);
  uv_timer_start(peer->patience, on_patience, RS_PEER_PATIENCE, 0);
}

static bool is_full(const rs_peer *peer) { return peer->out.size >= RS_PEER_FULL; }

/* For what it is watched until its next step. */
static void arm(rs_peer *peer) {
  int events = peer->out.size > 0 ? UV_WRITABLE : 0;
  bool hears = !peer->ending && !peer->deaf && !peer->job && !is_full(peer);
  if (hears && peer->in.size < RS_PEER_LINE) events |= UV_READABLE;
  if (events == 0) events = UV_PRIORITIZED; /* a socket's end comes with any */
  rs_watch_set(peer->watch, events);
  bool waits = uv_is_active((const uv_handle_t *)peer->patience);
  if (owes(peer) && !waits) wait_patiently(peer);
}

void rs_peer_flush(rs_peer *peer) {
  while (peer->out.size > 0) {
    ssize_t done = send(peer->watch->fd, peer->out.at, peer->out.size, MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno != EAGAIN) {
      peer->ending = true;
      peer->out.size = 0;
    }
    if (done <= 0) return;
    rs_bytes_drop(&peer->out, (size_t)done);
    wait_patiently(peer);
  }
}

/* Reads what there is, one chunk. */
static void read_some(rs_peer *peer) {
  static char chunk[RS_PEER_LINE];
  size_t room = RS_PEER_LINE - peer->in.size;
  ssize_t got = room > 0 ? read(peer->watch->fd, chunk, room) : -1;
  if (got > 0) rs_bytes_add(&peer->in, chunk, (size_t)got);
  else if (got == 0 || (room > 0 && errno != EAGAIN && errno != EINTR))
    peer->deaf = true;
}

/* Nothing is read here: the loop calls for all that are heard of at once, and what they
** say is heard in their turn. */
static void on_peer(void *ctx, rs_watch *watch, int events) {
  rs_peer *peer = ctx;
  rs_watch_set(watch, 0);
  peer->speaks = events & UV_READABLE;
  if (events & UV_PRIORITIZED) { /* it has hung up altogether */
    peer->ending = true;
    peer->out.size = 0;
  }
  leave(peer);
  enter(peer); /* at the end: it was heard of last */
  rs_peer_busy(peer);
}

/* Takes one whole line; false: there is none. */
static bool take_line(rs_peer *peer) {
  if (peer->in.size == 0 || peer->ending) return false;
  const char *end = memchr(peer->in.at, '\n', peer->in.size);
  if (!end) {
    if (peer->in.size < RS_PEER_LINE) return false;
    rs_peer_dismiss(peer, "oversized", "a request has at most 64 KiB");
    return true;
  }
  size_t size = (size_t)(end - peer->in.at);
  peer->in.at[size] = 0;
  peer->spoke = true;
  wait_patiently(peer);
  rs_request_take(peer, peer->in.at, size);
  rs_bytes_drop(&peer->in, size + 1);
  return true;
}

static void go_on(rs_peer *peer) {
  rs_job *job = peer->job;
  if (job->more(peer, job)) return;
  if (peer->job == job) peer->job = NULL;
  job->free(job);
  if (peer->job) return; /* one job may lead to another */
  rs_bytes_add(&peer->out, peer->later.at, peer->later.size);
  rs_bytes_free(&peer->later);
}

bool rs_peer_step(rs_peer *peer) {
  bool more = true, stuffed = is_full(peer);
  if (peer->speaks) read_some(peer);
  peer->speaks = false;
  if (!peer->ending && !stuffed) {
    if (peer->job) go_on(peer);
    else if (rs_tail_ends(peer->tail)) rs_tail_step(peer);
    else if (!take_line(peer)) more = peer->tail && rs_tail_step(peer);
  }
  rs_peer_flush(peer);
  if (peer->ending || is_full(peer)) more = false;
  bool over = peer->deaf && !more && !is_full(peer) && peer->flight == 0 && !peer->tail;
  if ((over || peer->ending) && peer->out.size == 0) {
    rs_peer_drop(peer);
    return false;
  }
  if (more) return true; /* of one that was full there may be */
  leave_busy(peer);
  arm(peer);
  return false;
}

static void name_it(rs_peer *peer) {
  struct ucred who = {.uid = (uid_t)-1};
  socklen_t size = sizeof who;
  getsockopt(peer->watch->fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
  peer->uid = who.uid;
  peer->pid = who.pid;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/comm", (int)who.pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, peer->command, sizeof peer->command - 1);
  if (fd >= 0) close(fd);
  if (got > 0) peer->command[strcspn(peer->command, "\n")] = 0;
  else strcpy(peer->command, "?");
}

void rs_peer_new(rs_engine *engine, int fd) {
  rs_peer *peer = rs_base_new(sizeof *peer);
  peer->engine = engine;
  peer->watch = rs_watch_new(&engine->loop, fd, on_peer, peer);
  if (!peer->watch) {
    free(peer);
    return;
  }
  peer->patience = rs_base_new(sizeof *peer->patience);
  peer->patience->data = peer;
  uv_timer_init(&engine->loop, peer->patience);
  enter(peer);
  name_it(peer);
  wait_patiently(peer);
  if (peer->uid != geteuid() && peer->uid != 0)
    rs_peer_dismiss(peer, "forbidden", "only this host's user and root may ask");
}
