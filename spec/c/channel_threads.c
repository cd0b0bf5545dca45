/* Users that are threads of one process: they share its name as the lock's owner, and
** end without a word with items taken. RS_CHANNEL_ITEMS: of each of four producers. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel_rig.h"

enum { PRODUCERS = 4, CONSUMERS = 4, LEAVE = 301, PROCESS = 100, LIMIT_S = 250 };

static rs_rig the_rig;
static rs_channel mine;
static _Atomic uint32_t deaths;

static rs_channel_use use_of(uint32_t user) {
  rs_channel_use use = {.channel = &mine, .vm = user + 1, .user = user};
  use.gen = atomic_load(&mine.book->gen[user]);
  return use;
}

static void *produce(void *arg) {
  uint32_t user = (uint32_t)(uintptr_t)arg;
  rs_channel_use use = use_of(user);
  rig_produce(&the_rig, &use, user);
  return NULL;
}

static void bury(uint32_t user) {
  uint32_t gen = atomic_load(&mine.book->gen[user]);
  rs_channel_bury(&the_rig.channel, user, gen + 1);
  rs_channel_ring(&the_rig.channel);
}

/* One incarnation after another, each left with an item. */
static void *consume(void *arg) {
  uint32_t user = (uint32_t)(uintptr_t)arg;
  while (!atomic_load(the_rig.stop)) {
    rs_channel_use use = use_of(user);
    rig_consume(&the_rig, &use, LEAVE, false);
    bury(user);
    atomic_fetch_add(&deaths, 1);
  }
  return NULL;
}

static void nap(void) {
  struct timespec span = {.tv_nsec = 1000000};
  nanosleep(&span, NULL);
}

static void prepare(void) {
  rig_make(&the_rig, rig_number("RS_CHANNEL_ITEMS", 20000), 20);
  for (uint32_t user = 0; user <= PROCESS; user++)
    atomic_store(&the_rig.channel.book->gen[user], 1);
  rig_map(&mine, &the_rig.channel, PROCESS);
  alarm(LIMIT_S);
}

static void run(void *(*consumer)(void *)) {
  pthread_t thread[PRODUCERS + CONSUMERS];
  prepare();
  for (uintptr_t i = 0; i < PRODUCERS + CONSUMERS; i++)
    pthread_create(&thread[i], NULL, i < PRODUCERS ? produce : consumer, (void *)i);
  for (int i = 0; i < PRODUCERS; i++) pthread_join(thread[i], NULL);
  while (atomic_load(&mine.head->ready) > 0 || atomic_load(&mine.head->taken) > 0)
    nap();
  atomic_store(the_rig.stop, 1);
  for (int i = PRODUCERS; i < PRODUCERS + CONSUMERS; i++)
    while (pthread_tryjoin_np(thread[i], NULL) != 0) {
      rs_channel_ring(&the_rig.channel);
      nap();
    }
  const char *why = rig_judge(&the_rig);
  if (why) fail_msg("%s", why);
  rs_channel_unmap(&mine);
  rig_free(&the_rig);
}

static void test_deaths(void **state) {
  (void)state;
  run(consume);
  assert_true(atomic_load(&deaths) > CONSUMERS);
}

/* Nobody dies, so nobody rings but those who send and take: no wake-up may be lost. */
static void *consume_on(void *arg) {
  rs_channel_use use = use_of((uint32_t)(uintptr_t)arg);
  rig_consume(&the_rig, &use, 0, false);
  return NULL;
}

static void test_wakes(void **state) {
  (void)state;
  run(consume_on);
}

static int receive(const rs_channel_use *use, uint32_t flags) {
  rs_channel_item item;
  return rs_channel_receive(use, &item, flags) & RS_CHANNEL_CODE;
}

static bool is_rung(const rs_channel_use *use) {
  struct pollfd bell = {.fd = rs_channel_bell(use, 0), .events = POLLIN};
  return poll(&bell, 1, 0) == 1;
}

/* Two VMs wait. One is woken, takes what there is, and reads the bell as it finds no
** more: the other waits on, so what the first one sends has to ring. */
static void test_bells(void **state) {
  (void)state;
  prepare();
  rs_channel_use a = use_of(0), b = use_of(1);
  rs_channel_polls(&a, 0, 1);
  rs_channel_polls(&b, 0, 1);
  assert_int_equal(RS_CHANNEL_EMPTY, receive(&b, RS_CHANNEL_WAIT));
  assert_int_equal(RS_CHANNEL_EMPTY, receive(&a, RS_CHANNEL_WAIT));
  rs_channel_send(&a, "x", 1, 0);
  assert_true(is_rung(&a));
  assert_int_equal(RS_CHANNEL_OK, receive(&a, RS_CHANNEL_WOKEN));
  assert_int_equal(RS_CHANNEL_EMPTY, receive(&a, RS_CHANNEL_WAIT | RS_CHANNEL_WOKEN));
  assert_false(is_rung(&b));
  rs_channel_send(&a, "x", 1, 0);
  assert_true(is_rung(&b));
  rs_channel_unmap(&mine);
  rig_free(&the_rig);
}

/* A VM that waits alone is told in the answer, and no bell is rung. */
static void test_own(void **state) {
  (void)state;
  prepare();
  rs_channel_use a = use_of(0);
  rs_channel_polls(&a, 0, 1);
  assert_int_equal(RS_CHANNEL_EMPTY, receive(&a, RS_CHANNEL_WAIT));
  assert_int_equal(RS_CHANNEL_OK | RS_CHANNEL_ITEMS, rs_channel_send(&a, "x", 1, 0));
  assert_false(is_rung(&a));
  assert_int_equal(RS_CHANNEL_OK, rs_channel_send(&a, "x", 1, 0));
  rs_channel_unmap(&mine);
  rig_free(&the_rig);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_deaths),
    cmocka_unit_test(test_wakes),
    cmocka_unit_test(test_bells),
    cmocka_unit_test(test_own),
  };
  return cmocka_run_group_tests_name("threads in channels", tests, NULL, NULL);
}
