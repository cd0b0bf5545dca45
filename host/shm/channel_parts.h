/* channel_parts.h -- what a channel's files have in common: states, lists, the lock.
**
** Layer    shm, for the files of that name alone.
** Owner    nothing.
** Thread   whoever holds the lock, but for rs_channel_lock.
** Limits   those of channel.h.
** Tested   as channel.h. */
#ifndef RS_CHANNEL_PARTS_H
#define RS_CHANNEL_PARTS_H

#include "channel.h"

/* A state: kind 2 bits, attempt 20, user 16, gen 26. */
enum { RS_CHANNEL_ATTEMPTS = (1 << 20) - 1 };

static inline uint64_t rs_channel_pack(uint32_t kind, uint32_t attempt, uint32_t user,
                                       uint32_t gen) {
  return (uint64_t)kind << 62 | (uint64_t)attempt << 42 | (uint64_t)user << 26 | gen;
}

static inline uint32_t rs_channel_kind(uint64_t state) {
  return (uint32_t)(state >> 62);
}

static inline uint32_t rs_channel_attempt(uint64_t state) {
  return (uint32_t)(state >> 42) & RS_CHANNEL_ATTEMPTS;
}

static inline uint32_t rs_channel_user(uint64_t state) {
  return (uint32_t)(state >> 26) & (RS_CHANNEL_USERS_MAX - 1);
}

static inline uint32_t rs_channel_gen(uint64_t state) {
  return (uint32_t)state & (RS_CHANNEL_GENS - 1);
}

/* The monotonic clock. */
rs_time rs_channel_now(void);

enum { RS_CHANNEL_PATIENCE = 1000000000 };

/* Takes the lock, within `limit`: RS_CHANNEL_OK or BUSY. What its owner's death left is
** mended (channel_mend.c): DAMAGED, not locked, if that cannot be. Who has one may take
** the lock of the channel that rejects go to: the tree's check lets no ring of these
** be. */
int rs_channel_lock(rs_channel *channel, rs_time limit);
void rs_channel_unlock(rs_channel *channel);

/* Makes lists and counts from the states; what the dead had taken is ready again. */
int rs_channel_mend(rs_channel *channel);

/* Moves doomed items to the channel that is to have them. */
uint32_t rs_channel_reject(rs_channel *channel);

/* NULL: there is none of that number, or it cannot be mapped. */
rs_channel_slot *rs_channel_slot_at(rs_channel *channel, uint32_t index);

/* No slot at or above this is ever used. */
uint32_t rs_channel_slots(const rs_channel *channel);

/* A slot that is free; RS_NONE. */
uint32_t rs_channel_take_free(rs_channel *channel);
void rs_channel_give_free(rs_channel *channel, uint32_t index);

/* Behind all that are ready. */
void rs_channel_append(rs_channel *channel, uint32_t index);

/* What follows when items came or went: 0, or bits of bells to ring once the lock is
** given back; `*out` gets RS_CHANNEL_ITEMS and ROOM for the VM's own waiters. */
uint32_t rs_channel_settle(rs_channel *channel, uint64_t vm, uint32_t *out);
void rs_channel_toll(const rs_channel *channel, uint32_t bells);

/* A value's bytes; false: they could not be written or read. */
bool rs_channel_write(rs_channel *channel, uint32_t index, const void *bytes,
                      uint32_t size);
bool rs_channel_read(rs_channel *channel, uint32_t index, void *bytes, uint32_t size);

/* ---- channel_store.c; of a channel that is not durable, all is well ---- */

bool rs_channel_store_put(rs_channel *channel, const rs_channel_slot *slot,
                          const void *bytes);
bool rs_channel_store_mark(rs_channel *channel, uint64_t seq, uint32_t attempt);
bool rs_channel_store_delete(rs_channel *channel, uint64_t seq);

/* Rows from `next_seq` on become items. RS_CHANNEL_OK or STORE. */
int rs_channel_store_load(rs_channel *channel);
void rs_channel_store_end(rs_channel *channel);

#endif
