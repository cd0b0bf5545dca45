/* Forks, and what a runner becomes by its place: limits, user, folder, surroundings. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "runner_rig.h"

static rig r;

/* A plan with one row of RS_T_EXEC and a heap of bytes; the rest is empty. */
typedef struct small {
  rs_plan head;
  rs_plan_exec exec;
  char heap[256];
  uint32_t used;
} small;

static rs_ref add(small *plan, const char *bytes, uint32_t len) {
  rs_ref ref = {plan->used, len};
  memcpy(plan->heap + plan->used, bytes, len);
  plan->used += len;
  return ref;
}

static small blank(void) {
  small plan = {.head = {.magic = "rsplan0", .abi = RS_ABI, .size = sizeof(small)}};
  plan.head.tables[RS_T_EXEC] = (rs_table){offsetof(small, exec), 1};
  plan.head.tables[RS_T_BYTES] = (rs_table){offsetof(small, heap), sizeof plan.heap};
  plan.exec.umask = -1;
  plan.exec.nice = 127;
  plan.exec.oom_score_adj = 2000;
  return plan;
}

static void send_plan(const small *plan) {
  int fd = memfd_create("plan", MFD_CLOEXEC);
  assert_int_equal(write(fd, plan, sizeof *plan), sizeof *plan);
  rs_ctl ctl = {.kind = RS_CTL_PLAN, .a = 7, .x = sizeof *plan};
  assert_int_equal(rs_ctl_send(r.ctl, &ctl, NULL, &fd, 1), 0);
  close(fd);
}

static void send_place(uint32_t row) { rig_place(&r, 7, row, RS_NO_NEW_PRIVS); }

static int begin(void **state) {
  (void)state;
  rig_fork(&r, RIG_RING);
  return 0;
}

static int end(void **state) {
  (void)state;
  rig_end(&r);
  return 0;
}

static void it_becomes_what_the_plan_says(void **state) {
  (void)state;
  small plan = blank();
  static const char env[] = "COLOUR=green\0HOME";
  plan.exec.env = add(&plan, env, sizeof env);
  plan.exec.cwd = add(&plan, "/tmp", 4);
  plan.exec.umask = 027;
  plan.exec.nice = 5;
  plan.exec.open_files = 99;
  plan.head.tables[RS_T_EXEC].count = 1;
  send_plan(&plan);
  int out[2];
  assert_int_equal(pipe(out), 0);
  rs_ctl ctl = {.kind = RS_CTL_OUTPUT};
  assert_int_equal(rs_ctl_send(r.ctl, &ctl, NULL, (int[]){out[1], out[1]}, 2), 0);
  send_place(0);
  rig_answers(
    &r,
    "local uv, host = require 'luv', require 'runsmith.host'"
    " local kind, path = host.place()"
    " local limits = io.open('/proc/self/limits'):read '*a'"
    " local comm = io.open('/proc/' .. uv.os_getpid() .. '/comm'):read '*l'"
    " print 'to stdout' io.stdout:flush()"
    " return table.concat({ os.getenv 'COLOUR', tostring(os.getenv 'HOME'),"
    " os.getenv 'RUNSMITH_UNIT', uv.cwd(), kind, path, comm,"
    " uv.os_getpriority(0), limits:match 'open files%s+(%d+)',"
    " io.open('/proc/self/status'):read('*a'):match 'NoNewPrivs:%s+(%d)' }, ' ')",
    "green nil plant/edge#3 /tmp 1 plant/edge edge 5 99 1");
  char line[32] = "";
  assert_true(read(out[0], line, sizeof line - 1) > 0);
  assert_string_equal(line, "to stdout\n");
  close(out[0]);
  close(out[1]);
}

static void a_user_of_its_own(void **state) {
  (void)state;
  if (getuid() != 0) skip();
  small plan = blank();
  plan.exec.user = add(&plan, "65534", 5);
  send_plan(&plan);
  send_place(0);
  rig_answers(&r,
              "local uv = require 'luv' return uv.getuid() .. ' ' .. tostring(uv.setuid"
              " and pcall(uv.setuid, 0))",
              "65534 false");
}

static void what_cannot_be_is_told(void **state) {
  (void)state;
  small plan = blank();
  plan.exec.cwd = add(&plan, "/no/such/folder", 15);
  send_plan(&plan);
  send_place(0);
  rs_ctl ctl;
  assert_true(rig_message(&r, &ctl, 2000));
  assert_int_equal(ctl.kind, RS_CTL_FAILED);
  assert_int_equal(ctl.a, 0);
  assert_int_equal(ctl.b, 2); /* ENOENT */
  rig_vm(&r, 1);
  assert_true(rig_message(&r, &ctl, 2000));
  assert_int_equal(ctl.a, RS_CTL_VM); /* nor does anything run there */
}

static void nobody_runs_before_the_place(void **state) {
  (void)state;
  rs_record record;
  rig_vm(&r, 1);
  rig_start(&r, 1, 5, 0,
            "return io.open('/proc/thread-self/status'):read('*a')"
            ":match 'NoNewPrivs:%s+(%d)' .. select(2, "
            "require('runsmith.host').place())");
  assert_false(rig_hear(&r, 1, &record, 50));
  send_place(RS_NONE);
  assert_int_equal(rig_exit(&r, 1, 5), 1);
  assert_string_equal(r.text, "1plant/edge");
}

/* The ring is faster than the keeper's socket. */
static void what_start_names_is_waited_for(void **state) {
  (void)state;
  rs_record record;
  send_place(RS_NONE);
  rig_start(&r, 0, 5, 0, "return (select(2, require('runsmith.host').plan(7)))");
  assert_false(rig_hear(&r, 0, &record, 50));
  small plan = blank();
  send_plan(&plan);
  assert_int_equal(rig_exit(&r, 0, 5), 1);
  assert_int_equal(atoi(r.text), sizeof plan);
}

/* A plan stays mapped while a VM holds it, whatever the keeper is told. */
static void plans_stay_while_held(void **state) {
  (void)state;
  small plan = blank();
  send_plan(&plan);
  send_place(RS_NONE);
  char answer_size[32];
  snprintf(answer_size, sizeof answer_size, "rsplan0%zu", sizeof plan);
  rs_ctl drop = {.kind = RS_CTL_DROP_PLAN, .a = 7};
  rig_answers(&r,
              "local host, ffi = require 'runsmith.host', require 'ffi'"
              " local at, size = host.plan(7) _G.at = ffi.cast('char *', at)"
              " return ffi.string(_G.at, 7) .. size",
              answer_size);
  assert_int_equal(rs_ctl_send(r.ctl, &drop, NULL, NULL, 0), 0);
  rs_ctl nonsense = {.kind = RS_CTL_VM, .a = RIG_VMS}, answer;
  assert_int_equal(rs_ctl_send(r.ctl, &nonsense, NULL, NULL, 0), 0);
  assert_true(rig_message(&r, &answer, 2000)); /* so the drop was heard */
  rig_answers(&r, "return require('ffi').string(_G.at, 7)", "rsplan0");
  rig_answers(&r,
              "local host = require 'runsmith.host' host.drop(7)"
              " return tostring((pcall(host.plan, 7)))",
              "false");
}

/* The engine's children are its own, and clean: no descriptor of the fork server's. */
static void forks_are_clean(void **state) {
  (void)state;
  send_place(RS_NONE);
  rig_answers(
    &r,
    "local uv, n = require 'luv', 0"
    " for name in io.popen('ls -l /proc/' .. uv.os_getpid() .. '/fd'):lines() do"
    " if name:find 'socket' then n = n + 1 end end return n",
    "1");
  rig_answers(&r,
              "local stat = io.open('/proc/self/stat'):read '*a'"
              " local pid, session = stat:match '^(%d+).-%) %S+ %d+ %d+ (%d+)'"
              " return tostring(pid == session)",
              "true");
  rig_answers(&r,
              "return io.open('/proc/self/status'):read('*a'):match 'SigIgn:%s+(%x+)'",
              "0000000000001000"); /* PIPE alone */
}

static void they_die_with_the_engine(void **state) {
  (void)state;
  assert_int_equal(kill(r.server, 0), 0);
  pid_t engine = fork();
  if (engine == 0) {
    static rig inner;
    rig_begin(&inner, RIG_RING);
    rig_start(&inner, 0, 0, 0, "while true do end");
    if (!rig_runs(&inner, 0, 0)) _exit(2);
    raise(SIGKILL);
  }
  int status;
  assert_int_equal(waitpid(engine, &status, 0), engine);
  assert_true(WIFSIGNALED(status));
  for (int i = 0; i < 2; i++) { /* its fork server and its runner */
    pid_t pid = 0;
    for (int ms = 0; ms < 3000 && pid == 0; ms++) {
      pid = waitpid(-1, &status, WNOHANG);
      if (pid == 0) rig_sleep(1);
    }
    assert_true(pid > 0);
    assert_int_not_equal(pid, r.server);
    assert_int_not_equal(pid, r.runner);
  }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
    CASE(it_becomes_what_the_plan_says),
    CASE(a_user_of_its_own),
    CASE(what_cannot_be_is_told),
    CASE(nobody_runs_before_the_place),
    CASE(what_start_names_is_waited_for),
    CASE(plans_stay_while_held),
    CASE(forks_are_clean),
    CASE(they_die_with_the_engine),
  };
  cmocka_set_test_filter(getenv("RS_ONLY")); /* NULL: all */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
