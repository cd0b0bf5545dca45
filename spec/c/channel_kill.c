/* Producers and consumers, each a process, are killed at any instruction; the test
** plays the engine, which alone says who is dead. RS_CHANNEL_ITEMS: how many items each
** of four producers tries. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel_rig.h"

enum { PRODUCERS = 4, CONSUMERS = 4, REJECTERS = 1, LIMIT_S = 1000 };
enum { ACTORS = PRODUCERS + CONSUMERS + REJECTERS, PROCESS = 100 };

static rs_rig the_rig;
static pid_t pids[ACTORS];
static uint32_t kills, held;
static rs_channel mine[2];
static char folder[64], files[2][80]; /* of durable ones; folder "": they are not */

static rs_channel *find(uint32_t number) {
  return number == 1 || number == 2 ? &mine[number - 1] : NULL;
}

static _Noreturn void act(uint32_t actor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bool is_reject = actor >= PRODUCERS + CONSUMERS;
  rig_map(&mine[0], &the_rig.channel, PROCESS + actor);
  rig_map(&mine[1], &the_rig.rejects, PROCESS + actor);
  mine[0].find = mine[1].find = find;
  if (*folder) mine[0].durable = files[0];
  if (*folder) mine[1].durable = files[1];
  rs_channel *channel = &mine[is_reject];
  rs_channel_use use = {.channel = channel, .vm = actor + 1, .user = actor};
  use.gen = atomic_load(&channel->book->gen[actor]);
  if (actor < PRODUCERS) rig_produce(&the_rig, &use, actor);
  else rig_consume(&the_rig, &use, 0, is_reject);
  _exit(0);
}

static void start(uint32_t actor) {
  pids[actor] = fork();
  assert_true(pids[actor] >= 0);
  if (pids[actor] == 0) act(actor);
}

static void bury_in(rs_channel *channel, uint32_t user) {
  uint32_t gen = atomic_load(&channel->book->gen[user]);
  rs_channel_bury(channel, user, gen % (RS_CHANNEL_GENS - 1) + 1);
}

static bool owns(const rs_channel *channel, uint32_t actor) {
  uint32_t lock = atomic_load(&channel->head->lock);
  return lock != 0 && (lock & 0xffff) == PROCESS + actor;
}

static void is_dead(uint32_t actor) {
  rs_channel *both[] = {&the_rig.channel, &the_rig.rejects};
  for (int i = 0; i < 2; i++) {
    if (owns(both[i], actor)) held++;
    bury_in(both[i], actor);
    bury_in(both[i], PROCESS + actor);
    rs_channel_ring(both[i]);
  }
}

static bool is_through(uint32_t producer) {
  return atomic_load(&the_rig.next[producer]) >= the_rig.items;
}

/* Kills one and starts it again, unless it was through. */
static void kill_one(uint32_t actor) {
  int status;
  kill(pids[actor], SIGKILL);
  waitpid(pids[actor], &status, 0);
  is_dead(actor);
  if (WIFSIGNALED(status)) kills++;
  start(actor);
}

static void nap(long us) {
  struct timespec span = {.tv_nsec = us * 1000};
  nanosleep(&span, NULL);
}

static bool all_sent(void) {
  for (uint32_t i = 0; i < PRODUCERS; i++)
    if (!is_through(i)) return false;
  return true;
}

static bool is_empty(const rs_channel *channel) {
  return atomic_load(&channel->head->ready) == 0 &&
         atomic_load(&channel->head->taken) == 0;
}

static void prepare(uint32_t attempts) {
  uint32_t items = rig_number("RS_CHANNEL_ITEMS", 50000);
  rig_make(&the_rig, *folder ? items / 20 : items, 50);
  rs_channel *both[] = {&the_rig.channel, &the_rig.rejects};
  for (int i = 0; i < 2; i++)
    for (uint32_t user = 0; user < PROCESS + ACTORS; user++)
      atomic_store(&both[i]->book->gen[user], 1);
  atomic_store(&the_rig.channel.book->attempts, attempts);
  atomic_store(&the_rig.channel.book->rejects, attempts ? 2 : 0);
  srandom(rig_number("RS_SEED", 1));
  kills = held = 0;
}

/* The producers send their last by themselves, and what is left is taken. Doomed items
** have gone when the consumers' last calls have moved them. */
static void settle(void) {
  int status;
  for (uint32_t i = 0; i < PRODUCERS; i++) {
    waitpid(pids[i], &status, 0);
    is_dead(i);
  }
  while (!is_empty(&the_rig.channel) || !is_empty(&the_rig.rejects)) nap(1000);
  nap(20000);
  while (!is_empty(&the_rig.channel) || !is_empty(&the_rig.rejects)) nap(1000);
  atomic_store(the_rig.stop, 1);
  for (uint32_t i = PRODUCERS; i < ACTORS; i++) {
    kill(pids[i], SIGKILL);
    waitpid(pids[i], &status, 0);
  }
}

static void run(uint32_t attempts) {
  prepare(attempts);
  alarm(LIMIT_S);
  for (uint32_t i = 0; i < ACTORS; i++) start(i);
  while (!all_sent()) {
    nap(random() % 300);
    kill_one((uint32_t)random() % ACTORS);
  }
  settle();
  const char *why = rig_judge(&the_rig);
  if (why) fail_msg("%s", why);
  fprintf(stderr, "%u items each, %u kills, %u of them inside a lock, %u rejected\n",
          the_rig.items, kills, held,
          (uint32_t)atomic_load(&the_rig.channel.head->rejected));
  assert_true(kills > 0);
  if (attempts) assert_true(atomic_load(&the_rig.channel.head->rejected) > 0);
  rig_free(&the_rig);
}

static void test_kill(void **state) {
  (void)state;
  run(0);
}

static void test_reject(void **state) {
  (void)state;
  run(1);
}

static int rows_in(const char *file) {
  sqlite3 *db;
  sqlite3_stmt *count;
  assert_int_equal(SQLITE_OK, sqlite3_open(file, &db));
  sqlite3_prepare_v2(db, "SELECT count(*) FROM items", -1, &count, NULL);
  assert_int_equal(SQLITE_ROW, sqlite3_step(count));
  int rows = sqlite3_column_int(count, 0);
  sqlite3_finalize(count);
  sqlite3_close(db);
  return rows;
}

static void test_durable(void **state) {
  char command[128];
  (void)state;
  strcpy(folder, "/tmp/runsmith-channel-XXXXXX");
  assert_non_null(mkdtemp(folder));
  for (int i = 0; i < 2; i++)
    snprintf(files[i], sizeof files[i], "%s/%d.db", folder, i);
  run(1);
  for (int i = 0; i < 2; i++) assert_int_equal(0, rows_in(files[i]));
  snprintf(command, sizeof command, "rm -rf %s", folder);
  assert_int_equal(0, system(command));
  *folder = 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_kill),
    cmocka_unit_test(test_reject),
    cmocka_unit_test(test_durable),
  };
  return cmocka_run_group_tests_name("kill -9 in channels", tests, NULL, NULL);
}
