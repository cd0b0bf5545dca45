#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "act.h"
#include "ask.h"
#include "../journal/entry.h"
#include "peer.h"
#include "tail.h"

enum { ACCEPTS = 8, AGAIN_MS = 1000, FAREWELL = 200 * RS_MS };

/* Where it is to be. `chosen`: somebody said so. */
static char *choose(const rs_engine *engine, const char *name, bool *chosen) {
  const char *folder = getenv("XDG_RUNTIME_DIR");
  const char *path = engine->options->socket;
  if (!path || !*path) path = getenv("RUNSMITH_SOCKET");
  *chosen = path && *path;
  if (*chosen && path[0] == '/') return strdup(path);
  rs_bytes text = {0};
  char here[4096];
  if (*chosen) {
    if (getcwd(here, sizeof here)) rs_bytes_text(&text, here);
    rs_bytes_text(&text, "/");
    rs_bytes_text(&text, path);
  } else {
    rs_bytes_text(&text, folder && *folder ? folder : "/run");
    rs_bytes_text(&text, "/runsmith/");
    rs_bytes_text(&text, name);
    rs_bytes_text(&text, ".sock");
  }
  rs_bytes_add(&text, "", 1);
  return text.at;
}

/* Makes the folders above it that are missing. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0755);
    *slash = '/';
  }
}

/* One host at a time looks whether a socket is stale: by a lock on its folder. */
static int lock_folder(char *path) {
  char *slash = strrchr(path, '/');
  *slash = 0;
  int fd = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  *slash = '/';
  struct timespec pause = {.tv_nsec = 10 * RS_MS};
  for (int i = 0; i < 100 && fd >= 0; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) break;
    nanosleep(&pause, NULL); /* at the host's start; held for a moment by another */
  }
  return fd;
}

/* True if somebody listens there; if in doubt. */
static bool answers(const struct sockaddr_un *address) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return true;
  int code = connect(fd, (const struct sockaddr *)address, sizeof *address);
  bool refused = code != 0 && (errno == ECONNREFUSED || errno == ENOENT);
  close(fd);
  return !refused;
}

static int bind_it(int fd, const struct sockaddr_un *address) {
  mode_t mask = umask(0177);
  int code = bind(fd, (const struct sockaddr *)address, sizeof *address);
  code = code == 0 ? 0 : -errno;
  umask(mask);
  return code;
}

/* The listening socket, or a negative errno: -EADDRINUSE is another host, -ENOTSOCK a
** file of somebody's. */
static int listen_at(char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct stat st;
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  make_folders(path);
  int lock = lock_folder(path);
  int code = bind_it(fd, &address);
  if (code == -EADDRINUSE && lstat(path, &st) == 0) {
    if (!S_ISSOCK(st.st_mode)) code = -ENOTSOCK;
    else if (!answers(&address) && unlink(path) == 0) code = bind_it(fd, &address);
  }
  if (code == 0 && listen(fd, 128) != 0) code = -errno;
  if (lock >= 0) close(lock);
  if (code == 0) return fd;
  close(fd);
  return code;
}

/* Who was silent for longest and waits for nothing makes room. */
static bool make_room(struct rs_control *control) {
  if (control->count < RS_CONTROL_PEERS) return true;
  for (rs_peer *peer = control->first; peer; peer = peer->next) {
    if (peer->flight > 0 || peer->job || peer->tail || peer->ending) continue;
    rs_peer_dismiss(peer, "busy", "too many clients; this one was silent for longest");
    rs_peer_flush(peer);
    rs_peer_drop(peer);
    return true;
  }
  return false;
}

static void on_again(uv_timer_t *timer) {
  rs_engine *engine = timer->data;
  rs_watch_set(engine->control->listen, UV_READABLE);
}

static void on_listen(void *ctx, rs_watch *watch, int events) {
  static const char full[] = "{\"id\":null,\"ok\":false,\"error\":{\"code\":\"busy\","
                             "\"message\":\"too many clients\"}}\n";
  rs_engine *engine = ctx;
  (void)events;
  for (int i = 0; i < ACCEPTS; i++) {
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
      rs_watch_set(watch, 0);
      uv_timer_start(&engine->control->again, on_again, AGAIN_MS, 0);
    }
    if (fd < 0) return;
    if (make_room(engine->control)) {
      rs_peer_new(engine, fd);
      continue;
    }
    if (send(fd, full, sizeof full - 1, MSG_NOSIGNAL) < 0) rs_engine_again(engine);
    close(fd);
  }
}

static void begin(rs_engine *engine, const char *name, char *path, int fd) {
  struct rs_control *control = rs_base_new(sizeof *control);
  control->path = path;
  control->root = strdup(name);
  control->listen = rs_watch_new(&engine->loop, fd, on_listen, engine);
  control->again.data = engine;
  uv_timer_init(&engine->loop, &control->again);
  engine->control = control;
  setenv("RUNSMITH_SOCKET", path, 1); /* for what the engine starts from now on */
}

int rs_control_open(rs_engine *engine, const char *name, char *why, size_t why_size) {
  bool chosen;
  if (engine->control) return 0;
  char *path = choose(engine, name, &chosen);
  int fd = listen_at(path);
  *why = 0;
  if (fd >= 0) {
    begin(engine, name, path, fd);
    return 0;
  }
  if (fd == -EADDRINUSE)
    snprintf(why, why_size, "a host is running at %s already", path);
  else if (fd == -ENOTSOCK)
    snprintf(why, why_size, "no control socket at %s: a file is there", path);
  else if (fd == -ENAMETOOLONG)
    snprintf(why, why_size, "no control socket at %s: its path has at most %zu bytes",
             path, sizeof((struct sockaddr_un *)0)->sun_path - 1);
  else snprintf(why, why_size, "no control socket at %s: %s", path, strerror(-fd));
  bool refuse = chosen || fd == -EADDRINUSE || fd == -ENOTSOCK;
  free(path);
  return refuse ? -1 : 0;
}

const char *rs_control_path(const rs_engine *engine) {
  return engine->control ? engine->control->path : NULL;
}

void rs_control_hear(rs_engine *engine) {
  struct rs_control *control = engine->control;
  if (!control) return;
  rs_time until = rs_base_now() + RS_CONTROL_SLICE;
  while (control->busy_first && rs_base_now() < until) {
    rs_peer *peer = control->busy_first;
    if (!rs_peer_step(peer)) continue;
    rs_peer_later(peer);
  }
  if (control->busy_first) rs_engine_again(engine);
}

void rs_control_gone(rs_engine *engine, uint32_t unit, bool completed) {
  if (engine->control) rs_act_gone(engine, unit, completed);
}

void rs_control_tell(rs_engine *engine) {
  struct rs_control *control = engine->control;
  if (!control) return;
  bool more = rs_act_look(engine);
  if (control->asks) rs_ask_look(engine);
  if (control->told != engine->journal.end)
    for (rs_peer *peer = control->first; peer; peer = peer->next)
      if (peer->tail && peer->out.size < RS_PEER_FULL) rs_peer_busy(peer);
  control->told = engine->journal.end;
  if (more || control->busy_first) rs_engine_again(engine);
}

/* What was said last is given a moment to get out. */
static void say_farewell(struct rs_control *control) {
  rs_time until = rs_base_now() + FAREWELL;
  for (rs_peer *peer = control->first; peer; peer = peer->next) {
    for (;;) {
      rs_peer_flush(peer);
      rs_time left = until - rs_base_now();
      if (peer->out.size == 0 || left <= 0) break;
      struct pollfd waited = {.fd = peer->watch->fd, .events = POLLOUT};
      poll(&waited, 1, (int)(left / RS_MS) + 1);
    }
  }
}

void rs_control_end(rs_engine *engine) {
  struct rs_control *control = engine->control;
  if (!control) return;
  unlink(control->path);
  rs_act_end(engine);
  for (rs_peer *peer = control->first; peer; peer = peer->next)
    for (int i = 0; i < 100 && peer->tail && !peer->job; i++)
      if (peer->out.size >= RS_PEER_FULL || !rs_tail_step(peer)) break;
  say_farewell(control);
  while (control->first) rs_peer_drop(control->first);
  rs_watch_end(&control->listen);
}
