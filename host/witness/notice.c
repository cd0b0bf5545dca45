#define _GNU_SOURCE
#include "notice.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fd = -1;

int rs_notice_signal(void) { return SIGRTMIN; }

void rs_notice_begin(void) {
  const char *name = getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t size = name ? strlen(name) : 0;
  if (size == 0 || (name[0] != '/' && name[0] != '@')) return;
  if (size >= sizeof address.sun_path) return;
  memcpy(address.sun_path, name, size);
  if (name[0] == '@') address.sun_path[0] = 0;
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) == 0) return;
  close(fd);
  fd = -1;
}

void rs_notice_send(int what) {
  char text[80] = "";
  if (what == RS_NOTICE_WATCHDOG) strcpy(text, "WATCHDOG=1");
  if (what == RS_NOTICE_STOPPING) strcpy(text, "STOPPING=1\nSTATUS=stopping");
  if (what == RS_NOTICE_READY)
    snprintf(text, sizeof text, "READY=1\nSTATUS=ready\nMAINPID=%d", (int)getpid());
  if (fd < 0 || !text[0]) return;
  ssize_t sent = send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)sent;
}

void rs_notice_ask(pid_t witness, int what) {
  if (witness > 0) sigqueue(witness, SIGRTMIN, (union sigval){.sival_int = what});
}
