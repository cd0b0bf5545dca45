/* A stuck worker is ended, its VM goes on: 24 ways to be stuck, through a real
** runner. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>

#include "runner_rig.h"

enum { RUNG = 2100 }; /* ms that the keeper strikes: as on a machine that is busy */

/* A mutex that nobody gives back, for Lua to lock. */
int lock_it(void);

int lock_it(void) {
  static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&held);
  return pthread_mutex_lock(&held);
}

#define FFI                                                                            \
  "local ffi = require 'ffi' pcall(ffi.cdef, [[ int getppid(void);"                    \
  " int usleep(unsigned); int poll(void *, unsigned long, int); int pipe(int *);"      \
  " int dup2(int, int); long read(int, void *, size_t); int lock_it(void); ]])"        \
  " local C, fds, buf = ffi.C, ffi.new 'int[2]', ffi.new 'char[16]' C.pipe(fds)"       \
  " local FD = fds[0] local cfun = require 'runsmith.host'.now "

typedef struct stuck {
  const char *name;
  bool jit;
  bool stays; /* in C, for ever: the next rung's */
  const char *code;
} stuck;

static const stuck loops[] = {
  {"interpreted: while true do end", false, false, "while true do end"},
  {"interpreted: numeric for", false, false,
   "local s = 0 for i = 1, 1e18 do s = s + i end"},
  {"interpreted: FFI calls", false, false, "while true do C.getppid() end"},
  {"interpreted: pcall of a loop", false, false,
   "local function f() while true do end end while true do pcall(f) end"},
  {"interpreted: in a coroutine", false, false,
   "coroutine.wrap(function() while true do end end)()"},
  {"compiled: while true do end", true, false, "while true do end"},
  {"compiled: numeric for", true, false,
   "local s = 0 for i = 1, 1e18 do s = s + i end"},
  {"compiled: several lines", true, false,
   "local x, y = 0, 0\nwhile true do\n x = x + 1\n y = y + x % 7\nend"},
  {"compiled: FFI calls", true, false, "while true do C.getppid() end"},
  {"compiled: Lua calls", true, false,
   "local function g(a)\n return a + 1\nend\nlocal x = 0\nwhile true do\n x = "
   "g(x)\nend"},
  {"compiled: tables", true, false,
   "local t = {}\nwhile true do\n t[#t % 100 + 1] = {#t}\n if #t > 90 then t = {} end\n"
   "end"},
  {"compiled: C functions", true, false, "while true do cfun() end"},
  {"compiled: in a coroutine", true, false,
   "coroutine.wrap(function()\n local x = 0\n while true do\n x = x + 1\n end end)()"},
  {"in C: string.find for ever", true, true,
   "string.find(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40) .. 'b')"},
  {"blocked: usleep", true, false, "C.usleep(900000000) local s = 1"},
  {"blocked: poll", true, false, "C.poll(nil, 0, -1) local s = 1"},
  {"blocked: read", true, false, "C.read(FD, buf, 1) local s = 1"},
  {"blocked: io.read", true, false, "C.dup2(FD, 0) io.read() local s = 1"},
  {"blocked: os.execute", true, true, "os.execute('sleep 5') local s = 1"},
  {"blocked: a mutex", true, true, "C.lock_it() local s = 1"},
  {"compiled: usleep(100)", true, false, "while true do C.usleep(100) end"},
  {"blocked: read, again and again", true, false,
   "while true do C.read(FD, buf, 1) end"},
  {"compiled: strings", true, false,
   "local n = 0\nwhile true do\n n = n + 1\n local s = 'x' .. (n % 1000)\n n = n + #s\n"
   "end"},
  {"compiled: pcall", true, false,
   "local x = 0\nlocal function f()\n x = x + 1\nend\nwhile true do\n pcall(f)\nend"},
};

static const char HEALTHY[] =
  "jit.on() local s = 0 for i = 1, 1e6 do s = s + i end collectgarbage()"
  " assert(s == 500000500000) return s";

static void check_goes_on(rig *r) {
  rig_start(r, 0, 1, 0, HEALTHY);
  if (rig_exit(r, 0, 1) != 1) fail_msg("the VM does not go on: %s", r->text);
}

static void try_loop(const stuck *s) {
  static rig r;
  char code[2048];
  rig_begin(&r, RIG_RING);
  snprintf(code, sizeof code, "%s%s%s return 'came back'", FFI,
           s->jit ? "" : " jit.off() ", s->code);
  rig_start(&r, 0, 0, 3, code);
  assert_true(rig_runs(&r, 0, 0));
  rig_sleep(40);
  rs_time from = rs_clock();
  rig_interrupt(&r, 0, 0, 3, RUNG);
  rs_record end;
  bool came = rig_hear(&r, 0, &end, s->stays ? 200 : 2000);
  double ms = (double)(rs_clock() - from) / RS_MS;
  print_message("%-34s %s %.2f ms\n", s->name, came ? "out" : "stays", ms);
  assert_int_equal(came, !s->stays);
  if (came) {
    assert_int_equal(end.kind, RS_UP_EXIT);
    if (end.a != 5) fail_msg("%s: ended by %u: %s", s->name, end.a, r.text);
    assert_int_equal(end.inc, 3);
    assert_non_null(strstr(r.text, "worker:"));
    check_goes_on(&r);
  }
  rig_end(&r);
}

static void stuck_loops(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) try_loop(&loops[i]);
}

static void again_and_again(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  for (uint32_t i = 0; i < 100; i++) {
    const char *code = i % 2 ? "local x = 0\nwhile true do\n x = x + 1\nend"
                             : "while true do pcall(function() return {} end) end";
    rig_start(&r, 0, 0, i, code);
    assert_true(rig_runs(&r, 0, 0));
    rig_sleep((int)(i % 5));
    rig_interrupt(&r, 0, 0, i, 1000);
    assert_int_equal(rig_exit(&r, 0, 0), 5);
  }
  check_goes_on(&r);
  rig_end(&r);
}

static void two_at_once(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_vm(&r, 1);
  rig_vm(&r, 2);
  for (uint32_t vm = 0; vm < 3; vm++) {
    rig_start(&r, vm, vm + 10, 0, "local x = 0\nwhile true do\n x = x + 1\nend");
    assert_true(rig_runs(&r, vm, vm + 10));
  }
  rig_sleep(20);
  for (uint32_t vm = 0; vm < 3; vm++) rig_interrupt(&r, vm, vm + 10, 0, 1000);
  for (uint32_t vm = 0; vm < 3; vm++) assert_int_equal(rig_exit(&r, vm, vm + 10), 5);
  check_goes_on(&r);
  rig_end(&r);
}

static void only_whom_it_names(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 7,
            "local t = os.clock() while os.clock() - t < 0.2 do end return 1");
  assert_true(rig_runs(&r, 0, 0));
  rs_ctl late = {.kind = RS_CTL_INTERRUPT, .a = 0, .b = 6, .y = 100 * RS_MS};
  assert_int_equal(rs_ctl_send(r.ctl, &late, NULL, NULL, 0), 0); /* an earlier life */
  late.a = 1;
  assert_int_equal(rs_ctl_send(r.ctl, &late, NULL, NULL, 0), 0); /* someone else */
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  rig_end(&r);
}

static void suspended(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 0,
            "pcall(coroutine.yield, 'wait') while true do pcall(print) end");
  assert_true(rig_waits(&r, 0));
  rig_interrupt(&r, 0, 0, 0, RUNG);
  assert_int_equal(rig_exit(&r, 0, 0), 5);
  assert_non_null(strstr(r.text, "worker:1"));
  check_goes_on(&r);
  rig_end(&r);
}

/* It yields, and goes on looping once resumed: it must not get out by that. */
static void yields_while_interrupted(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 0, "while true do pcall(coroutine.yield) end");
  assert_true(rig_runs(&r, 0, 0));
  rig_interrupt(&r, 0, 0, 0, RUNG);
  assert_int_equal(rig_exit(&r, 0, 0), 5);
  check_goes_on(&r);
  rig_end(&r);
}

static void sections_defer(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 0,
            "local host = require 'runsmith.host' host.enter() local t = os.clock()"
            " while os.clock() - t < 0.1 do end _G.whole = true host.leave()"
            " _G.after = true while true do end");
  assert_true(rig_runs(&r, 0, 0));
  rig_interrupt(&r, 0, 0, 0, 1000);
  assert_int_equal(rig_exit(&r, 0, 0), 5);
  rig_start(&r, 0, 0, 1, "return tostring(whole) .. tostring(after)");
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_string_equal(r.text, "truenil");
  rig_end(&r);
}

/* A finalizer runs without hooks, whole; the interrupt comes after it. */
static void finalizers_defer(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(
    &r, 0, 0, 0,
    "local p = newproxy(true) getmetatable(p).__gc = function()"
    " local t = os.clock() while os.clock() - t < 0.05 do end _G.whole = true end"
    " p = nil collectgarbage() while true do end");
  assert_true(rig_runs(&r, 0, 0));
  rig_sleep(5);
  rig_interrupt(&r, 0, 0, 0, 1000);
  assert_int_equal(rig_exit(&r, 0, 0), 5);
  rig_start(&r, 0, 0, 1, "return tostring(whole)");
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_string_equal(r.text, "true");
  rig_end(&r);
}

static void profiler_is_taken(void **state) {
  (void)state;
  static rig r;
  rig_begin(&r, RIG_RING);
  rig_start(&r, 0, 0, 0,
            "return tostring((pcall(require, 'jit.profile')))"
            " .. tostring((pcall(require, 'jit.p')))");
  assert_int_equal(rig_exit(&r, 0, 0), 1);
  assert_string_equal(r.text, "falsefalse");
  rig_end(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(stuck_loops),       cmocka_unit_test(again_and_again),
    cmocka_unit_test(two_at_once),       cmocka_unit_test(only_whom_it_names),
    cmocka_unit_test(suspended),         cmocka_unit_test(yields_while_interrupted),
    cmocka_unit_test(sections_defer),    cmocka_unit_test(finalizers_defer),
    cmocka_unit_test(profiler_is_taken),
  };
  cmocka_set_test_filter(getenv("RS_ONLY")); /* NULL: all */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
