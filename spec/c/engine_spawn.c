/* Launches, and the groups that they are born into. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../host/engine/process/cgroup.h"
#include "../../host/engine/process/spawn.h"

static char *no_env[] = {NULL};

static int run(char *const *argv, char *why, size_t size) {
  rs_spawn spawn = rs_spawn_default(argv, no_env);
  pid_t pid = rs_spawn_start(&spawn, why, size);
  int status = 0;
  if (pid < 0) return pid;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WEXITSTATUS(status);
}

static void programs_run(void **state) {
  (void)state;
  char sh[] = "sh", c[] = "-c", exit_3[] = "exit 3", why[256] = "";
  char *argv[] = {sh, c, exit_3, NULL};
  for (int i = 0; i < 50; i++) assert_int_equal(run(argv, why, sizeof why), 3);
}

static void failures_name_what_failed(void **state) {
  (void)state;
  char none[] = "/no/such", why[256] = "";
  char *argv[] = {none, NULL};
  assert_int_equal(run(argv, why, sizeof why), -ENOENT);
  assert_string_equal(why, "cannot run /no/such: No such file or directory");
  assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* The child hangs before its exec, as it would on a dead disk; this process does not.
** */
static void a_launch_that_hangs_holds_up_nobody(void **state) {
  (void)state;
  char name[] = "true", why[256], bytes[4096] = {0};
  char *argv[] = {name, NULL};
  int pair[2], status;
  assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
  fcntl(pair[1], F_SETFL, O_NONBLOCK);
  while (write(pair[1], bytes, sizeof bytes) > 0) continue;
  fcntl(pair[1], F_SETFL, 0);
  rs_spawn spawn = rs_spawn_default(argv, no_env);
  rs_launch *launch;
  spawn.joins[0] = pair[1];
  pid_t pid = rs_spawn_begin(&spawn, &launch, why, sizeof why);
  assert_true(pid > 0);
  struct pollfd end = {.fd = rs_spawn_fd(launch), .events = POLLIN};
  assert_int_equal(poll(&end, 1, 50), 0);
  assert_true(read(pair[0], bytes, sizeof bytes) > 0);
  assert_int_equal(poll(&end, 1, 5000), 1);
  assert_int_equal(rs_spawn_result(launch, why, sizeof why), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  close(end.fd), close(pair[0]), close(pair[1]);
}

/* The caller's strings may go as soon as the call is back. */
static void a_launch_keeps_what_it_needs(void **state) {
  (void)state;
  char *name = strdup("sh"), *c = strdup("-c"), *script = strdup("exit 5"), why[256];
  char *argv[] = {name, c, script, NULL};
  rs_spawn spawn = rs_spawn_default(argv, no_env);
  rs_launch *launch;
  int status;
  pid_t pid = rs_spawn_begin(&spawn, &launch, why, sizeof why);
  memset(name, 'z', 2), memset(c, 'z', 2), memset(script, 'z', 6);
  free(name), free(c), free(script);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(rs_spawn_result(launch, why, sizeof why), 0);
  assert_int_equal(WEXITSTATUS(status), 5);
}

/* Where the machine has no room for groups there is nothing to see. */
static void a_group_has_what_was_born_in_it(void **state) {
  (void)state;
  char sleep_name[] = "sleep", span[] = "1000", why[256];
  char *argv[] = {sleep_name, span, NULL};
  rs_cgroups groups = {0};
  rs_cgroup group = {0};
  uint32_t unit = 0, inc = 0;
  int status;
  rs_cgroup_begin(&groups);
  rs_cgroup_make(&groups, &group, 7, 3, 0, 0);
  const char *folder = group.at[RS_CG_UNIFIED];
  assert_int_equal(folder == NULL, groups.at[RS_CG_UNIFIED] == NULL);
  assert_false(rs_cgroup_kill(&group));
  assert_false(rs_cgroup_find(&groups, getpid(), &unit, &inc));
  if (folder) {
    rs_spawn spawn = rs_spawn_default(argv, no_env);
    spawn.cgroup = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pid_t pid = rs_spawn_start(&spawn, why, sizeof why);
    assert_true(pid > 0);
    close(spawn.cgroup);
    assert_true(rs_cgroup_find(&groups, pid, &unit, &inc));
    assert_int_equal(unit, 7);
    assert_int_equal(inc, 3);
    assert_true(rs_cgroup_kill(&group));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_false(rs_cgroup_kill(&group));
  } else {
    assert_true(groups.why[0] != 0);
  }
  char *left = folder ? strdup(folder) : NULL;
  rs_cgroup_drop(&group);
  rs_cgroup_end(&groups);
  if (left) assert_int_not_equal(access(left, F_OK), 0);
  free(left);
}

static void a_retired_group_serves_its_unit_again(void **state) {
  (void)state;
  rs_cgroups groups = {0};
  rs_cgroup group = {0}, other = {0};
  rs_cgroup_begin(&groups);
  if (!groups.at[RS_CG_UNIFIED]) return;
  rs_cgroup_make(&groups, &group, 7, 3, 0, 0);
  assert_false(rs_cgroup_kill(&group)); /* it is empty */
  rs_cgroup_retire(&groups, &group);
  assert_null(group.at[RS_CG_UNIFIED]);
  rs_cgroup_make(&groups, &other, 8, 0, 0, 0); /* not to another unit */
  assert_int_equal(other.unit, 8);
  assert_int_equal(groups.retired_count, 1);
  rs_cgroup_make(&groups, &group, 7, 4, 0, 0);
  assert_int_equal(group.number, 3);
  assert_int_equal(groups.retired_count, 0);
  assert_int_equal(access(group.at[RS_CG_UNIFIED], F_OK), 0);
  rs_cgroup_retire(&groups, &group);
  rs_cgroup_make(&groups, &group, 7, 5, 1 << 30, 0); /* limits are a group's own */
  assert_int_equal(group.number, 5);
  rs_cgroup_retire(&groups, &group);
  rs_cgroup_tidy(&groups);
  rs_cgroup_make(&groups, &group, 7, 6, 0, 0); /* nobody looked whether it is empty */
  rs_cgroup_retire(&groups, &group);
  rs_cgroup_make(&groups, &group, 7, 7, 0, 0);
  assert_int_equal(group.number, 7);
  rs_cgroup_drop(&group);
  rs_cgroup_drop(&other);
  rs_cgroup_end(&groups);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_retired_group_serves_its_unit_again),
    cmocka_unit_test(programs_run),
    cmocka_unit_test(failures_name_what_failed),
    cmocka_unit_test(a_launch_that_hangs_holds_up_nobody),
    cmocka_unit_test(a_launch_keeps_what_it_needs),
    cmocka_unit_test(a_group_has_what_was_born_in_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
