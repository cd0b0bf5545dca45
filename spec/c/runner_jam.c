/* Waits for a processor within a turn: another process wants the same one all along. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../host/runner/jam.h"
#include "runner_rig.h"

static pid_t rival;

/* All that is started from here on shares one processor with the rival. */
static int begin(void **state) {
  (void)state;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET((size_t)sched_getcpu(), &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  rival = fork();
  if (rival == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) continue;
  }
  return rival > 0 ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  if (rival == 0) return 0;
  kill(rival, SIGKILL);
  pid_t reaped = waitpid(rival, NULL, 0);
  int code = reaped == rival ? 0 : -1;
  rival = 0;
  return code;
}

static void spin(int ms) {
  for (rs_time by = rs_clock() + ms * (rs_time)RS_MS; rs_clock() < by;) continue;
}

static rs_time waited(void) {
  char text[128] = "";
  FILE *file = fopen("/proc/thread-self/schedstat", "r");
  assert_non_null(file);
  assert_non_null(fgets(text, sizeof text, file));
  fclose(file);
  return strtoll(strchr(text, ' '), NULL, 10);
}

static void within_a_turn_it_is_told(void **state) {
  (void)state;
  rs_jam jam = {0};
  rs_time from = rs_clock();
  spin(2);
  rs_jam_within(&jam, from, rs_clock());
  rs_time before = waited();
  from = rs_clock();
  spin(200);
  rs_time now = rs_clock(), told = rs_jam_within(&jam, from, now);
  rs_time all = waited() - before;
  assert_true(all > 20 * RS_MS);
  assert_true(told > all / 2 && told <= now - from);
}

static void before_a_turn_it_is_not(void **state) {
  (void)state;
  rs_jam jam = {0};
  rs_time from = rs_clock();
  spin(20);
  rs_jam_within(&jam, from, rs_clock());
  assert_true(jam.jammed);
  spin(100);
  rs_jam_woke(&jam);
  rs_time before = waited();
  from = rs_clock();
  spin(5);
  assert_true(rs_jam_within(&jam, from, rs_clock()) <= waited() - before + 2 * RS_MS);
}

static void short_turns_cost_nothing(void **state) {
  (void)state;
  rs_jam jam = {0};
  assert_int_equal(rs_jam_within(&jam, 1000, 1000 + RS_MS / 2), 0);
  rs_jam_woke(&jam);
  assert_int_equal(jam.at, 0);
}

/* 0.1 s of computing takes longer than that here, and counts as what it is. */
static void a_turn_lasts_as_long_as_it_computes(void **state) {
  (void)state;
  static rig r;
  static const char code[] =
    "local t = os.clock() while os.clock() - t < %s do end return 1";
  char text[128];
  rig_begin(&r, RIG_RING);
  for (int i = 0; i < 2; i++) {
    rs_time busy = atomic_load(&r.seg.vm[0].busy), from = rs_clock();
    snprintf(text, sizeof text, code, i == 0 ? "0.01" : "0.1");
    rig_start(&r, 0, 0, (uint32_t)i, text);
    assert_int_equal(rig_exit(&r, 0, 0), 1);
    assert_true(rig_idle(&r, 0));
    if (i == 0) continue;
    busy = atomic_load(&r.seg.vm[0].busy) - busy;
    rs_time took = rs_clock() - from;
    assert_true(took > 140 * RS_MS);
    assert_true(busy > 90 * RS_MS && busy < 100 * RS_MS + (took - 100 * RS_MS) / 2);
  }
  assert_int_equal(end(state), 0); /* the rig waits for all children */
  rig_end(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(within_a_turn_it_is_told),
    cmocka_unit_test(before_a_turn_it_is_not),
    cmocka_unit_test(short_turns_cost_nothing),
    cmocka_unit_test(a_turn_lasts_as_long_as_it_computes),
  };
  return cmocka_run_group_tests(tests, begin, end);
}
