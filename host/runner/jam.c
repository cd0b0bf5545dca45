/* A turn's length is what others could not run, and the engine adds all that the thread
** waited for a processor: the wait within turns would count twice. It is taken out of
** their length here, where it is known when a turn began and ended. */
#define _GNU_SOURCE
#include "jam.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONG = RS_MS, SOME = RS_MS / 5 };

/* The second number: nanoseconds spent waiting, in the thread's life. */
static rs_time read_waited(void) {
  char text[128];
  int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  const char *second = strchr(text, ' ');
  return second ? (rs_time)strtoll(second, NULL, 10) : 0;
}

/* How much it has grown since it was read last. */
static rs_time look(rs_jam *jam, rs_time now) {
  rs_time before = jam->waited;
  jam->waited = read_waited();
  jam->at = now;
  rs_time grown = jam->waited > before ? jam->waited - before : 0;
  jam->jammed = grown > SOME;
  return grown;
}

void rs_jam_woke(rs_jam *jam) {
  if (!jam->jammed) return;
  look(jam, rs_clock());
  jam->jammed = true; /* until a turn says otherwise */
}

rs_time rs_jam_within(rs_jam *jam, rs_time from, rs_time now) {
  if (now - from < LONG) return 0;
  rs_time before = from > jam->at ? from - jam->at : 0; /* at most that was earlier */
  rs_time within = look(jam, now) - before;
  if (within < 0) return 0;
  return within < now - from ? within : now - from;
}
