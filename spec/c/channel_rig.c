#define _GNU_SOURCE
#include "channel_rig.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct value {
  uint32_t producer, number;
} value;

static void *shared(size_t size) {
  return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

uint32_t rig_number(const char *name, uint32_t otherwise) {
  const char *text = getenv(name);
  return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

void rig_make(rs_rig *rig, uint32_t items, uint32_t capacity) {
  *rig = (rs_rig){.items = items};
  if (rs_channel_make(&rig->channel, 1) != 0 || rs_channel_make(&rig->rejects, 2) != 0)
    abort();
  rs_channel *both[] = {&rig->channel, &rig->rejects};
  for (int i = 0; i < 2; i++) {
    atomic_store(&both[i]->book->capacity, capacity);
    atomic_store(&both[i]->book->peak, capacity);
  }
  rig->next = shared((RIG_PRODUCERS + 2) * sizeof *rig->next);
  rig->stop = rig->next + RIG_PRODUCERS;
  rig->wrong = rig->stop + 1;
  rig->item = shared((size_t)RIG_PRODUCERS * items * sizeof *rig->item);
}

void rig_free(rs_rig *rig) {
  rs_channel_unmap(&rig->channel);
  rs_channel_unmap(&rig->rejects);
  munmap(rig->next, (RIG_PRODUCERS + 2) * sizeof *rig->next);
  munmap(rig->item, (size_t)RIG_PRODUCERS * rig->items * sizeof *rig->item);
}

void rig_map(rs_channel *mine, const rs_channel *of, uint32_t user) {
  *mine = (rs_channel){.number = of->number, .user = user};
  mine->fd = fcntl(of->fd, F_DUPFD_CLOEXEC, 3);
  for (int i = 0; i < 2; i++) mine->bell[i] = fcntl(of->bell[i], F_DUPFD_CLOEXEC, 3);
  if (rs_channel_map(mine) != 0) abort();
  mine->gen = atomic_load(&mine->book->gen[user]);
}

static void await(const rs_channel_use *use, int room) {
  struct pollfd bell = {.fd = rs_channel_bell(use, room), .events = POLLIN};
  poll(&bell, 1, -1);
}

/* Values of all sizes: what lies beside the head, and what does not. */
static uint32_t size_of(uint32_t number) {
  if (number % 97 == 0) return 70000;
  return number % 11 == 0 ? 1000 : (uint32_t)sizeof(value);
}

void rig_produce(const rs_rig *rig, const rs_channel_use *use, uint32_t producer) {
  static _Thread_local unsigned char bytes[70000];
  rs_channel_polls(use, 1, 1);
  for (;;) {
    value v = {producer, atomic_fetch_add(&rig->next[producer], 1)};
    if (v.number >= rig->items) break;
    uint32_t flags = RS_CHANNEL_WAIT, size = size_of(v.number);
    memset(bytes, (int)(v.number & 0xff), size);
    memcpy(bytes, &v, sizeof v);
    int code;
    while (((code = rs_channel_send(use, bytes, size, flags)) & RS_CHANNEL_CODE) ==
           RS_CHANNEL_FULL) {
      await(use, 1);
      flags = RS_CHANNEL_WAIT | RS_CHANNEL_WOKEN;
    }
    if ((code & RS_CHANNEL_CODE) != RS_CHANNEL_OK) {
      fprintf(stderr, "send: code %d\n", code & RS_CHANNEL_CODE);
      atomic_fetch_add(rig->wrong, 1);
    }
    atomic_store(&rig->item[producer * rig->items + v.number].sent, 1);
  }
  rs_channel_polls(use, 1, -1);
}

static void wrong(const rs_rig *rig, const char *what, value v) {
  atomic_fetch_add(rig->wrong, 1);
  fprintf(stderr, "item %u of %u: %s\n", v.number, v.producer, what);
}

static bool is_whole(const rs_channel_item *item, value v) {
  if (item->size != size_of(v.number)) return false;
  for (uint32_t i = sizeof v; i < item->size; i++)
    if ((unsigned char)item->bytes[i] != (v.number & 0xff)) return false;
  return true;
}

/* `last`: by producer, the number after the last one that came for the first time. */
static rig_item *look(const rs_rig *rig, const rs_channel_item *item, uint32_t *last,
                      bool is_reject) {
  value v;
  memcpy(&v, item->bytes, sizeof v);
  if (item->size < sizeof v || v.producer >= RIG_PRODUCERS || v.number >= rig->items)
    return NULL;
  rig_item *row = &rig->item[v.producer * rig->items + v.number];
  if (!is_whole(item, v)) wrong(rig, "its bytes are others", v);
  if (atomic_load(&row->acked)) wrong(rig, "came after it was acknowledged", v);
  if (is_reject && item->origin != 1) wrong(rig, "came from nowhere", v);
  if (item->attempt == 1 && !is_reject && v.number < last[v.producer])
    wrong(rig, "came out of order", v);
  if (item->attempt == 1) last[v.producer] = v.number + 1;
  if (item->attempt == 1 && is_reject && atomic_fetch_add(&row->rejected, 1) > 0)
    wrong(rig, "was rejected twice", v);
  atomic_fetch_add(&row->delivered, 1);
  return row;
}

void rig_consume(const rs_rig *rig, const rs_channel_use *use, uint32_t leave,
                 bool is_reject) {
  uint32_t last[RIG_PRODUCERS] = {0}, flags = RS_CHANNEL_WAIT, left = leave;
  rs_channel_polls(use, 0, 1);
  while (!atomic_load(rig->stop)) {
    rs_channel_item item;
    int code = rs_channel_receive(use, &item, flags) & RS_CHANNEL_CODE;
    flags = RS_CHANNEL_WAIT;
    if (code == RS_CHANNEL_EMPTY) {
      await(use, 0);
      flags |= RS_CHANNEL_WOKEN;
      continue;
    }
    rig_item *row = code == RS_CHANNEL_OK ? look(rig, &item, last, is_reject) : NULL;
    if (!row) {
      fprintf(stderr, "receive: code %d\n", code);
      atomic_fetch_add(rig->wrong, 1);
      continue;
    }
    if (leave > 0 && --left == 0) break;
    code = rs_channel_ack(use, item.slot, item.seq, item.attempt) & RS_CHANNEL_CODE;
    if (code == RS_CHANNEL_OK) atomic_store(&row->acked, 1);
    else atomic_fetch_add(rig->wrong, 1);
  }
  rs_channel_polls(use, 0, -1);
}

const char *rig_judge(const rs_rig *rig) {
  if (atomic_load(rig->wrong) > 0) return "something that must not be was seen";
  for (uint32_t i = 0; i < RIG_PRODUCERS * rig->items; i++)
    if (atomic_load(&rig->item[i].sent) && !atomic_load(&rig->item[i].delivered))
      return "an item was lost";
  if (atomic_load(&rig->channel.head->ready) != 0) return "some are left";
  if (atomic_load(&rig->channel.head->taken) != 0) return "some are left, taken";
  return NULL;
}
