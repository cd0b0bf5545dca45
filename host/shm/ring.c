/* Records lie one after another, padded to 8 bytes, and run on from the ring's end to
** its beginning. Positions only grow; their remainder by the size is the place. */
#include "ring.h"

#include <string.h>

enum { PAD = 8 };

_Static_assert(sizeof(rs_record) == 32, "no padding");
_Static_assert(sizeof(rs_record) % PAD == 0, "heads stay aligned");

static uint32_t whole(uint32_t text) {
  return ((uint32_t)sizeof(rs_record) + text + PAD - 1) / PAD * PAD;
}

static void copy_in(const rs_ring *ring, uint64_t at, const void *from, uint32_t size) {
  uint32_t place = (uint32_t)at & (ring->size - 1);
  uint32_t first = ring->size - place < size ? ring->size - place : size;
  memcpy(ring->bytes + place, from, first);
  if (size > first)
    memcpy(ring->bytes, (const unsigned char *)from + first, size - first);
}

static void copy_out(const rs_ring *ring, uint64_t at, void *to, uint32_t size) {
  uint32_t place = (uint32_t)at & (ring->size - 1);
  uint32_t first = ring->size - place < size ? ring->size - place : size;
  memcpy(to, ring->bytes + place, first);
  if (size > first) memcpy((unsigned char *)to + first, ring->bytes, size - first);
}

/* A reader's position that cannot be leaves no room: the writer then waits, no more. */
static bool has_room(const rs_ring *ring, uint32_t size) {
  uint64_t used = ring->mine - atomic_load(&ring->head->head);
  return used <= ring->size && ring->size - used >= size;
}

int rs_ring_put(rs_ring *ring, const rs_record *record, const void *text) {
  if (record->size > RS_TEXT_MAX) return -2;
  uint32_t size = whole(record->size);
  if (size >= ring->size / 2) return -2;
  if (!has_room(ring, size)) {
    atomic_store(&ring->head->wanted, 1);
    if (!has_room(ring, size)) return -1;
    atomic_store(&ring->head->wanted, 0);
  }
  copy_in(ring, ring->mine, record, sizeof *record);
  if (record->size > 0) copy_in(ring, ring->mine + sizeof *record, text, record->size);
  ring->mine += size;
  atomic_store(&ring->head->tail, ring->mine);
  return 0;
}

int rs_ring_take(rs_ring *ring, rs_record *record, void *text) {
  uint64_t left = atomic_load(&ring->head->tail) - ring->mine;
  if (left == 0) return 0;
  if (left > ring->size || left < sizeof *record) return -1;
  /* From here on only the copy counts: the writer may change what lies in the ring. */
  copy_out(ring, ring->mine, record, sizeof *record);
  if (record->size > RS_TEXT_MAX || whole(record->size) > left) return -1;
  copy_out(ring, ring->mine + sizeof *record, text, record->size);
  ring->mine += whole(record->size);
  atomic_store(&ring->head->head, ring->mine);
  return 1;
}

bool rs_ring_wanted(rs_ring *ring) {
  return atomic_load(&ring->head->wanted) != 0 &&
         atomic_exchange(&ring->head->wanted, 0) != 0;
}
