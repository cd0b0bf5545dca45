/* The lock names its owner, a process. The engine's book says whether that one lives: a
** lock whose owner is dead, or is nobody, is whoever's takes it over. So it needs no
** pointers in shared memory, as a robust mutex does, and no stray write can make it
** crash who takes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "channel_parts.h"

/* user 16 bits, gen 14, whether it is held, whether others wait. */
enum { GEN_BITS = 14, SPINS = 64, SLICE = 20000000 };

#define HELD (1u << 30)
#define WAITED (1u << 31)

static uint32_t name_of(const rs_channel *channel) {
  uint32_t gen = channel->gen & ((1u << GEN_BITS) - 1);
  return HELD | gen << 16 | channel->user;
}

static bool is_dead(const rs_channel *channel, uint32_t owner) {
  if (!(owner & HELD)) return true; /* a stray write */
  uint32_t user = owner & 0xffff, gen = (owner >> 16) & ((1u << GEN_BITS) - 1);
  uint32_t living = atomic_load(&channel->book->gen[user]);
  return (living & ((1u << GEN_BITS) - 1)) != gen || living == 0;
}

/* 0: not now; 1: it is ours; 2: it is, and was a dead one's. */
static int try(rs_channel *channel, uint32_t waited) {
  _Atomic uint32_t *lock = &channel->head->lock;
  uint32_t owner = 0, mine = name_of(channel) | waited;
  if (atomic_compare_exchange_strong(lock, &owner, mine)) return 1;
  if (!is_dead(channel, owner)) return 0;
  return atomic_compare_exchange_strong(lock, &owner, mine | WAITED) ? 2 : 0;
}

static void sleep_on(_Atomic uint32_t *lock) {
  uint32_t owner = atomic_load(lock);
  struct timespec slice = {.tv_nsec = SLICE};
  if (owner == 0) return;
  if (!(owner & WAITED) &&
      !atomic_compare_exchange_strong(lock, &owner, owner | WAITED))
    return;
  syscall(SYS_futex, lock, FUTEX_WAIT, owner | WAITED, &slice, NULL, 0);
}

static int wait(rs_channel *channel, rs_time limit) {
  rs_time until = rs_channel_now() + limit;
  int got = 0;
  if (channel->waits) channel->waits(true);
  while (got == 0 && rs_channel_now() < until) {
    got = try(channel, WAITED);
    if (got == 0) sleep_on(&channel->head->lock);
  }
  if (channel->waits) channel->waits(false);
  return got;
}

int rs_channel_lock(rs_channel *channel, rs_time limit) {
  int got = 0;
  for (int i = 0; got == 0 && i < SPINS; i++) got = try(channel, 0);
  if (got == 0) got = wait(channel, limit);
  if (got == 0) return RS_CHANNEL_BUSY;
  rs_channel_head *head = channel->head;
  if (got == 2) head->torn = 1;
  if (!head->torn && head->seen == atomic_load(&channel->book->deaths))
    return RS_CHANNEL_OK;
  int code = rs_channel_mend(channel);
  if (code != RS_CHANNEL_OK) rs_channel_unlock(channel);
  return code;
}

void rs_channel_unlock(rs_channel *channel) {
  _Atomic uint32_t *lock = &channel->head->lock;
  uint32_t owner = atomic_exchange(lock, 0);
  if (owner & WAITED) syscall(SYS_futex, lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}
