/* One call is run an instruction at a time and killed after the first, the second, and
** so on to its end; after each the channel has the item, whole and once, or has it not,
** as the call's one store says. RS_CHANNEL_STRIDE: so many instructions further each
** time. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel_rig.h"

enum { ME = 0, IT = 1, MY_PROCESS = 2, ITS_PROCESS = 3, USERS = 4, BEFORE = 3 };
enum { STEPS_MAX = 100000 };

typedef struct scene {
  const char *name;
  void (*act)(void);  /* what the victim does */
  bool (*good)(void); /* what the survivor finds */
} scene;

static rs_rig the_rig;
static rs_channel mine[2], its[2];
static rs_channel_use me, me_there, it;
static rs_channel_item held;
static uint32_t seen[8], seen_count, rejects_count;

static rs_channel *find_mine(uint32_t number) { return &mine[number - 1]; }
static rs_channel *find_its(uint32_t number) { return &its[number - 1]; }

static rs_channel_use use_of(rs_channel *channel, uint32_t user) {
  rs_channel_use use = {.channel = channel, .vm = user + 1, .user = user};
  use.gen = atomic_load(&channel->book->gen[user]);
  return use;
}

static void send(const rs_channel_use *use, uint32_t number) {
  rs_channel_send(use, &number, sizeof number, 0);
}

/* Three lie in it, and the victim has taken the first of them. */
static void prepare(void) {
  rig_make(&the_rig, 1, 4);
  rs_channel *both[] = {&the_rig.channel, &the_rig.rejects};
  for (int i = 0; i < 2; i++) {
    for (uint32_t user = 0; user < USERS; user++)
      atomic_store(&both[i]->book->gen[user], 1);
    rig_map(&mine[i], both[i], MY_PROCESS);
    rig_map(&its[i], both[i], ITS_PROCESS);
    mine[i].find = find_mine;
    its[i].find = find_its;
  }
  me = use_of(&mine[0], ME);
  me_there = use_of(&mine[1], ME);
  it = use_of(&its[0], IT);
  for (uint32_t i = 1; i <= BEFORE; i++) send(&me, i);
  rs_channel_receive(&it, &held, 0);
}

static void clean(void) {
  for (int i = 0; i < 2; i++) {
    rs_channel_unmap(&mine[i]);
    rs_channel_unmap(&its[i]);
  }
  rig_free(&the_rig);
}

static void act_send(void) { send(&it, 4); }

static void act_drop(void) {
  send(&it, 4);
  send(&it, 5);
  send(&it, 6);
}

static void act_receive(void) { rs_channel_receive(&it, &held, 0); }

static void act_ack(void) { rs_channel_ack(&it, held.slot, held.seq, held.attempt); }

/* What the one before it left is mended by the victim, whose own end is then another's
** to mend. */
static void act_mend(void) {
  rs_channel_item item;
  rs_channel_receive(&it, &item, 0);
}

static void bury(void) {
  rs_channel *both[] = {&the_rig.channel, &the_rig.rejects};
  for (int i = 0; i < 2; i++) {
    rs_channel_bury(both[i], IT, atomic_load(&both[i]->book->gen[IT]) + 1);
    rs_channel_bury(both[i], ITS_PROCESS,
                    atomic_load(&both[i]->book->gen[ITS_PROCESS]) + 1);
  }
}

static void drain(const rs_channel_use *use, uint32_t *count) {
  rs_channel_item item;
  *count = 0;
  while ((rs_channel_receive(use, &item, 0) & RS_CHANNEL_CODE) == RS_CHANNEL_OK &&
         *count < RS_COUNT(seen)) {
    assert_int_equal(sizeof *seen, item.size);
    memcpy(&seen[(*count)++], item.bytes, sizeof *seen);
    assert_int_equal(RS_CHANNEL_OK,
                     rs_channel_ack(use, item.slot, item.seq, item.attempt) &
                       RS_CHANNEL_CODE);
  }
  assert_int_equal(0, atomic_load(&use->channel->head->taken));
}

/* Numbers `from` up to and with `to`, each once, in order. */
static bool has(uint32_t from, uint32_t to) {
  if (seen_count != to - from + 1) return false;
  for (uint32_t i = 0; i < seen_count; i++)
    if (seen[i] != from + i) return false;
  return true;
}

static bool good_send(void) { return has(1, 3) || has(1, 4); }

static bool good_drop(void) {
  return has(1, 3) || has(1, 4) || has(1, 5) ||
         /* the oldest that waits has given way; the taken one is back in its place */
         (seen_count >= 4 && seen[0] == 1 && seen[1] == 3 && seen[2] == 4 &&
          seen[3] == 5 && (seen_count == 4 || (seen_count == 5 && seen[4] == 6)));
}

static bool good_receive(void) { return has(1, 3); }
static bool good_ack(void) { return has(1, 3) || has(2, 3); }

static bool good_reject(void) {
  uint32_t left = seen_count, first = seen[0];
  drain(&me_there, &rejects_count);
  if (rejects_count > 0 && seen[0] != 1) return false;
  /* What the victim itself took at last is one that died with it, too. */
  if (rejects_count == 1) return left == 2 && first == 2;
  return rejects_count == 2 && seen[1] == 2 && left == 1 && first == 3;
}

static const scene scenes[] = {
  {"send", act_send, good_send},          {"drop", act_drop, good_drop},
  {"receive", act_receive, good_receive}, {"ack", act_ack, good_ack},
  {"reject", act_mend, good_reject},
};

/* False: it came to its end before. */
static bool kill_after(const scene *s, uint32_t steps) {
  int status;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    s->act();
    _exit(0);
  }
  waitpid(pid, &status, 0);
  for (uint32_t i = 0; i < steps && WIFSTOPPED(status); i++) {
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0) break;
    waitpid(pid, &status, 0);
  }
  bool lives = WIFSTOPPED(status);
  if (lives) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  return lives;
}

static void play(const scene *s) {
  bool is_reject = s->act == act_mend;
  bool lives = true;
  uint32_t stride = rig_number("RS_CHANNEL_STRIDE", 97), deaths = 0;
  for (uint32_t steps = 0; lives && steps < STEPS_MAX; steps += stride) {
    prepare();
    if (s->act == act_drop)
      atomic_store(&the_rig.channel.book->overflow, RS_CHANNEL_DROP_OLDEST);
    if (is_reject) {
      atomic_store(&the_rig.channel.book->attempts, 1);
      atomic_store(&the_rig.channel.book->rejects, 2);
      bury();
      for (int i = 0; i < 2; i++)
        its[i].gen = atomic_load(&its[i].book->gen[ITS_PROCESS]);
      it = use_of(&its[0], IT);
    }
    lives = kill_after(s, steps);
    bury();
    drain(&me, &seen_count);
    if (!s->good()) fail_msg("%s, killed after %u instructions", s->name, steps);
    clean();
    deaths++;
  }
  print_message("%s: %u deaths\n", s->name, deaths);
}

static void test_steps(void **state) {
  (void)state;
  for (size_t i = 0; i < RS_COUNT(scenes); i++) play(&scenes[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps)};
  return cmocka_run_group_tests_name("a kill at each instruction", tests, NULL, NULL);
}
