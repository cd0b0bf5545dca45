/* When a command is ready: at its own word on a descriptor, or as others find. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "command_parts.h"

void rs_ready_tell(rs_command *command) {
  if (command->ready) return;
  command->ready = true;
  rs_event event = {.kind = RS_EV_READY, .unit = command->unit, .inc = command->inc};
  event.at = rs_base_now();
  rs_engine_put(command->engine, event);
}

/* What it says after its line is nobody's business, but it may say it: nobody closes
** the pipe in its face. */
static void on_line(void *ctx, rs_watch *watch, int events) {
  rs_command *command = ctx;
  char bytes[512];
  (void)events;
  rs_step_settle(command); /* `started` comes first */
  ssize_t got = read(watch->fd, bytes, sizeof bytes);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0 && memchr(bytes, '\n', (size_t)got)) rs_ready_tell(command);
  if (got > 0) return;
  rs_watch_end(&command->line);
  if (command->ready || command->asked || command->error != 0) return;
  command->unready = true;
  rs_step_kill(command);
}

int rs_ready_open(rs_command *command) {
  int pair[2];
  if (pipe2(pair, O_CLOEXEC) < 0) return -1;
  command->line = rs_watch_new(&command->engine->loop, pair[0], on_line, command);
  return pair[1];
}
