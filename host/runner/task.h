/* task.h -- the C side of the workers that live in a VM: where their signs of life go,
** and their timers.
**
** Layer    runner.
** Owner    the VM; a task's address holds as long as its VM, whether it is open or not.
** Thread   the VM's.
** Limits   RS_TASKS_MAX a VM; ids are used again. At most 64 bytes a task.
** Tested   spec/c/runner_task.c. */
#ifndef RS_TASK_H
#define RS_TASK_H

#include "../shm/segment.h"
#include "clock.h"

enum { RS_TASKS_MAX = 1 << 22, RS_TASKS_CHUNK = 1024 };

struct rs_task {
  rs_slot *slot;    /* never NULL: a closed task's beats go nowhere */
  rs_vm *page;      /* its VM's */
  rs_time due;      /* its timer, if `place` says that it has one */
  uint32_t place;   /* in the heap, from 1; 0: no timer */
  uint32_t id;      /* the VM's number for it */
  uint32_t slot_id; /* the engine's */
  uint32_t inc;
  uint32_t next; /* while closed: the next closed one's id; RS_NONE */
  bool open;
  bool armed; /* its next resume is interrupted */
};

typedef struct rs_tasks {
  rs_task **chunks;
  uint32_t count; /* ids ever given */
  uint32_t free;  /* the first closed one; RS_NONE */
  rs_task **heap; /* those with a timer, from 1, the earliest first */
  uint32_t timers, heap_room;
  rs_slot nowhere; /* where closed tasks beat */
} rs_tasks;

void rs_task_init(rs_tasks *tasks);
void rs_task_free(rs_tasks *tasks);

/* The task, which has given a sign of life; NULL: no memory, or too many. */
rs_task *rs_task_open(rs_tasks *tasks, rs_vm *page, rs_slot *slot);
/* Another of the same unit's, beside its own: no sign of life. */
rs_task *rs_task_join(rs_tasks *tasks, rs_vm *page, rs_slot *slot);
void rs_task_close(rs_tasks *tasks, rs_task *task);

/* NULL where no open task has this id. */
rs_task *rs_task_find(const rs_tasks *tasks, uint32_t id);

/* One timer a task, which replaces the one before; RS_NEVER: none. */
void rs_task_timer(rs_tasks *tasks, rs_task *task, rs_time due);

/* The earliest timer's task; NULL. */
static inline rs_task *rs_task_first(const rs_tasks *tasks) {
  return tasks->timers > 0 ? tasks->heap[1] : NULL;
}

#endif
