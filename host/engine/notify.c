#define _GNU_SOURCE
#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void send_text(const rs_notify *notify, const char *text) {
  if (notify->fd < 0) return;
  ssize_t sent = send(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)sent;
}

static int connect_to(const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t size = strlen(name);
  if ((name[0] != '/' && name[0] != '@') || size >= sizeof address.sun_path) return -1;
  memcpy(address.sun_path, name, size);
  if (name[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) == 0) return fd;
  close(fd);
  return -1;
}

static void on_watchdog(uv_timer_t *timer) {
  const rs_engine *engine = timer->data;
  send_text(&engine->notify, "WATCHDOG=1");
}

/* WATCHDOG_USEC is for the process that it names; the witness speaks for the engine. */
static uint64_t watchdog_ms(const rs_engine *engine) {
  const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (!usec) return 0;
  long named = pid ? strtol(pid, NULL, 10) : 0;
  if (pid && named != getpid() && named != engine->options->witness) return 0;
  return strtoull(usec, NULL, 10) / 2000;
}

void rs_notify_begin(rs_engine *engine) {
  const char *name = getenv("NOTIFY_SOCKET");
  rs_notify *notify = &engine->notify;
  notify->fd = name ? connect_to(name) : -1;
  notify->watchdog.data = engine;
  uv_timer_init(&engine->loop, &notify->watchdog);
  uint64_t every = watchdog_ms(engine);
  if (notify->fd >= 0 && every > 0)
    uv_timer_start(&notify->watchdog, on_watchdog, every, every);
}

void rs_notify_look(rs_engine *engine) {
  rs_notify *notify = &engine->notify;
  rs_view root;
  char text[128];
  if (notify->fd < 0 || notify->ready || !engine->applied) return;
  if (!rs_core_view(engine->core, 0, &root) || !root.ready) return;
  notify->ready = true;
  snprintf(text, sizeof text, "MAINPID=%d", (int)engine->options->witness);
  if (engine->options->witness > 0) send_text(notify, text);
  send_text(notify, "READY=1\nSTATUS=ready");
}

void rs_notify_stopping(rs_engine *engine) {
  send_text(&engine->notify, "STOPPING=1\nSTATUS=stopping");
}
