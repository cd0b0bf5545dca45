/* The plans that the engine handed over. VMs look into them while the keeper is told to
** drop them, hence the lock and the count. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "runner.h"

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
  pthread_mutex_lock(&runner->plans_lock);
  int code = find(runner, number) ? EEXIST : ENOSPC;
  for (rs_held *held = runner->plans;
       code == ENOSPC && held < runner->plans + RS_PLANS_MAX; held++) {
    if (held->plan) continue;
    const rs_plan *plan = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    code = plan == MAP_FAILED ? errno : 0;
    if (code == 0) *held = (rs_held){.plan = plan, .size = size, .number = number};
  }
  pthread_mutex_unlock(&runner->plans_lock);
  return code;
}

const rs_plan *rs_held_find(rs_runner *runner, uint32_t number) {
  pthread_mutex_lock(&runner->plans_lock);
  const rs_held *held = find(runner, number);
  pthread_mutex_unlock(&runner->plans_lock);
  return held ? held->plan : NULL;
}

const rs_plan *rs_held_hold(rs_machine *vm, uint32_t number, size_t *size) {
  pthread_mutex_lock(&vm->runner->plans_lock);
  const rs_plan *plan = NULL;
  rs_held *held = find(vm->runner, number);
  if (held) {
    uint64_t bit = bit_of(vm->runner, held);
    if (!(vm->held & bit)) held->users++;
    vm->held |= bit;
    plan = held->plan;
    *size = held->size;
  }
  pthread_mutex_unlock(&vm->runner->plans_lock);
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
  pthread_mutex_lock(&vm->runner->plans_lock);
  rs_held *held = find(vm->runner, number);
  if (held) let_go(vm, held);
  pthread_mutex_unlock(&vm->runner->plans_lock);
}

void rs_held_release_all(rs_machine *vm) {
  pthread_mutex_lock(&vm->runner->plans_lock);
  for (uint32_t i = 0; i < RS_PLANS_MAX; i++)
    if (vm->runner->plans[i].plan) let_go(vm, &vm->runner->plans[i]);
  pthread_mutex_unlock(&vm->runner->plans_lock);
}

void rs_held_drop(rs_runner *runner, uint32_t number) {
  pthread_mutex_lock(&runner->plans_lock);
  rs_held *held = find(runner, number);
  if (held) {
    held->dropped = true;
    unmap_if_done(held);
  }
  pthread_mutex_unlock(&runner->plans_lock);
}
