/* One message is one packet: the head, the text, and descriptors beside them. */
#define _GNU_SOURCE
#include "ctl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors and the sender's credentials, aligned as the kernel asks. */
typedef union control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(RS_CTL_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
} control;

int rs_ctl_send(int fd, const rs_ctl *ctl, const void *text, const int *fds,
                uint32_t fd_count) {
  if (ctl->size > RS_CTL_MAX || fd_count > RS_CTL_FDS) return -EMSGSIZE;
  rs_ctl head = *ctl;
  struct iovec parts[2] = {{&head, sizeof head}, {(void *)(uintptr_t)text, ctl->size}};
  struct msghdr msg = {.msg_iov = parts, .msg_iovlen = ctl->size > 0 ? 2 : 1};
  control room = {0};
  if (fd_count > 0) {
    msg.msg_control = room.bytes;
    msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
  }
  ssize_t done;
  do done = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (done < 0 && errno == EINTR);
  return done < 0 ? -errno : 0;
}

static void close_all(rs_ctl_got *got) {
  for (uint32_t i = 0; i < got->fd_count; i++) close(got->fds[i]);
  got->fd_count = 0;
}

/* Takes descriptors and credentials out of the message's control part. */
static void unpack(struct msghdr *msg, rs_ctl_got *got) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_CREDENTIALS) {
      struct ucred cred;
      memcpy(&cred, CMSG_DATA(c), sizeof cred);
      got->pid = cred.pid;
    }
    if (c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (got->fd_count < RS_CTL_FDS) got->fds[got->fd_count++] = fd;
      else close(fd);
    }
  }
}

int rs_ctl_receive(int fd, rs_ctl_got *got) {
  got->fd_count = 0;
  got->pid = 0;
  got->ctl = (rs_ctl){0};
  struct iovec parts[2] = {{&got->ctl, sizeof got->ctl}, {got->text, RS_CTL_MAX}};
  control room;
  struct msghdr msg = {.msg_iov = parts,
                       .msg_iovlen = 2,
                       .msg_control = room.bytes,
                       .msg_controllen = sizeof room.bytes};
  ssize_t size;
  do size = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (size < 0 && errno == EINTR);
  if (size < 0) return errno == ECONNRESET ? 0 : -errno;
  unpack(&msg, got);
  if (size == 0 && got->fd_count == 0) return 0;
  bool whole = (size_t)size >= sizeof got->ctl && !(msg.msg_flags & MSG_TRUNC) &&
               (size_t)size - sizeof got->ctl == got->ctl.size;
  bool fits = !(msg.msg_flags & MSG_CTRUNC);
  if (!whole || !fits) close_all(got);
  if (!whole) return -EPROTO;
  got->text[got->ctl.size] = '\0';
  return fits ? 1 : -EMFILE;
}

int rs_ctl_pair(int fds[2]) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return -errno;
  const int on = 1;
  for (int i = 0; i < 2; i++) {
    if (setsockopt(fds[i], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0) continue;
    int code = -errno;
    close(fds[0]);
    close(fds[1]);
    return code;
  }
  return 0;
}
