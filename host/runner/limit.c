/* The keeper has the profiler and the patience, so it keeps the time, too: the VM's
** thread says which resume it is about, and wakes it. */
#include "limit.h"

#include <unistd.h>

#include "interrupt.h"
#include "runner.h"

enum { ATTACK = 500 * 1000000 }; /* ns that it has to be out */

typedef struct limit {
  rs_machine *vm; /* NULL: the place is free */
  uint64_t turn;
  rs_time at; /* RS_NEVER: it is under attack */
} limit;

static limit limits[RS_LIMITS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void rs_limit_begin(rs_machine *vm, rs_time at) {
  const uint64_t one = 1;
  uint32_t i = 0;
  pthread_mutex_lock(&lock);
  while (i < RS_LIMITS_MAX && limits[i].vm) i++;
  if (i < RS_LIMITS_MAX) limits[i] = (limit){vm, vm->turn + 1, at};
  pthread_mutex_unlock(&lock);
  if (write(vm->runner->wake, &one, sizeof one) < 0) return; /* it is awake already */
}

void rs_limit_end(const rs_machine *vm) {
  pthread_mutex_lock(&lock);
  for (limit *l = limits; l < limits + RS_LIMITS_MAX; l++)
    if (l->vm == vm) l->vm = NULL;
  pthread_mutex_unlock(&lock);
}

int rs_limit_look(rs_time now) {
  rs_time next = RS_NEVER;
  pthread_mutex_lock(&lock);
  for (limit *l = limits; l < limits + RS_LIMITS_MAX; l++) {
    if (!l->vm) continue;
    if (l->at <= now) {
      rs_interrupt_turn(l->vm, l->turn, now + ATTACK);
      l->at = RS_NEVER;
    }
    if (l->at < next) next = l->at;
  }
  pthread_mutex_unlock(&lock);
  return next == RS_NEVER ? -1 : (int)((next - now) / 1000000) + 1;
}
