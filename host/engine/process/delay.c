#define _GNU_SOURCE
#include "delay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPACING = 50 * RS_MS };

void rs_delays_begin(rs_delays *delays, rs_time now) {
  *delays = (rs_delays){.count = 1};
  delays->sample[0].at = now;
}

/* Of those between the first and the last, the one that is missed least: whose
** neighbours are closest together for their age. */
static uint32_t least_missed(const rs_delays *delays, rs_time now) {
  uint32_t least = 1;
  double least_gap = 1e300;
  for (uint32_t i = 1; i + 1 < delays->count; i++) {
    double gap = (double)(delays->sample[i + 1].at - delays->sample[i - 1].at);
    gap /= (double)(now - delays->sample[i].at + 1);
    if (gap >= least_gap) continue;
    least_gap = gap;
    least = i;
  }
  return least;
}

void rs_delays_add(rs_delays *delays, rs_time now, rs_time waited) {
  if (delays->count > 0 && now - delays->sample[delays->count - 1].at < SPACING) return;
  if (delays->count == RS_DELAYS) {
    uint32_t gone = least_missed(delays, now);
    uint32_t after = delays->count - gone - 1;
    memmove(&delays->sample[gone], &delays->sample[gone + 1],
            after * sizeof delays->sample[0]);
    delays->count--;
  }
  delays->sample[delays->count].at = now;
  delays->sample[delays->count++].waited = waited;
}

rs_time rs_delays_since(const rs_delays *delays, rs_time at, rs_time waited) {
  rs_time before = 0;
  for (uint32_t i = 0; i < delays->count && delays->sample[i].at <= at; i++)
    before = delays->sample[i].waited;
  return waited > before ? waited - before : 0;
}

/* A file of the thread's in /proc; empty where there is none. */
static void read_file(pid_t pid, pid_t tid, const char *which, char text[static 512]) {
  char name[64];
  *text = 0;
  snprintf(name, sizeof name, "/proc/%d/task/%d/%s", (int)pid, (int)tid, which);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t size = read(fd, text, 511);
  close(fd);
  text[size > 0 ? size : 0] = 0;
}

static rs_cpu read_times(pid_t pid, pid_t tid) {
  char text[512], *rest;
  rs_cpu cpu = {0};
  read_file(pid, tid, "schedstat", text);
  cpu.ran = (rs_time)strtoll(text, &rest, 10);
  cpu.waited = (rs_time)strtoll(rest, NULL, 10);
  return cpu;
}

rs_time rs_delay_read(pid_t pid, pid_t tid) { return read_times(pid, tid).waited; }

rs_cpu rs_delay_cpu(pid_t pid, pid_t tid) {
  char text[512];
  rs_cpu cpu = read_times(pid, tid);
  read_file(pid, tid, "stat", text);
  const char *state = strrchr(text, ')'); /* its name may hold anything */
  cpu.ready = state && strncmp(state, ") R", 3) == 0;
  return cpu;
}
