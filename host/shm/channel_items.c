/* What users do. A call changes lists and counts as it likes: what it commits is one
** store to a slot's state. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel_parts.h"

enum { RATE_SPAN = 1000000000, TRIES = 4 };

static uint32_t kind_at(rs_channel *channel, uint32_t index) {
  const rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  return slot ? rs_channel_kind(atomic_load(&slot->state)) : RS_CHANNEL_FREE;
}

static uint32_t load(const _Atomic uint32_t *number) {
  return atomic_load_explicit(number, memory_order_relaxed);
}

static void store(_Atomic uint32_t *number, uint32_t value) {
  atomic_store_explicit(number, value, memory_order_relaxed);
}

static void count(rs_channel_rate *rate, rs_time now) {
  uint64_t all = atomic_load_explicit(&rate->count, memory_order_relaxed) + 1;
  int64_t since = atomic_load_explicit(&rate->since, memory_order_relaxed);
  int64_t span = since > 0 && since <= now ? now - since : RATE_SPAN;
  atomic_store_explicit(&rate->count, all, memory_order_relaxed);
  if (span < RATE_SPAN) return;
  double speed = (double)(all - atomic_load(&rate->base)) * 1e9 / (double)span;
  store(&rate->last, speed < 4e9 ? (uint32_t)(speed + 0.5) : UINT32_MAX);
  atomic_store(&rate->base, all);
  atomic_store(&rate->since, now);
}

uint32_t rs_channel_take_free(rs_channel *channel) {
  rs_channel_head *head = channel->head;
  uint32_t index = head->free;
  if (index != RS_NONE) {
    rs_channel_slot *slot = rs_channel_slot_at(channel, index);
    if (!slot || index >= head->fresh || kind_at(channel, index) != RS_CHANNEL_FREE) {
      head->torn = 1;
      return RS_NONE;
    }
    head->free = slot->next;
    return index;
  }
  if (head->fresh >= rs_channel_slots(channel)) return RS_NONE;
  if (kind_at(channel, head->fresh) != RS_CHANNEL_FREE) {
    head->torn = 1;
    head->fresh++;
    return RS_NONE;
  }
  return head->fresh++;
}

void rs_channel_append(rs_channel *channel, uint32_t index) {
  rs_channel_head *head = channel->head;
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  rs_channel_slot *last =
    head->first == RS_NONE ? NULL : rs_channel_slot_at(channel, head->last);
  if (!last) {
    head->first = index;
    atomic_store_explicit(&head->oldest, slot->at, memory_order_relaxed);
  } else {
    last->next = index;
  }
  slot->next = RS_NONE;
  head->last = index;
  store(&head->ready, load(&head->ready) + 1);
}

/* The oldest ready one leaves its list; RS_NONE, and what to do about it in `torn`. */
static uint32_t pop(rs_channel *channel) {
  rs_channel_head *head = channel->head;
  uint32_t index = head->first;
  const rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  if (!slot || index >= head->fresh || kind_at(channel, index) != RS_CHANNEL_READY) {
    head->torn = 1;
    return RS_NONE;
  }
  const rs_channel_slot *next =
    slot->next == RS_NONE ? NULL : rs_channel_slot_at(channel, slot->next);
  head->first = slot->next;
  if (head->first == RS_NONE) head->last = RS_NONE;
  atomic_store_explicit(&head->oldest, next ? next->at : 0, memory_order_relaxed);
  store(&head->ready, load(&head->ready) - 1);
  return index;
}

static bool can_take(const rs_channel *channel) {
  uint32_t capacity = load(&channel->book->capacity),
           taken = load(&channel->head->taken);
  return channel->head->first != RS_NONE &&
         (taken < capacity || taken < RS_CHANNEL_UNACKED);
}

static bool has_room(const rs_channel *channel) {
  const rs_channel_head *head = channel->head;
  return load(&head->ready) < load(&channel->book->capacity) && !head->behind &&
         (head->free != RS_NONE || head->fresh < rs_channel_slots(channel));
}

static uint32_t tell(_Atomic uint64_t *wanted, uint64_t vm, uint32_t flag,
                     uint32_t bell, uint32_t *out) {
  uint64_t who = atomic_load_explicit(wanted, memory_order_relaxed);
  if (who == 0) return 0;
  atomic_store_explicit(wanted, 0, memory_order_relaxed);
  if (who != vm) return bell;
  *out |= flag;
  return 0;
}

uint32_t rs_channel_settle(rs_channel *channel, uint64_t vm, uint32_t *out) {
  rs_channel_head *head = channel->head;
  uint32_t bells = 0;
  if (can_take(channel)) bells |= tell(&head->want_items, vm, RS_CHANNEL_ITEMS, 1, out);
  if (has_room(channel)) bells |= tell(&head->want_room, vm, RS_CHANNEL_ROOM, 2, out);
  return bells;
}

/* Someone of this VM waits from now on. Who was woken has read the bell for all who
** watch it, so all of these wait again. */
static void want(rs_channel *channel, const rs_channel_use *use, int room,
                 uint32_t flags) {
  _Atomic uint64_t *wanted =
    room ? &channel->head->want_room : &channel->head->want_items;
  uint64_t who = atomic_load_explicit(wanted, memory_order_relaxed), rung;
  if (flags & RS_CHANNEL_WOKEN) {
    while (read(channel->bell[room], &rung, sizeof rung) < 0 && errno == EINTR)
      continue;
    if (load(&channel->head->polls[room]) != 1) who = RS_CHANNEL_MANY;
  }
  if (who != use->vm && who != 0) who = RS_CHANNEL_MANY;
  else who = use->vm;
  atomic_store_explicit(wanted, who, memory_order_relaxed);
}

static int begin(rs_channel *channel, uint32_t *flags) {
  if (load(&channel->book->closed)) return RS_CHANNEL_CLOSED;
  int code = rs_channel_lock(channel, RS_CHANNEL_PATIENCE);
  if (code != RS_CHANNEL_OK) return code;
  if (channel->head->doomed != RS_NONE) *flags |= rs_channel_reject(channel);
  if (channel->head->behind && channel->head->first == RS_NONE)
    code = rs_channel_store_load(channel);
  if (code != RS_CHANNEL_OK) rs_channel_unlock(channel);
  return code;
}

static int finish(rs_channel *channel, const rs_channel_use *use, uint32_t out) {
  uint32_t bells = rs_channel_settle(channel, use->vm, &out);
  rs_channel_unlock(channel);
  rs_channel_toll(channel, bells);
  return (int)out;
}

/* What was found to be nonsense is made anew; a few times, since each may uncover
** more. */
static bool again(rs_channel *channel, int *tries) {
  return channel->head->torn && (*tries)++ < TRIES &&
         rs_channel_mend(channel) == RS_CHANNEL_OK;
}

static bool drop(rs_channel *channel) {
  uint32_t index = pop(channel);
  if (index == RS_NONE) return false;
  if (!rs_channel_store_delete(channel, rs_channel_slot_at(channel, index)->seq)) {
    channel->head->torn = 1; /* it is no longer in its list */
    return false;
  }
  atomic_store(&rs_channel_slot_at(channel, index)->state,
               rs_channel_pack(RS_CHANNEL_FREE, 0, 0, 0));
  rs_channel_give_free(channel, index);
  atomic_fetch_add(&channel->head->dropped, 1);
  return true;
}

static int put(rs_channel *channel, const void *bytes, uint32_t size) {
  uint32_t index = rs_channel_take_free(channel);
  if (index == RS_NONE)
    return channel->head->torn ? RS_CHANNEL_DAMAGED : RS_CHANNEL_FULL;
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  if (!rs_channel_write(channel, index, bytes, size)) {
    rs_channel_give_free(channel, index);
    return RS_CHANNEL_DAMAGED;
  }
  slot->seq = channel->head->next_seq;
  slot->at = rs_channel_now();
  slot->origin = slot->tried = 0;
  if (!rs_channel_store_put(channel, slot, bytes)) {
    rs_channel_give_free(channel, index);
    return RS_CHANNEL_STORE;
  }
  atomic_store(&slot->state, rs_channel_pack(RS_CHANNEL_READY, 0, 0, 0));
  channel->head->next_seq++;
  rs_channel_append(channel, index);
  count(&channel->head->sent, slot->at);
  return RS_CHANNEL_OK;
}

int rs_channel_send(const rs_channel_use *use, const void *bytes, size_t size,
                    uint32_t flags) {
  rs_channel *channel = use->channel;
  uint32_t out = 0;
  int tries = 0;
  if (size > RS_CHANNEL_VALUE_MAX) return RS_CHANNEL_LARGE;
  int code = begin(channel, &out);
  if (code != RS_CHANNEL_OK) return code;
  do {
    uint32_t capacity = load(&channel->book->capacity);
    bool drops = load(&channel->book->overflow) == RS_CHANNEL_DROP_OLDEST;
    while (drops && load(&channel->head->ready) >= capacity && drop(channel))
      out |= RS_CHANNEL_DROPPED;
    code = RS_CHANNEL_FULL;
    if (load(&channel->head->ready) < capacity && !channel->head->behind)
      code = put(channel, bytes, (uint32_t)size);
    if (code == RS_CHANNEL_FULL && load(&channel->book->overflow) != RS_CHANNEL_BLOCK)
      code = RS_CHANNEL_REFUSED;
  } while (again(channel, &tries));
  if (code == RS_CHANNEL_FULL && flags & RS_CHANNEL_WAIT) want(channel, use, 1, flags);
  else if (code == RS_CHANNEL_OK && flags & RS_CHANNEL_WAIT) {
    if (has_room(channel)) out |= RS_CHANNEL_ROOM;
    else want(channel, use, 1, flags);
  }
  return finish(channel, use, out | (uint32_t)code);
}

static void take(rs_channel *channel, const rs_channel_use *use, uint32_t index,
                 rs_channel_item *item) {
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  uint32_t attempt = rs_channel_attempt(atomic_load(&slot->state));
  if (attempt < RS_CHANNEL_ATTEMPTS) attempt++;
  rs_channel_store_mark(channel, slot->seq, attempt); /* if not, it counts one less */
  atomic_store(&slot->state,
               rs_channel_pack(RS_CHANNEL_TAKEN, attempt, use->user, use->gen));
  store(&channel->head->taken, load(&channel->head->taken) + 1);
  *item = (rs_channel_item){.seq = slot->seq,
                            .size = slot->size,
                            .slot = index,
                            .attempt = attempt,
                            .tried = slot->tried,
                            .origin = slot->origin};
}

/* A thread's room for what it last received. */
static void *room_for(uint32_t size) {
  static _Thread_local void *bytes;
  static _Thread_local uint32_t room;
  if (size <= room) return bytes;
  free(bytes);
  room = size < 4096 ? 4096 : size;
  bytes = malloc(room);
  if (!bytes) room = 0;
  return bytes;
}

/* Nobody but us touches what we have taken: no lock is needed. */
static int fetch(rs_channel *channel, rs_channel_item *item) {
  if (item->size > RS_CHANNEL_VALUE_MAX) return RS_CHANNEL_DAMAGED;
  void *bytes = room_for(item->size + 1u);
  if (!bytes || !rs_channel_read(channel, item->slot, bytes, item->size))
    return RS_CHANNEL_DAMAGED;
  item->bytes = bytes;
  return RS_CHANNEL_OK;
}

int rs_channel_receive(const rs_channel_use *use, rs_channel_item *item,
                       uint32_t flags) {
  rs_channel *channel = use->channel;
  uint32_t out = 0, index = RS_NONE;
  int tries = 0;
  int code = begin(channel, &out);
  if (code != RS_CHANNEL_OK) return code;
  do
    if (can_take(channel)) index = pop(channel);
  while (index == RS_NONE && again(channel, &tries));
  if (index != RS_NONE) take(channel, use, index, item);
  if (flags & RS_CHANNEL_WAIT) {
    if (!can_take(channel)) want(channel, use, 0, flags);
    else out |= RS_CHANNEL_ITEMS;
  }
  int done = finish(channel, use, out | (index == RS_NONE ? RS_CHANNEL_EMPTY : 0));
  return index == RS_NONE ? done : done | fetch(channel, item);
}

int rs_channel_ack(const rs_channel_use *use, uint32_t index, uint64_t seq,
                   uint32_t attempt) {
  rs_channel *channel = use->channel;
  uint32_t out = 0;
  int code = begin(channel, &out);
  if (code != RS_CHANNEL_OK) return code;
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  uint64_t mine = rs_channel_pack(RS_CHANNEL_TAKEN, attempt, use->user, use->gen);
  if (!slot || slot->seq != seq || atomic_load(&slot->state) != mine)
    return finish(channel, use, out | RS_CHANNEL_STALE);
  if (!rs_channel_store_delete(channel, seq))
    return finish(channel, use, out | RS_CHANNEL_STORE);
  atomic_store(&slot->state, rs_channel_pack(RS_CHANNEL_FREE, 0, 0, 0));
  rs_channel_give_free(channel, index);
  if (load(&channel->head->taken) > 0)
    store(&channel->head->taken, load(&channel->head->taken) - 1);
  count(&channel->head->acked, rs_channel_now());
  return finish(channel, use, out);
}

void rs_channel_polls(const rs_channel_use *use, int room, int more) {
  atomic_fetch_add(&use->channel->head->polls[room != 0], (uint32_t)more);
}

int rs_channel_bell(const rs_channel_use *use, int room) {
  return use->channel->bell[room != 0];
}
