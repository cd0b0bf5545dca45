/* What programs say through NOTIFY_SOCKET, as the engine reads it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../host/engine/command/notify_text.h"

static rs_notify_text heard(const char *text) {
  return rs_notify_read(text, strlen(text));
}

static void words_are_heard(void **state) {
  (void)state;
  rs_notify_text said = heard("READY=1\nSTATUS=so far so good\nMAINPID=42\n");
  assert_int_equal(said.has, RS_SAYS_READY | RS_SAYS_STATUS | RS_SAYS_MAINPID);
  assert_int_equal(said.status_size, 14);
  assert_memory_equal(said.status, "so far so good", 14);
  assert_int_equal(said.main_pid, 42);
  said = heard("WATCHDOG=1\nSTOPPING=1\nRELOADING=1\nBARRIER=1");
  assert_int_equal(said.has, RS_SAYS_WATCHDOG | RS_SAYS_STOPPING | RS_SAYS_RELOADING |
                               RS_SAYS_BARRIER);
  assert_int_equal(heard("WATCHDOG=trigger").has, RS_SAYS_TRIGGER);
}

static void only_whole_words_are(void **state) {
  (void)state;
  assert_int_equal(heard("").has, 0);
  assert_int_equal(heard("\n\n").has, 0);
  assert_int_equal(heard("READY=10").has, 0);
  assert_int_equal(heard("READY=0").has, 0);
  assert_int_equal(heard(" READY=1").has, 0);
  assert_int_equal(heard("XREADY=1").has, 0);
  assert_int_equal(heard("READY").has, 0);
  assert_int_equal(heard("BARRIER=").has, 0);
  assert_int_equal(rs_notify_read("READY=1\0", 8).has, 0);
}

static void numbers_are_within_range(void **state) {
  (void)state;
  assert_int_equal(heard("MAINPID=0").has, 0);
  assert_int_equal(heard("MAINPID=-5").has, 0);
  assert_int_equal(heard("MAINPID=").has, 0);
  assert_int_equal(heard("MAINPID=12x").has, 0);
  assert_int_equal(heard("MAINPID=99999999999").has, 0);
  assert_int_equal(heard("MAINPID=99999999999999999999999").has, 0);
  assert_int_equal(heard("EXTEND_TIMEOUT_USEC=0").has, 0);
  assert_int_equal(heard("EXTEND_TIMEOUT_USEC=1500").extend, 1500000);
  rs_notify_text said = heard("EXTEND_TIMEOUT_USEC=999999999999999999");
  assert_true(said.extend > 0);
}

static void the_last_word_counts(void **state) {
  (void)state;
  rs_notify_text said = heard("STATUS=a\nSTATUS=bc");
  assert_int_equal(said.status_size, 2);
  assert_memory_equal(said.status, "bc", 2);
  assert_int_equal(heard("STATUS=").status_size, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(words_are_heard),
    cmocka_unit_test(only_whole_words_are),
    cmocka_unit_test(numbers_are_within_range),
    cmocka_unit_test(the_last_word_counts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
