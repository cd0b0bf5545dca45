/* An item goes from one channel to another by three stores, under both locks: PENDING
** there, FREE here, READY there. Whoever dies in between leaves one that the next owner
** of the other lock settles: it has arrived if it has left here (channel_mend.c). */
#include <stdlib.h>

#include "channel_parts.h"

/* What is durable is in the file that it goes to before it leaves the one where it was:
** a host that is killed as a whole in between delivers it from both. */
static bool copy(rs_channel *from, uint32_t index, rs_channel *to, uint32_t place) {
  const rs_channel_slot *old = rs_channel_slot_at(from, index);
  rs_channel_slot *slot = rs_channel_slot_at(to, place);
  uint32_t size = old->size;
  if (size > RS_CHANNEL_VALUE_MAX) return false;
  void *bytes = malloc(size + 1u);
  bool good = bytes && rs_channel_read(from, index, bytes, size) &&
              rs_channel_write(to, place, bytes, size);
  if (good) {
    atomic_store(&slot->state, rs_channel_pack(RS_CHANNEL_PENDING, 0, 0, 0));
    good =
      rs_channel_store_put(to, slot, bytes) && rs_channel_store_delete(from, old->seq);
    if (!good) atomic_store(&slot->state, rs_channel_pack(RS_CHANNEL_FREE, 0, 0, 0));
  }
  free(bytes);
  return good;
}

/* Both are locked. */
static bool move(rs_channel *from, uint32_t index, rs_channel *to) {
  rs_channel_slot *old = rs_channel_slot_at(from, index);
  uint32_t place = rs_channel_take_free(to);
  if (place == RS_NONE) return false;
  rs_channel_slot *slot = rs_channel_slot_at(to, place);
  slot->seq = to->head->next_seq;
  slot->at = old->at;
  slot->tried = rs_channel_attempt(atomic_load(&old->state));
  slot->origin = from->number;
  slot->origin_seq = old->seq;
  slot->origin_slot = index;
  if (!copy(from, index, to, place)) {
    rs_channel_give_free(to, place);
    return false;
  }
  atomic_store(&old->state, rs_channel_pack(RS_CHANNEL_FREE, 0, 0, 0));
  atomic_store(&slot->state, rs_channel_pack(RS_CHANNEL_READY, 0, 0, 0));
  to->head->next_seq++;
  rs_channel_append(to, place);
  return true;
}

static bool move_out(rs_channel *channel, uint32_t index) {
  uint32_t number = atomic_load(&channel->book->rejects), out = 0;
  if (number == 0) {
    if (!rs_channel_store_delete(channel, rs_channel_slot_at(channel, index)->seq))
      return false;
    atomic_store(&rs_channel_slot_at(channel, index)->state,
                 rs_channel_pack(RS_CHANNEL_FREE, 0, 0, 0));
    return true;
  }
  rs_channel *to = channel->find ? channel->find(number) : NULL;
  if (!to || to == channel || atomic_load(&to->book->closed)) return false;
  if (rs_channel_lock(to, RS_CHANNEL_PATIENCE) != RS_CHANNEL_OK) return false;
  bool moved = move(channel, index, to);
  uint32_t bells = rs_channel_settle(to, 0, &out);
  rs_channel_unlock(to);
  rs_channel_toll(to, bells);
  return moved;
}

uint32_t rs_channel_reject(rs_channel *channel) {
  rs_channel_head *head = channel->head;
  uint32_t flags = 0;
  while (head->doomed != RS_NONE) {
    uint32_t index = head->doomed;
    const rs_channel_slot *slot = rs_channel_slot_at(channel, index);
    if (!slot || rs_channel_kind(atomic_load(&slot->state)) != RS_CHANNEL_PENDING) {
      head->torn = 1;
      break;
    }
    uint32_t next = slot->next;
    if (!move_out(channel, index)) break;
    head->doomed = next;
    rs_channel_give_free(channel, index);
    atomic_fetch_add(&head->rejected, 1);
    flags = RS_CHANNEL_REJECTED;
  }
  return flags;
}
