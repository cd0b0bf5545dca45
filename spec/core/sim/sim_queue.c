/* sim_queue.c -- a binary heap of what will happen. */
#include "sim_queue.h"

#include <stdlib.h>

static bool before(const rs_item *a, const rs_item *b) {
  return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void rise(rs_queue *queue, uint32_t i, rs_item item) {
  while (i > 0 && before(&item, &queue->at[(i - 1) / 2])) {
    queue->at[i] = queue->at[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  queue->at[i] = item;
}

void rs_queue_put(rs_queue *queue, rs_item item) {
  if (queue->count == queue->room) {
    queue->room = queue->room ? queue->room * 2 : 128;
    queue->at = realloc(queue->at, queue->room * sizeof *queue->at);
  }
  item.order = queue->order++;
  rise(queue, queue->count++, item);
}

static void sink(rs_queue *queue, uint32_t i, rs_item item) {
  for (;;) {
    uint32_t child = 2 * i + 1;
    if (child >= queue->count) break;
    if (child + 1 < queue->count && before(&queue->at[child + 1], &queue->at[child]))
      child++;
    if (!before(&queue->at[child], &item)) break;
    queue->at[i] = queue->at[child];
    i = child;
  }
  queue->at[i] = item;
}

bool rs_queue_take(rs_queue *queue, rs_item *item) {
  if (queue->count == 0) return false;
  *item = queue->at[0];
  rs_item last = queue->at[--queue->count];
  sink(queue, 0, last);
  return true;
}

void rs_queue_drain(rs_queue *queue, rs_time now) {
  for (uint32_t i = 0; i < queue->count; i++) {
    rs_item *item = &queue->at[i];
    if (item->sent == 0 || item->sent > now || item->at <= now) continue;
    item->at = now;
    rise(queue, i, *item);
  }
}

rs_time rs_queue_due(const rs_queue *queue) {
  return queue->count ? queue->at[0].at : RS_NEVER;
}

void rs_queue_shift(rs_queue *queue, rs_time by) {
  for (uint32_t i = 0; i < queue->count; i++) {
    queue->at[i].at += by;
    if (queue->at[i].sent != 0) queue->at[i].sent += by;
  }
}

void rs_queue_free(rs_queue *queue) {
  free(queue->at);
  *queue = (rs_queue){0};
}
