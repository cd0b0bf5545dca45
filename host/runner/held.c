/* The plans that the engine handed over. VMs look into them while the keeper is told to
** drop them, hence the lock and the count. */
#include <errno.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runner.h"

enum { WAIT_S = 1 };

static rs_held *find(rs_runner *runner, uint32_t number) {
  for (rs_held *held = runner->plans; held < runner->plans + RS_PLANS_MAX; held++)
    if (held->plan && held->number == number) return held;
  return NULL;
}

static uint64_t bit_of(const rs_runner *runner, const rs_held *held) {
  return (uint64_t)1 << (held - runner->plans);
}

/* Under the lock. */
static void unmap_if_done(rs_held *held) {
  if (!held->dropped || held->users > 0) return;
  munmap((void *)(uintptr_t)held->plan, held->size);
  held->plan = NULL;
}

int rs_held_take(rs_runner *runner, uint32_t number, uint64_t size, int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return errno;
  if (size < sizeof(rs_plan) || (uint64_t)st.st_size != size) return EINVAL;
  pthread_mutex_lock(&runner->lock);
  int code = find(runner, number) ? EEXIST : ENOSPC;
  for (rs_held *held = runner->plans;
       code == ENOSPC && held < runner->plans + RS_PLANS_MAX; held++) {
    if (held->plan) continue;
    const rs_plan *plan = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    code = plan == MAP_FAILED ? errno : 0;
    if (code == 0) *held = (rs_held){.plan = plan, .size = size, .number = number};
  }
  pthread_cond_broadcast(&runner->came);
  pthread_mutex_unlock(&runner->lock);
  return code;
}

const rs_plan *rs_held_find(rs_runner *runner, uint32_t number) {
  pthread_mutex_lock(&runner->lock);
  const rs_held *held = find(runner, number);
  pthread_mutex_unlock(&runner->lock);
  return held ? held->plan : NULL;
}

static struct timespec later(void) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += WAIT_S;
  return until;
}

bool rs_runner_await_slot(rs_runner *runner, uint32_t id) {
  const uint32_t segment = id >> RS_SEGMENT_SHIFT;
  if (segment < atomic_load(&runner->segment_count)) return true;
  struct timespec until = later();
  int code = 0;
  pthread_mutex_lock(&runner->lock);
  while (code == 0 && segment >= atomic_load(&runner->segment_count))
    code = pthread_cond_timedwait(&runner->came, &runner->lock, &until);
  pthread_mutex_unlock(&runner->lock);
  return code == 0;
}

/* Under the lock. */
static rs_held *await(rs_runner *runner, uint32_t number) {
  struct timespec until = later();
  rs_held *held;
  while (!(held = find(runner, number)))
    if (pthread_cond_timedwait(&runner->came, &runner->lock, &until) != 0) return NULL;
  return held;
}

const rs_plan *rs_held_hold(rs_machine *vm, uint32_t number, size_t *size) {
  pthread_mutex_lock(&vm->runner->lock);
  const rs_plan *plan = NULL;
  rs_held *held = await(vm->runner, number);
  if (held) {
    uint64_t bit = bit_of(vm->runner, held);
    if (!(vm->held & bit)) held->users++;
    vm->held |= bit;
    plan = held->plan;
    *size = held->size;
  }
  pthread_mutex_unlock(&vm->runner->lock);
  return plan;
}

/* Under the lock. */
static void let_go(rs_machine *vm, rs_held *held) {
  uint64_t bit = bit_of(vm->runner, held);
  if (!(vm->held & bit)) return;
  vm->held &= ~bit;
  held->users--;
  unmap_if_done(held);
}

void rs_held_release(rs_machine *vm, uint32_t number) {
  pthread_mutex_lock(&vm->runner->lock);
  rs_held *held = find(vm->runner, number);
  if (held) let_go(vm, held);
  pthread_mutex_unlock(&vm->runner->lock);
}

void rs_held_release_all(rs_machine *vm) {
  pthread_mutex_lock(&vm->runner->lock);
  for (uint32_t i = 0; i < RS_PLANS_MAX; i++)
    if (vm->runner->plans[i].plan) let_go(vm, &vm->runner->plans[i]);
  pthread_mutex_unlock(&vm->runner->lock);
}

void rs_held_drop(rs_runner *runner, uint32_t number) {
  pthread_mutex_lock(&runner->lock);
  rs_held *held = find(runner, number);
  if (held) {
    held->dropped = true;
    unmap_if_done(held);
  }
  pthread_mutex_unlock(&runner->lock);
}
