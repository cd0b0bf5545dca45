/* Lists and counts follow from the slots' states alone, so that is where they come from
** after a death: of one who held the lock, or of one who had taken items. */
#include <stdlib.h>

#include "channel_parts.h"

typedef struct found {
  uint64_t seq;
  uint32_t index;
} found;

typedef struct census {
  found *ready;
  uint32_t ready_count, taken;
  uint64_t next_seq;
} census;

static int by_seq(const void *a, const void *b) {
  uint64_t left = ((const found *)a)->seq, right = ((const found *)b)->seq;
  return left < right ? -1 : left > right;
}

static bool is_dead(const rs_channel *channel, uint64_t state) {
  uint32_t living = atomic_load(&channel->book->gen[rs_channel_user(state)]);
  return living != rs_channel_gen(state);
}

/* One whose consumer is dead: ready again, or delivered often enough. */
static uint64_t back(rs_channel *channel, uint64_t state) {
  uint32_t attempt = rs_channel_attempt(state);
  uint32_t most = atomic_load(&channel->book->attempts);
  bool doomed = most != 0 && attempt >= most;
  if (!doomed) atomic_fetch_add(&channel->head->redelivered, 1);
  return rs_channel_pack(doomed ? RS_CHANNEL_PENDING : RS_CHANNEL_READY, attempt, 0, 0);
}

/* One that was on its way in when its mover died has arrived if it has left where it
** came from; as long as that cannot be seen it stays as it is. */
static uint64_t arrive(rs_channel *channel, const rs_channel_slot *slot,
                       uint64_t state) {
  rs_channel *from = channel->find ? channel->find(slot->origin) : NULL;
  if (!from) return state;
  rs_channel_slot *old = rs_channel_slot_at(from, slot->origin_slot);
  if (!old) return state;
  uint64_t there = atomic_load(&old->state);
  bool is_there = rs_channel_kind(there) == RS_CHANNEL_PENDING &&
                  rs_channel_attempt(there) > 0 && old->seq == slot->origin_seq;
  if (is_there && !rs_channel_store_delete(channel, slot->seq)) return state;
  return rs_channel_pack(is_there ? RS_CHANNEL_FREE : RS_CHANNEL_READY, 0, 0, 0);
}

static uint64_t judge(rs_channel *channel, const rs_channel_slot *slot,
                      uint64_t state) {
  uint32_t kind = rs_channel_kind(state);
  if (kind == RS_CHANNEL_TAKEN && is_dead(channel, state)) return back(channel, state);
  if (kind == RS_CHANNEL_PENDING && rs_channel_attempt(state) == 0)
    return arrive(channel, slot, state);
  return state;
}

static void sort_in(rs_channel *channel, census *all, uint32_t index) {
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  uint64_t before = atomic_load(&slot->state);
  uint64_t state = judge(channel, slot, before);
  if (state != before) atomic_store(&slot->state, state);
  uint32_t kind = rs_channel_kind(state);
  if (kind != RS_CHANNEL_FREE && slot->seq >= all->next_seq &&
      slot->seq < UINT64_MAX / 2)
    all->next_seq = slot->seq + 1;
  if (kind == RS_CHANNEL_FREE) {
    rs_channel_give_free(channel, index);
  } else if (kind == RS_CHANNEL_READY) {
    all->ready[all->ready_count++] = (found){slot->seq, index};
  } else if (kind == RS_CHANNEL_TAKEN) {
    all->taken++;
  } else if (rs_channel_attempt(state) > 0) {
    slot->next = channel->head->doomed;
    channel->head->doomed = index;
  }
}

static bool is_used(rs_channel *channel, uint32_t index) {
  const rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  return slot && rs_channel_kind(atomic_load(&slot->state)) != RS_CHANNEL_FREE;
}

int rs_channel_mend(rs_channel *channel) {
  rs_channel_head *head = channel->head;
  uint32_t deaths = atomic_load(&channel->book->deaths);
  if (head->fresh > rs_channel_slots(channel)) head->fresh = rs_channel_slots(channel);
  /* A stray write may have set it too low: what lies there is still an item. */
  while (is_used(channel, head->fresh)) head->fresh++;
  census all = {.next_seq = head->next_seq < UINT64_MAX / 2 ? head->next_seq : 1};
  uint32_t count = head->fresh;
  all.ready = malloc((count + 1) * sizeof *all.ready);
  for (uint32_t i = 0; all.ready && i < count; i += RS_CHANNEL_CHUNK)
    if (!rs_channel_slot_at(channel, i)) count = RS_NONE;
  if (!all.ready || count == RS_NONE) {
    free(all.ready);
    return RS_CHANNEL_DAMAGED;
  }
  head->torn = 1;
  head->free = head->first = head->last = head->doomed = RS_NONE;
  atomic_store(&head->ready, 0);
  for (uint32_t i = count; i > 0; i--) sort_in(channel, &all, i - 1);
  qsort(all.ready, all.ready_count, sizeof *all.ready, by_seq);
  for (uint32_t i = 0; i < all.ready_count; i++)
    rs_channel_append(channel, all.ready[i].index);
  atomic_store(&head->taken, all.taken);
  head->next_seq = all.next_seq;
  free(all.ready);
  int code = rs_channel_store_load(channel);
  if (code != RS_CHANNEL_OK) return code;
  head->seen = deaths;
  head->torn = 0;
  return RS_CHANNEL_OK;
}
