#define _GNU_SOURCE
#include "children.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* libc's P_PIDFD is an enum constant of newer headers only. */
enum { BY_PIDFD = 3, AWAIT_MS = 1 };

static rs_child **bucket_of(const rs_children *children, pid_t pid) {
  rs_child *const *bucket = &children->bucket[(unsigned)pid % RS_CHILD_BUCKETS];
  return (rs_child **)(uintptr_t)bucket;
}

rs_child *rs_children_find(const rs_children *children, pid_t pid) {
  rs_child *child = *bucket_of(children, pid);
  while (child && child->pid != pid) child = child->next;
  return child;
}

static void forget(rs_children *children, rs_child *child) {
  rs_child **at = bucket_of(children, child->pid);
  while (*at != child) at = &(*at)->next;
  *at = child->next;
  rs_watch_end(&child->watch);
  child->pid = 0;
}

/* As wait(2) would have told. */
static int status_of(const siginfo_t *info) {
  if (info->si_code == CLD_EXITED) return (info->si_status & 0xff) << 8;
  return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

void rs_children_look(rs_children *children, rs_child *child) {
  siginfo_t info = {0};
  if (children->before) children->before(children->before_ctx);
  if (child->pid == 0) return;
  int code =
    waitid((idtype_t)BY_PIDFD, (id_t)child->watch->fd, &info, WEXITED | WNOHANG);
  if (code == 0 && info.si_pid == 0) return;
  if (code != 0 && errno != ECHILD) return;
  forget(children, child);
  child->ended(child, code == 0 ? status_of(&info) : SIGKILL);
}

static void on_readable(void *ctx, rs_watch *watch, int events) {
  rs_child *child = watch->poll.loop->data ? ctx : NULL;
  (void)events;
  if (child) rs_children_look(watch->poll.loop->data, child);
}

int rs_children_add(rs_children *children, rs_child *child, pid_t pid) {
  siginfo_t info = {0};
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return -errno;
  if (waitid((idtype_t)BY_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    close(fd);
    return -ECHILD;
  }
  child->watch = rs_watch_new(children->loop, fd, on_readable, child);
  if (!child->watch) return -ENOMEM;
  child->pid = pid;
  child->next = *bucket_of(children, pid);
  *bucket_of(children, pid) = child;
  return 0;
}

void rs_child_signal(const rs_child *child, int sig) {
  if (child->pid != 0) syscall(SYS_pidfd_send_signal, child->watch->fd, sig, NULL, 0);
}

void rs_child_await(const rs_child *child) {
  if (child->pid == 0) return;
  struct pollfd end = {.fd = child->watch->fd, .events = POLLIN};
  poll(&end, 1, AWAIT_MS);
}

void rs_children_reap(rs_children *children) {
  for (;;) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
    if (info.si_pid == 0) return;
    if (children->before) children->before(children->before_ctx);
    rs_child *known = rs_children_find(children, info.si_pid);
    if (known) rs_children_look(children, known);
    else waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
  }
}
