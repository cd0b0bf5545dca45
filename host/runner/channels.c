/* The channels that the engine handed over. A runner keeps each until it ends: workers
** may be in one at any time, and what is untouched takes no memory. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runner.h"

enum { WAIT_S = 1 };

static _Atomic(rs_channel *) channels; /* all; only ever added to, by the keeper */

static rs_channel *find(uint32_t number) {
  for (rs_channel *c = atomic_load(&channels); c; c = c->next)
    if (c->number == number) return c;
  return NULL;
}

/* One that could not be mapped is there, for whoever waits for it, but of no use. */
static rs_channel *find_mapped(uint32_t number) {
  rs_channel *channel = find(number);
  return channel && channel->book ? channel : NULL;
}

/* For the lock: nobody's own time, as waiting for room in the ring is. */
static void waits(bool begins) {
  static _Thread_local rs_time from;
  const rs_machine *vm = rs_machine_self();
  if (!vm || !vm->page) return;
  if (begins) from = rs_clock();
  else atomic_fetch_add(&vm->page->full, rs_clock() - from);
  atomic_store(&vm->page->full_since, begins ? from : 0);
}

void rs_channels_take(rs_runner *runner, const rs_ctl *ctl, int *fds,
                      const char *text) {
  size_t size = strlen(text);
  const char *file = ctl->x && size < ctl->size ? text + size + 1 : NULL;
  rs_channel *channel = calloc(1, sizeof *channel);
  char *name = strdup(text), *path = file ? strdup(file) : NULL;
  if (!channel || !name || (file && !path)) {
    free(channel);
    free(name);
    free(path);
    return;
  }
  *channel = (rs_channel){.fd = fds[0],
                          .bell = {fds[1], fds[2]},
                          .number = ctl->a,
                          .user = ctl->b,
                          .gen = ctl->c,
                          .find = find_mapped,
                          .waits = waits,
                          .name = name,
                          .durable = path,
                          .owner = path ? fds[3] : -1};
  for (int i = 0; i < (path ? 4 : 3); i++) fds[i] = -1; /* ours to keep */
  if (rs_channel_map(channel) != 0) rs_channel_unmap(channel);
  channel->next = atomic_load(&channels);
  pthread_mutex_lock(&runner->lock);
  atomic_store(&channels, channel);
  pthread_cond_broadcast(&runner->came);
  pthread_mutex_unlock(&runner->lock);
}

/* The ring is faster than the socket. */
rs_channel *rs_channel_attached(uint32_t number) {
  const rs_machine *vm = rs_machine_self();
  if (!vm) return NULL;
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += WAIT_S;
  int code = 0;
  pthread_mutex_lock(&vm->runner->lock);
  while (code == 0 && !find(number))
    code = pthread_cond_timedwait(&vm->runner->came, &vm->runner->lock, &until);
  pthread_mutex_unlock(&vm->runner->lock);
  return find_mapped(number);
}

const char *rs_channel_name(uint32_t number) {
  const rs_channel *channel = find(number);
  return channel ? channel->name : NULL;
}

uint64_t rs_channel_vm(const rs_channel *channel) {
  const rs_machine *vm = rs_machine_self();
  return (uint64_t)(channel->user + 1) << 32 | (vm ? vm->id + 1 : 0);
}
