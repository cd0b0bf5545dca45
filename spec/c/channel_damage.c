/* Bytes of the memory are overwritten at random, as a stray write of another worker
** would: each call still comes back in time, and with an answer. Afterwards the channel
** is of use again. RS_SEED, RS_CHANNEL_ROUNDS. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel_rig.h"

enum { CAPACITY = 16, PROCESS = 3, CALLS = 12, LIMIT_S = 250 };

static rs_rig the_rig;
static rs_channel mine;

/* Some bytes of the head or of one of the first slots, by the test's own mapping. */
static void damage(void) {
  unsigned char *at = (unsigned char *)mine.head;
  size_t size = sizeof(rs_channel_head);
  if (random() % 2) {
    at = (unsigned char *)rs_channel_slot_at(&mine, (uint32_t)random() % CAPACITY);
    size = 64;
  }
  size_t from = (size_t)random() % size, count = 1 + (size_t)random() % 16;
  for (size_t i = from; i < size && i < from + count; i++)
    at[i] = random() % 3 ? (unsigned char)random() : random() % 2 ? 0xff : 0;
}

/* A living owner's name in the lock is what it looks like: someone has it. */
static bool is_busy(void) {
  uint32_t lock = atomic_load(&mine.head->lock);
  return (lock & (1u << 30)) && (lock & 0xffff) <= PROCESS;
}

static void call(const rs_channel_use *use) {
  unsigned char bytes[3000] = {1};
  rs_channel_item item;
  uint32_t flags = random() % 2 ? RS_CHANNEL_WAIT : 0;
  if (is_busy()) atomic_store(&mine.head->lock, 0);
  if (random() % 2) {
    rs_channel_send(use, bytes, (size_t)random() % sizeof bytes, flags);
    return;
  }
  int code = rs_channel_receive(use, &item, flags) & RS_CHANNEL_CODE;
  if (code != RS_CHANNEL_OK) return;
  assert_true(item.size <= RS_CHANNEL_VALUE_MAX);
  unsigned sum = 0;
  for (uint32_t i = 0; i < item.size; i++) sum += (unsigned char)item.bytes[i];
  assert_true(sum <= 255u * item.size);
  if (random() % 4) rs_channel_ack(use, item.slot, item.seq, item.attempt);
}

/* Everything is taken out, whatever it is; then one goes through it. */
static void is_of_use(rs_channel_use *use) {
  rs_channel_item item;
  atomic_store(&mine.head->lock, 0);
  for (int i = 0; i < 2; i++) {
    rs_channel_bury(&the_rig.channel, use->user, use->gen + 1);
    use->gen++;
    for (uint32_t n = 0; n < 4 * (CAPACITY + RS_CHANNEL_UNACKED); n++) {
      int code = rs_channel_receive(use, &item, 0) & RS_CHANNEL_CODE;
      if (code == RS_CHANNEL_EMPTY) break;
      if (code == RS_CHANNEL_OK) rs_channel_ack(use, item.slot, item.seq, item.attempt);
    }
  }
  assert_int_equal(RS_CHANNEL_OK, rs_channel_send(use, "x", 1, 0) & RS_CHANNEL_CODE);
  assert_int_equal(RS_CHANNEL_OK, rs_channel_receive(use, &item, 0) & RS_CHANNEL_CODE);
  assert_int_equal(1, item.size);
  assert_int_equal('x', item.bytes[0]);
  assert_int_equal(RS_CHANNEL_OK,
                   rs_channel_ack(use, item.slot, item.seq, item.attempt) &
                     RS_CHANNEL_CODE);
}

static void round_of(uint32_t seed) {
  srandom(seed);
  rig_make(&the_rig, 1, CAPACITY);
  for (uint32_t user = 0; user <= PROCESS; user++)
    atomic_store(&the_rig.channel.book->gen[user], 1);
  atomic_store(&the_rig.channel.book->overflow, (uint32_t)random() % 3);
  rig_map(&mine, &the_rig.channel, PROCESS);
  rs_channel_use use = {.channel = &mine, .vm = 1, .user = 0, .gen = 1};
  for (int i = 0; i < CALLS; i++) call(&use);
  for (int i = 0; i < CALLS; i++) {
    damage();
    call(&use);
    call(&use);
  }
  is_of_use(&use);
  rs_channel_unmap(&mine);
  rig_free(&the_rig);
}

static void test_damage(void **state) {
  (void)state;
  uint32_t first = rig_number("RS_SEED", 1),
           count = rig_number("RS_CHANNEL_ROUNDS", 2000);
  alarm(LIMIT_S);
  for (uint32_t seed = first; seed < first + count; seed++) round_of(seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_damage)};
  return cmocka_run_group_tests_name("stray writes into channels", tests, NULL, NULL);
}
