/* Tasks and their timers, against a list that is sorted each time; and what a resume
** costs. */
#define _GNU_SOURCE
#include "../../host/runner/task.h"
#include "runner_rig.h"

static rs_tasks tasks;
static rs_vm page;
static rs_slot slots[4];

static int begin(void **state) {
  (void)state;
  rs_task_init(&tasks);
  return 0;
}

static int end(void **state) {
  (void)state;
  rs_task_free(&tasks);
  return 0;
}

static void ids_are_used_again(void **state) {
  (void)state;
  rs_task *first = rs_task_open(&tasks, &page, &slots[0]);
  rs_task *second = rs_task_open(&tasks, &page, &slots[1]);
  assert_int_equal(first->id, 0);
  assert_int_equal(second->id, 1);
  assert_true(atomic_load(&slots[1].beat) > 0);
  rs_task_close(&tasks, first);
  assert_null(rs_task_find(&tasks, 0));
  assert_null(rs_task_find(&tasks, 2));
  assert_ptr_equal(rs_task_find(&tasks, 1), second);
  assert_ptr_equal(rs_task_open(&tasks, &page, &slots[2]), first);
}

static void one_that_joins_is_no_sign_of_life(void **state) {
  (void)state;
  rs_task_open(&tasks, &page, &slots[1]);
  atomic_store(&slots[1].beat, 5);
  rs_task *beside = rs_task_join(&tasks, &page, &slots[1]);
  assert_int_equal(atomic_load(&slots[1].beat), 5);
  rs_task_beat(beside);
  assert_true(atomic_load(&slots[1].beat) > 5);
}

static void the_dead_beat_nowhere(void **state) {
  (void)state;
  rs_task *task = rs_task_open(&tasks, &page, &slots[3]);
  rs_task_close(&tasks, task);
  atomic_store(&slots[3].beat, 5);
  assert_int_equal(rs_task_beat(task), 0);
  assert_int_equal(atomic_load(&slots[3].beat), 5);
}

static void timers_come_in_order(void **state) {
  (void)state;
  enum { COUNT = 3000 };
  uint32_t seed = 1, timers = 0;
  for (uint32_t i = 0; i < COUNT; i++) rs_task_open(&tasks, &page, &slots[0]);
  for (uint32_t i = 0; i < 5 * COUNT; i++) {
    seed = seed * 1664525 + 1013904223;
    rs_task *task = rs_task_find(&tasks, (seed >> 8) % COUNT);
    bool none = seed >> 30 == 0;
    if (task->place != 0) timers--;
    if (!none) timers++;
    rs_task_timer(&tasks, task, none ? RS_NEVER : (rs_time)(seed >> 12));
    assert_int_equal(tasks.timers, timers);
  }
  rs_time last = 0;
  for (rs_task *task; (task = rs_task_first(&tasks)); timers--) {
    assert_true(task->due >= last);
    last = task->due;
    rs_task_timer(&tasks, task, RS_NEVER);
  }
  assert_int_equal(timers, 0);
}

static void a_million(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 1000000; i++) {
    rs_task *task = rs_task_open(&tasks, &page, &slots[0]);
    assert_non_null(task);
    rs_task_timer(&tasks, task, (rs_time)(i * 2654435761u));
  }
  assert_int_equal(tasks.timers, 1000000);
}

/* Prints; fails where a number is far off what was promised. */
static void costs(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 0,
            "local host, ffi = require 'runsmith.host', require 'ffi'"
            " ffi.cdef 'typedef struct rs_task rs_task; int rs_task_beat(rs_task *);'"
            " local t = ffi.cast('rs_task *', host.pointer(host.running()))"
            " local from = host.now() for _ = 1, 1e6 do ffi.C.rs_task_beat(t) end"
            " return (host.now() - from) * 1e3");
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  print_message("a heartbeat: %s ns\n", r.text);
  assert_true(atof(r.text) < 200);
  rs_record eval = {.kind = RS_DOWN_EVAL, .a = 1};
  static const char code[] =
    "local host = require 'runsmith.host' local id = host.open(5, 0)"
    " local co = coroutine.create(function() while true do coroutine.yield() end end)"
    " local from = host.now() for _ = 1, 1e6 do host.resume(id, co) end"
    " local ours = host.now() - from local resume = coroutine.resume"
    " from = host.now() for _ = 1, 1e6 do resume(co) end"
    " local theirs = host.now() - from host.close(id)"
    " return ('%.0f %.0f'):format(ours * 1e3, theirs * 1e3)";
  eval.size = sizeof code - 1;
  rig_tell(&r, 0, &eval, code);
  rs_record reply;
  assert_true(rig_hear(&r, 0, &reply, 20000));
  assert_int_equal(reply.kind, RS_UP_REPLY);
  double ours = 0, theirs = 0;
  assert_int_equal(sscanf(r.text, "%lf %lf", &ours, &theirs), 2);
  print_message("host.resume: %.0f ns, coroutine.resume: %.0f ns\n", ours, theirs);
  assert_true(ours - theirs < 1000);
  rig_end(&r);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
    CASE(ids_are_used_again),
    CASE(one_that_joins_is_no_sign_of_life),
    CASE(the_dead_beat_nowhere),
    CASE(timers_come_in_order),
    CASE(a_million),
    CASE(costs),
  };
  cmocka_set_test_filter(getenv("RS_ONLY")); /* NULL: all */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
