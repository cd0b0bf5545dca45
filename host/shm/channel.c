/* The file: the book, the head, slots from one end to the other, then an area for each
** slot, of which only what was written takes memory. Areas are never mapped. */
#define _GNU_SOURCE
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include "channel_parts.h"

enum {
  PAGE = 4096,
  BOOK_SIZE = (sizeof(rs_channel_book) + PAGE - 1) / PAGE * PAGE,
  HEAD_SIZE = (sizeof(rs_channel_head) + PAGE - 1) / PAGE * PAGE,
  KEPT = 64 << 10, /* a free slot's area keeps so much memory for the next */
  CHUNKS = RS_CHANNEL_SLOTS_MAX / RS_CHANNEL_CHUNK,
  CHUNK_SIZE = RS_CHANNEL_CHUNK * sizeof(rs_channel_slot),
  SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL
};

_Static_assert(sizeof(rs_channel_slot) == 256, "chunks are whole pages");

#define SLOTS_AT ((off_t)BOOK_SIZE + HEAD_SIZE)
#define AREAS_AT (SLOTS_AT + (off_t)CHUNKS * (off_t)CHUNK_SIZE)
#define FILE_SIZE (AREAS_AT + (off_t)RS_CHANNEL_SLOTS_MAX * RS_CHANNEL_AREA)

rs_time rs_channel_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (rs_time)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *map(int fd, size_t size, int rights, off_t at) {
  void *base = mmap(NULL, size, rights, MAP_SHARED | MAP_NORESERVE, fd, at);
  return base == MAP_FAILED ? NULL : base;
}

int rs_channel_make(rs_channel *channel, uint32_t number) {
  *channel = (rs_channel){.number = number, .fd = -1, .bell = {-1, -1}, .owner = -1};
  channel->fd = memfd_create("runsmith-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  for (int i = 0; i < 2; i++) channel->bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int code = 0;
  if (channel->fd < 0 || channel->bell[0] < 0 || channel->bell[1] < 0) code = -EMFILE;
  else if (ftruncate(channel->fd, FILE_SIZE) != 0) code = -errno;
  else if (fcntl(channel->fd, F_ADD_SEALS, SEALS) != 0) code = -errno;
  if (code == 0) {
    void *base = map(channel->fd, (size_t)SLOTS_AT, PROT_READ | PROT_WRITE, 0);
    if (!base) code = -errno;
    channel->book = base;
  }
  if (code != 0) {
    rs_channel_unmap(channel);
    return code;
  }
  channel->head = (rs_channel_head *)((char *)channel->book + BOOK_SIZE);
  rs_channel_head *head = channel->head;
  head->free = head->first = head->last = head->doomed = RS_NONE;
  head->next_seq = 1;
  head->torn = 1; /* the first who comes looks whether there are rows */
  atomic_store(&head->sent.since, rs_channel_now());
  atomic_store(&head->acked.since, rs_channel_now());
  return 0;
}

int rs_channel_map(rs_channel *channel) {
  struct stat st;
  if (fstat(channel->fd, &st) != 0) return errno;
  int seals = fcntl(channel->fd, F_GET_SEALS);
  if (st.st_size != FILE_SIZE || seals < 0 || (seals & SEALS) != SEALS) return EINVAL;
  channel->book = map(channel->fd, BOOK_SIZE, PROT_READ, 0);
  channel->head = map(channel->fd, HEAD_SIZE, PROT_READ | PROT_WRITE, BOOK_SIZE);
  channel->chunk = calloc(CHUNKS, sizeof *channel->chunk);
  return channel->book && channel->head && channel->chunk ? 0 : ENOMEM;
}

void rs_channel_unmap(rs_channel *channel) {
  if (channel->book) munmap(channel->book, channel->chunk ? BOOK_SIZE : SLOTS_AT);
  if (channel->chunk && channel->head) munmap(channel->head, HEAD_SIZE);
  for (uint32_t i = 0; channel->chunk && i < CHUNKS; i++)
    if (atomic_load(&channel->chunk[i])) munmap(channel->chunk[i], CHUNK_SIZE);
  free(channel->chunk);
  rs_channel_store_end(channel);
  if (channel->owner >= 0) close(channel->owner);
  if (channel->fd >= 0) close(channel->fd);
  for (int i = 0; i < 2; i++)
    if (channel->bell[i] >= 0) close(channel->bell[i]);
  channel->book = NULL;
  channel->head = NULL;
  channel->chunk = NULL;
  channel->fd = channel->owner = channel->bell[0] = channel->bell[1] = -1;
}

/* Who waits for the lock of a dead one looks whether its owner still lives. */
void rs_channel_bury(rs_channel *channel, uint32_t user, uint32_t gen) {
  atomic_store(&channel->book->gen[user], gen);
  atomic_fetch_add(&channel->book->deaths, 1);
  syscall(SYS_futex, &channel->head->lock, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void rs_channel_toll(const rs_channel *channel, uint32_t bells) {
  const uint64_t one = 1;
  for (int i = 0; i < 2; i++)
    while (bells & 1u << i && write(channel->bell[i], &one, sizeof one) < 0 &&
           errno == EINTR)
      continue;
}

void rs_channel_ring(rs_channel *channel) { rs_channel_toll(channel, 3); }

void rs_channel_close(rs_channel *channel) {
  atomic_store(&channel->book->closed, 1);
  rs_channel_ring(channel);
  fallocate(channel->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, SLOTS_AT,
            FILE_SIZE - SLOTS_AT);
}

double rs_channel_speed(const rs_channel_rate *rate, rs_time now) {
  int64_t since = atomic_load(&rate->since);
  int64_t span = since > 0 && since <= now ? now - since : 0;
  if (span < 1000000000) return atomic_load(&rate->last);
  uint64_t count = atomic_load(&rate->count) - atomic_load(&rate->base);
  return (double)count * 1e9 / (double)span;
}

uint32_t rs_channel_slots(const rs_channel *channel) {
  uint32_t peak = atomic_load_explicit(&channel->book->peak, memory_order_relaxed);
  if (peak > RS_CHANNEL_CAPACITY_MAX - RS_CHANNEL_UNACKED) return RS_CHANNEL_SLOTS_MAX;
  return 2 * (peak + RS_CHANNEL_UNACKED);
}

rs_channel_slot *rs_channel_slot_at(rs_channel *channel, uint32_t index) {
  if (index >= rs_channel_slots(channel)) return NULL;
  uint32_t number = index / RS_CHANNEL_CHUNK;
  rs_channel_slot *chunk =
    atomic_load_explicit(&channel->chunk[number], memory_order_acquire);
  if (!chunk) {
    rs_channel_slot *none = NULL;
    off_t at = SLOTS_AT + (off_t)number * (off_t)CHUNK_SIZE;
    chunk = map(channel->fd, CHUNK_SIZE, PROT_READ | PROT_WRITE, at);
    if (!chunk) return NULL;
    if (!atomic_compare_exchange_strong(&channel->chunk[number], &none, chunk)) {
      munmap(chunk, CHUNK_SIZE);
      chunk = none;
    }
  }
  return &chunk[index % RS_CHANNEL_CHUNK];
}

static off_t area(uint32_t index) { return AREAS_AT + (off_t)index * RS_CHANNEL_AREA; }

bool rs_channel_write(rs_channel *channel, uint32_t index, const void *bytes,
                      uint32_t size) {
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  if (!slot || size > RS_CHANNEL_VALUE_MAX) return false;
  slot->size = size;
  if (size <= RS_CHANNEL_INLINE) {
    if (size > 0) memcpy(slot->bytes, bytes, size);
    return true;
  }
  for (uint32_t done = 0; done < size;) {
    ssize_t got =
      pwrite(channel->fd, (const char *)bytes + done, size - done, area(index) + done);
    if (got > 0) done += (uint32_t)got;
    else if (got == 0 || errno != EINTR) return false;
  }
  return true;
}

bool rs_channel_read(rs_channel *channel, uint32_t index, void *bytes, uint32_t size) {
  const rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  if (!slot || size > RS_CHANNEL_VALUE_MAX) return false;
  if (size <= RS_CHANNEL_INLINE) {
    if (size > 0) memcpy(bytes, slot->bytes, size);
    return true;
  }
  for (uint32_t done = 0; done < size;) {
    ssize_t got =
      pread(channel->fd, (char *)bytes + done, size - done, area(index) + done);
    if (got > 0) done += (uint32_t)got;
    else if (got == 0 || errno != EINTR) return false;
  }
  return true;
}

/* Its state says FREE already. */
void rs_channel_give_free(rs_channel *channel, uint32_t index) {
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  if (!slot) return;
  if (slot->size > KEPT)
    fallocate(channel->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, area(index),
              RS_CHANNEL_AREA);
  slot->size = 0;
  slot->next = channel->head->free;
  channel->head->free = index;
}
