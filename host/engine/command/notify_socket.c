/* The socket on which units that are programs say how they are: one for the host. Who
** speaks is told by the kernel; whom it belongs to, by its cgroup, else by session,
** group and descent, else, for an orphan, by the mark in its first environment. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "command_parts.h"
#include "../journal/entry.h"
#include "notify_text.h"

enum { FDS_MAX = 16, TURN = 64, ALL = 1024, DEPTH_MAX = 32, WARN = 2, INFO = 1 };

/* One message: who sent it, and what. */
typedef struct rs_message {
  char bytes[RS_NOTIFY_MAX + 1];
  size_t size;
  pid_t pid; /* 0: not known */
  int fds[FDS_MAX];
  size_t fd_count;
} rs_message;

static void take_control(rs_message *message, struct msghdr *head) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
    size_t size = c->cmsg_len - CMSG_LEN(0);
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_CREDENTIALS && size >= sizeof(struct ucred)) {
      struct ucred from;
      memcpy(&from, CMSG_DATA(c), sizeof from);
      message->pid = from.pid;
    } else if (c->cmsg_type == SCM_RIGHTS) {
      size_t count = size / sizeof(int), room = FDS_MAX - message->fd_count;
      if (count > room) count = room;
      memcpy(message->fds + message->fd_count, CMSG_DATA(c), count * sizeof(int));
      message->fd_count += count;
    }
  }
}

/* 1, 0 when there is none, or -1 for one that cannot be taken. */
static int receive(int fd, rs_message *message) {
  union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
  } control;
  struct iovec part = {message->bytes, RS_NOTIFY_MAX};
  struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
  head.msg_controllen = sizeof control;
  message->pid = 0;
  message->fd_count = 0;
  ssize_t got = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return errno == EINTR ? -1 : 0;
  message->size = (size_t)got;
  take_control(message, &head);
  return head.msg_flags & MSG_TRUNC ? -1 : 1;
}

static rs_command *by_leader(const rs_engine *engine, pid_t pid) {
  rs_command *command;
  rs_child *child = pid > 1 ? rs_children_find(&engine->children, pid) : NULL;
  return rs_command_of_child(child, &command) ? command : NULL;
}

/* By itself, its session, its group, or whom it descends from. */
static rs_command *by_kin(const rs_engine *engine, pid_t pid) {
  rs_command *command = by_leader(engine, pid);
  for (int depth = 0; !command && depth < DEPTH_MAX && pid > 1; depth++) {
    rs_kin kin = rs_family_kin(pid);
    if (kin.state == 'X') return NULL;
    command = by_leader(engine, kin.session);
    if (!command) command = by_leader(engine, kin.group);
    if (!command) command = by_leader(engine, kin.parent);
    pid = kin.parent;
  }
  return command;
}

/* An orphan of the host's, or below one: what no other part of it answers for. */
static bool is_orphan(const rs_engine *engine, pid_t pid) {
  for (int depth = 0; depth < DEPTH_MAX && pid > 1; depth++) {
    rs_kin kin = rs_family_kin(pid);
    if (kin.state == 'X') return false;
    if (kin.parent == getpid()) return !rs_children_find(&engine->children, pid);
    pid = kin.parent;
  }
  return false;
}

/* An orphan in a session of its own has nothing but its mark. Anybody may bear one, so
** it is believed only where no cgroup knows better, and only of an orphan: a stranger
** is not below this process, and a worker's program is below its runner. */
static rs_command *by_mark(const rs_engine *engine, pid_t pid) {
  if (!is_orphan(engine, pid)) return NULL;
  for (rs_command *command = engine->commands; command; command = command->next)
    if (!command->group.at[RS_CG_UNIFIED] && command->family.mark &&
        rs_family_has_mark(pid, command->family.mark))
      return command;
  return NULL;
}

static rs_command *sender_of(rs_engine *engine, pid_t pid) {
  uint32_t id, number;
  if (pid <= 0) return NULL;
  if (rs_cgroup_find(&engine->cgroups, pid, &id, &number)) {
    const rs_unit *unit = id < engine->unit_room ? &engine->units[id] : NULL;
    rs_command *command = unit ? unit->command : NULL;
    return command && command->group.number == number ? command : NULL;
  }
  rs_command *command = by_kin(engine, pid);
  return command ? command : by_mark(engine, pid);
}

/* At most one a second is told, with how many came since the last. */
static void tell_foreign(rs_engine *engine, const rs_message *message) {
  rs_ear *ear = &engine->ear;
  rs_time now = rs_base_now();
  ear->untold++;
  if (ear->told != 0 && now - ear->told < RS_SECOND) return;
  bool gone = message->pid <= 0 || rs_family_kin(message->pid).state == 'X';
  size_t size = strcspn(message->bytes, "\n");
  rs_entry_log(engine, RS_NONE, RS_NONE, WARN,
               "%llu notifications ignored; the last (%.*s) from process %d, which %s",
               (unsigned long long)ear->untold, (int)(size < 64 ? size : 64),
               message->bytes, (int)message->pid,
               gone ? "has ended" : "is of no command");
  ear->told = now;
  ear->untold = 0;
}

static void put(const rs_command *command, uint32_t kind, rs_time x, uint64_t text) {
  rs_event event = {.kind = kind, .unit = command->unit, .inc = command->inc, .x = x};
  event.at = rs_base_now();
  event.text = text;
  rs_engine_put(command->engine, event);
}

static void take_main(rs_command *command, pid_t pid) {
  if (sender_of(command->engine, pid) == command) command->main_pid = pid;
  else
    rs_entry_log(command->engine, command->unit, command->inc, WARN,
                 "MAINPID=%d ignored: not of this unit", (int)pid);
}

static void take_status(rs_command *command, const rs_notify_text *said) {
  size_t size = said->status_size < RS_STATUS_MAX ? said->status_size : RS_STATUS_MAX;
  command->status.size = 0;
  rs_bytes_add(&command->status, said->status, size);
}

/* What only the program itself may say, not its `pre` or `post`. */
static void take_own(rs_command *command, const rs_notify_text *said) {
  const rs_plan_exec *exec = rs_command_exec(command, NULL);
  if (said->has & RS_SAYS_MAINPID) take_main(command, said->main_pid);
  if (said->has & RS_SAYS_WATCHDOG) {
    command->beat = rs_base_now();
    command->beats = true;
  }
  if (said->has & RS_SAYS_RELOADING)
    rs_entry_log(command->engine, command->unit, command->inc, INFO, "it reloads");
  if (said->has & RS_SAYS_READY && exec->ready == RS_READY_NOTIFY)
    rs_ready_tell(command);
  if (said->has & RS_SAYS_STOPPING) put(command, RS_EV_TERMINATING, 0, 0);
  if (said->has & RS_SAYS_TRIGGER)
    put(command, RS_EV_PROTOCOL, 0,
        rs_texts_print(&command->engine->texts, "it said WATCHDOG=trigger"));
}

static void hear(rs_engine *engine, const rs_message *message) {
  rs_notify_text said = rs_notify_read(message->bytes, message->size);
  rs_command *command = sender_of(engine, message->pid);
  if (!command) {
    /* A barrier alone says nothing; who sends it may be gone before it is read. */
    if (said.has != RS_SAYS_BARRIER) tell_foreign(engine, message);
    return;
  }
  rs_step_settle(command); /* `started` comes first */
  if (said.has & RS_SAYS_STATUS) take_status(command, &said);
  if (said.has & RS_SAYS_EXTEND) put(command, RS_EV_EXTEND, said.extend, 0);
  if (command->step == RS_STEP_MAIN && command->child.pid != 0)
    take_own(command, &said);
}

/* A barrier's descriptor is closed once all that came before it was heard. */
static void listen_to(rs_engine *engine, int most) {
  static rs_message message;
  rs_ear *ear = &engine->ear;
  if (!ear->socket || ear->busy) return;
  ear->busy = true;
  for (int i = 0; i < most; i++) {
    int code = receive(ear->socket->fd, &message);
    if (code == 0) break;
    message.bytes[message.size < RS_NOTIFY_MAX ? message.size : RS_NOTIFY_MAX] = 0;
    if (code > 0) hear(engine, &message);
    for (size_t f = 0; f < message.fd_count; f++) close(message.fds[f]);
  }
  ear->busy = false;
}

static void on_readable(void *ctx, rs_watch *watch, int events) {
  (void)watch;
  (void)events;
  listen_to(ctx, TURN);
}

void rs_notify_hear(rs_engine *engine) { listen_to(engine, ALL); }

/* Who has said something and ended is heard before he is forgotten. */
static void before_reaping(void *ctx) { rs_notify_hear(ctx); }

/* An abstract name: no file, so nothing is left, and a unit of another user
** reaches it. */
const char *rs_notify_socket(rs_engine *engine) {
  rs_ear *ear = &engine->ear;
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int yes = 1;
  if (ear->socket) return ear->name;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return NULL;
  int size = snprintf(ear->name, sizeof ear->name, "@runsmith-%d-%s", (int)getpid(),
                      engine->boot);
  memcpy(name.sun_path + 1, ear->name + 1, (size_t)size - 1);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size);
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
      bind(fd, (struct sockaddr *)&name, length) != 0) {
    close(fd);
    return NULL;
  }
  ear->socket = rs_watch_new(&engine->loop, fd, on_readable, engine);
  engine->children.before = before_reaping;
  engine->children.before_ctx = engine;
  return ear->socket ? ear->name : NULL;
}
