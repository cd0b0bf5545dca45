/* Tasks lie in chunks that never move; timers in a binary heap of pointers to them. */
#include "task.h"

#include <stdlib.h>

_Static_assert(sizeof(rs_task) <= 64, "a million tasks take 64 MB at most");

void rs_task_init(rs_tasks *tasks) { *tasks = (rs_tasks){.free = RS_NONE}; }

void rs_task_free(rs_tasks *tasks) {
  for (uint32_t i = 0; i * RS_TASKS_CHUNK < tasks->count; i++) free(tasks->chunks[i]);
  free(tasks->chunks);
  free(tasks->heap);
  rs_task_init(tasks);
}

static void beat(rs_task *task, rs_time now) {
  rs_slot *slot = task->slot;
  int64_t busy = atomic_load_explicit(&task->page->busy, memory_order_relaxed);
  int64_t own = atomic_load_explicit(&slot->own, memory_order_relaxed);
  atomic_store_explicit(&slot->others, busy - own, memory_order_relaxed);
  atomic_store_explicit(&slot->stalled_from, now, memory_order_relaxed);
  atomic_store_explicit(&slot->beat, now, memory_order_release);
}

int rs_task_beat(rs_task *task) {
  beat(task, rs_clock());
  return rs_task_stopping(task);
}

int rs_task_stopping(rs_task *task) {
  return atomic_load_explicit(&task->slot->stopping, memory_order_relaxed) != 0;
}

/* Room for one more id and its timer. */
static bool grow(rs_tasks *tasks) {
  if (tasks->count == RS_TASKS_MAX) return false;
  if (tasks->count % RS_TASKS_CHUNK == 0) {
    uint32_t chunks = tasks->count / RS_TASKS_CHUNK + 1;
    rs_task **list = realloc(tasks->chunks, chunks * sizeof *list);
    if (!list) return false;
    tasks->chunks = list;
    list[chunks - 1] = calloc(RS_TASKS_CHUNK, sizeof(rs_task));
    if (!list[chunks - 1]) return false;
  }
  if (tasks->heap_room <= tasks->count + 1) {
    uint32_t room = tasks->heap_room ? tasks->heap_room * 2 : RS_TASKS_CHUNK;
    rs_task **heap = realloc(tasks->heap, room * sizeof *heap);
    if (!heap) {
      if (tasks->count % RS_TASKS_CHUNK == 0)
        free(tasks->chunks[tasks->count / RS_TASKS_CHUNK]);
      return false;
    }
    tasks->heap = heap;
    tasks->heap_room = room;
  }
  return true;
}

static rs_task *at(const rs_tasks *tasks, uint32_t id) {
  return &tasks->chunks[id / RS_TASKS_CHUNK][id % RS_TASKS_CHUNK];
}

rs_task *rs_task_join(rs_tasks *tasks, rs_vm *page, rs_slot *slot) {
  rs_task *task;
  if (tasks->free != RS_NONE) {
    task = at(tasks, tasks->free);
    tasks->free = task->next;
  } else {
    if (!grow(tasks)) return NULL;
    task = at(tasks, tasks->count);
    task->id = tasks->count++;
  }
  task->page = page;
  task->slot = slot;
  task->open = true;
  task->armed = false;
  return task;
}

rs_task *rs_task_open(rs_tasks *tasks, rs_vm *page, rs_slot *slot) {
  rs_task *task = rs_task_join(tasks, page, slot);
  if (task) beat(task, rs_clock());
  return task;
}

void rs_task_close(rs_tasks *tasks, rs_task *task) {
  rs_task_timer(tasks, task, RS_NEVER);
  task->slot = &tasks->nowhere;
  task->open = false;
  task->next = tasks->free;
  tasks->free = task->id;
}

rs_task *rs_task_find(const rs_tasks *tasks, uint32_t id) {
  if (id >= tasks->count || !at(tasks, id)->open) return NULL;
  return at(tasks, id);
}

static void put(rs_tasks *tasks, uint32_t place, rs_task *task) {
  tasks->heap[place] = task;
  task->place = place;
}

/* Sets `task` where it belongs, `place` being free, above or below. */
static void settle(rs_tasks *tasks, uint32_t place, rs_task *task) {
  for (; place > 1 && tasks->heap[place / 2]->due > task->due; place /= 2)
    put(tasks, place, tasks->heap[place / 2]);
  for (uint32_t child; (child = place * 2) <= tasks->timers; place = child) {
    if (child < tasks->timers && tasks->heap[child + 1]->due < tasks->heap[child]->due)
      child++;
    if (tasks->heap[child]->due >= task->due) break;
    put(tasks, place, tasks->heap[child]);
  }
  put(tasks, place, task);
}

void rs_task_timer(rs_tasks *tasks, rs_task *task, rs_time due) {
  if (due != RS_NEVER) {
    task->due = due;
    settle(tasks, task->place ? task->place : ++tasks->timers, task);
  } else if (task->place) {
    uint32_t place = task->place;
    rs_task *last = tasks->heap[tasks->timers--];
    task->place = 0;
    if (last != task) settle(tasks, place, last);
  }
}
