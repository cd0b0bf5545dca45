/* What a VM publishes, and how it ends: wake-ups, room, places, crashes. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runner_rig.h"

static rig r;

static int begin(void **state) {
  (void)state;
  rig_begin(&r, RIG_RING);
  return 0;
}

static int end(void **state) {
  (void)state;
  rig_end(&r);
  return 0;
}

static void errors_tell_where(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0,
            "local function inner() error('gone wrong') end inner() return 1");
  assert_int_equal(rig_exit(&r, 0, 0), 3);
  assert_non_null(strstr(r.text, "worker:1: gone wrong"));
  assert_non_null(strstr(r.text, "in function 'inner'"));
  rig_start(&r, 0, 0, 1, "error({ message = 'a table' })");
  assert_int_equal(rig_exit(&r, 0, 0), 3);
  assert_non_null(strstr(r.text, "a table"));
}

static void beats_are_stores(void **state) {
  (void)state;
  rs_slot *slot = &r.seg.slot[0];
  rs_time from = rs_clock();
  rig_start(&r, 0, 0, 0,
            "local host = require 'runsmith.host' local ffi = require 'ffi'"
            " ffi.cdef 'typedef struct rs_task rs_task; int rs_task_beat(rs_task *);'"
            " local t = ffi.cast('rs_task *', host.pointer(host.running()))"
            " local n = 0 while ffi.C.rs_task_beat(t) == 0 do n = n + 1 end"
            " return n > 0 and host.stopping(host.running()) and 'asked'");
  assert_true(rig_runs(&r, 0, 0));
  rig_sleep(20);
  assert_true(atomic_load(&slot->beat) > from + 10 * RS_MS);
  assert_true(atomic_load(&slot->beat) <= rs_clock());
  atomic_store(&slot->stopping, 1);
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_string_equal(r.text, "asked");
  assert_true(atomic_load(&slot->own) > 10 * RS_MS);
  assert_true(atomic_load(&r.seg.vm[0].busy) >= atomic_load(&slot->own));
}

/* Another's turn is time that one could not run; one's own is not. */
static void time_of_others(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0, "coroutine.yield('wait')");
  rig_start(&r, 0, 1, 0,
            "local t = os.clock() while os.clock() - t < 0.05 do end return 1");
  assert_int_equal(rig_exit(&r, 0, 1), 1);
  assert_true(rig_idle(&r, 0));
  int64_t busy = atomic_load(&r.seg.vm[0].busy);
  int64_t others = busy - atomic_load(&r.seg.slot[0].own);
  assert_true(others - atomic_load(&r.seg.slot[0].others) > 40 * RS_MS);
  int64_t own = atomic_load(&r.seg.slot[1].own);
  assert_true(busy - own - atomic_load(&r.seg.slot[1].others) < 5 * RS_MS);
}

static void found_idle_it_tells(void **state) {
  (void)state;
  rs_record record;
  assert_true(rig_idle(&r, 0));
  assert_false(rig_hear(&r, 0, &record, 20));
  atomic_store(&r.seg.vm[0].missed, 1);
  rig_start(&r, 0, 0, 0, "return 1");
  assert_true(rig_hear(&r, 0, &record, 1000));
  assert_int_equal(record.kind, RS_UP_RUNS);
  assert_int_equal(record.slot, RS_NONE);
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_int_equal(atomic_load(&r.seg.vm[0].missed), 0);
}

static void timers_wake(void **state) {
  (void)state;
  rs_time from = rs_clock();
  rig_answers(&r, "coroutine.yield('sleep', 0.05) return 'woken'", "woken");
  assert_true(rs_clock() - from >= 50 * RS_MS);
  assert_true(rs_clock() - from < 5000 * (rs_time)RS_MS);
}

static void luv_runs_on_the_same_loop(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0,
            "local uv, host = require 'luv', require 'runsmith.host'"
            " host.mishap(function(text) _G.told = text end)"
            " local t = uv.new_timer() t:start(10, 0, function()"
            " t:close() error 'in a callback' end) coroutine.yield('sleep', 0.05)"
            " return told");
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_non_null(strstr(r.text, "in a callback"));
}

static void full_ring_waits(void **state) {
  (void)state;
  rig_end(&r);
  rig_begin(&r, 4096);
  rig_start(&r, 0, 0, 0,
            "local host = require 'runsmith.host' for i = 1, 1000 do"
            " host.put(host.up.OUTPUT, host.running(), 1, i, ('x'):rep(i % 200)) end");
  for (int i = 0; i < 2000 && atomic_load(&r.seg.vm[0].state) != RS_VM_FULL; i++)
    rig_sleep(1);
  assert_int_equal(atomic_load(&r.seg.vm[0].state), RS_VM_FULL);
  assert_true(atomic_load(&r.seg.vm[0].full_since) > 0);
  rig_sleep(20);
  rs_record record;
  const uint64_t one = 1;
  for (uint32_t i = 1; i <= 1000; i++) {
    assert_true(rig_hear(&r, 0, &record, 1000));
    assert_int_equal(record.b, i);
    assert_int_equal(record.size, i % 200);
    if (rs_ring_wanted(&r.up[0]))
      assert_int_equal(write(r.vm_bell[0], &one, sizeof one), sizeof one);
  }
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_true(atomic_load(&r.seg.vm[0].full) > 20 * RS_MS);
  assert_int_equal(atomic_load(&r.seg.vm[0].full_since), 0);
}

static void too_long_is_refused(void **state) {
  (void)state;
  rig_answers(&r,
              "local host = require 'runsmith.host' return tostring((pcall(host.put,"
              " host.up.LOG, nil, 0, 0, ('x'):rep(host.text_max + 1))))",
              "false");
}

static void own_vms_end(void **state) {
  (void)state;
  rs_record record;
  rs_ctl ctl;
  for (int round = 0; round < 3; round++) {
    rs_ring *rings[] = {&r.up[1], &r.down[1]};
    for (int i = 0; i < 2 && round > 0; i++) {
      atomic_store(&rings[i]->head->tail, 0);
      atomic_store(&rings[i]->head->head, 0);
    }
    rig_vm(&r, 1);
    rig_start(&r, 1, 3, 0,
              "local uv = require 'luv' local t = uv.new_timer()"
              " t:start(1000, 0, function() end) return 1");
    assert_int_equal(rig_exit(&r, 1, 3), 1);
    rs_record close_it = {.kind = RS_DOWN_CLOSE, .slot = RS_NONE};
    rig_tell(&r, 1, &close_it, NULL);
    assert_true(rig_hear(&r, 1, &record, 2000));
    assert_int_equal(record.kind, RS_UP_GONE);
    assert_true(rig_message(&r, &ctl, 2000));
    assert_int_equal(ctl.kind, RS_CTL_JOINED);
    assert_int_equal(ctl.a, 1);
    assert_int_equal(atomic_load(&r.seg.vm[1].state), RS_VM_GONE);
    close(r.vm_bell[1]);
  }
  r.vm_bell[1] = -1;
}

static void crash_names_the_culprit(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0, "coroutine.yield('wait')");
  rig_start(&r, 0, 4, 9,
            "local ffi = require 'ffi' ffi.cast('int *', 64)[0] = 1 return 1");
  int status = rig_wait(&r);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(WTERMSIG(status), SIGSEGV);
  const rs_fault *fault = &r.seg.head->fault;
  assert_int_equal(atomic_load(&fault->signal), SIGSEGV);
  assert_int_equal(atomic_load(&fault->vm), 0);
  assert_int_equal(atomic_load(&fault->slot), 4);
  assert_int_equal(atomic_load(&fault->inc), 9);
  assert_int_equal(atomic_load(&fault->address), 64);
}

static void abort_names_the_culprit(void **state) {
  (void)state;
  rig_start(&r, 0, 4, 2,
            "local ffi = require 'ffi' ffi.cdef 'void abort(void);' ffi.C.abort()");
  int status = rig_wait(&r);
  assert_int_equal(WTERMSIG(status), SIGABRT);
  assert_int_equal(atomic_load(&r.seg.head->fault.signal), SIGABRT);
  assert_int_equal(atomic_load(&r.seg.head->fault.slot), 4);
}

static void kill_from_outside_names_nobody(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0, "while true do end");
  assert_true(rig_runs(&r, 0, 0));
  pid_t tid = atomic_load(&r.seg.vm[0].tid);
  assert_int_equal(syscall(SYS_tgkill, r.runner, tid, SIGSEGV), 0);
  rig_wait(&r);
  assert_int_equal(atomic_load(&r.seg.head->fault.signal), SIGSEGV);
  assert_int_equal(atomic_load(&r.seg.head->fault.slot), RS_NONE);
}

static void without_an_engine_it_ends(void **state) {
  (void)state;
  rig_start(&r, 0, 0, 0, "while true do end");
  assert_true(rig_runs(&r, 0, 0));
  shutdown(r.ctl, 2);
  assert_int_equal(rig_wait(&r), 0);
}

static void nonsense_is_told(void **state) {
  (void)state;
  rs_ctl ctl = {.kind = RS_CTL_VM, .a = RIG_VMS};
  assert_int_equal(rs_ctl_send(r.ctl, &ctl, NULL, NULL, 0), 0);
  assert_true(rig_message(&r, &ctl, 2000));
  assert_int_equal(ctl.kind, RS_CTL_FAILED);
  assert_int_equal(ctl.a, RS_CTL_VM);
  rig_answers(&r, "return 'well'", "well");
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
    CASE(errors_tell_where),
    CASE(beats_are_stores),
    CASE(time_of_others),
    CASE(found_idle_it_tells),
    CASE(timers_wake),
    CASE(luv_runs_on_the_same_loop),
    CASE(full_ring_waits),
    CASE(too_long_is_refused),
    CASE(own_vms_end),
    CASE(crash_names_the_culprit),
    CASE(abort_names_the_culprit),
    CASE(kill_from_outside_names_nobody),
    CASE(without_an_engine_it_ends),
    CASE(nonsense_is_told),
  };
  cmocka_set_test_filter(getenv("RS_ONLY")); /* NULL: all */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
