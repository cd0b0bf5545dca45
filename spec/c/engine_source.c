/* The journal as clients read it: the first line from a seq on, found in the ring
** across its edge, and in a file. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../host/engine/control/source.h"

enum { PADDING = 900 };

static size_t make_line(char *line, size_t room, unsigned seq) {
  char padding[PADDING + 1];
  memset(padding, 'x', PADDING);
  padding[PADDING] = 0;
  static const char format[] = "{\"seq\":%u,\"kind\":\"log\",\"text\":\"%.*s\"}\n";
  int size = snprintf(line, room, format, seq, (int)(seq * 7 % PADDING), padding);
  return (size_t)size;
}

static void check_seek(rs_source source, unsigned first, unsigned last) {
  static const unsigned steps[] = {0, 1, 2, 999, 5000};
  for (size_t i = 0; i < RS_COUNT_OF(steps); i++) {
    unsigned wanted = first + steps[i];
    rs_source at = source;
    rs_source_seek(&at, wanted);
    if (wanted > last) assert_int_equal(at.at, at.end);
    else assert_int_equal(rs_source_seq(&at, at.at), wanted);
  }
  rs_source end = source;
  rs_source_seek(&end, last + 1);
  assert_int_equal(end.at, end.end);
}

static void ring_is_searched_across_its_edge(void **state) {
  (void)state;
  static rs_journal journal;
  char line[PADDING + 100];
  unsigned last = 0;
  rs_journal_init(&journal);
  while (journal.end < (uint64_t)RS_JOURNAL_SIZE + RS_JOURNAL_SIZE / 2) {
    size_t size = make_line(line, sizeof line, ++last);
    rs_journal_add(&journal, line, size);
  }
  rs_source source = rs_source_ring(&journal);
  unsigned first = (unsigned)rs_source_seq(&source, source.at);
  assert_in_range(first, 2, last);
  check_seek(source, first, last);
}

static void file_is_searched(void **state) {
  (void)state;
  char path[] = "/tmp/runsmith-source-XXXXXX", line[PADDING + 100];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  for (unsigned seq = 100; seq <= 3000; seq++) {
    size_t size = make_line(line, sizeof line, seq);
    assert_int_equal(write(fd, line, size), size);
  }
  close(fd);
  rs_source source;
  assert_true(rs_source_file(&source, path));
  check_seek(source, 100, 3000);
  rs_source_close(&source);
  unlink(path);
  assert_false(rs_source_file(&source, path));
}

static void nothing_is_found_in_nothing(void **state) {
  (void)state;
  static rs_journal journal;
  rs_journal_init(&journal);
  rs_source source = rs_source_ring(&journal);
  rs_source_seek(&source, 1);
  assert_int_equal(source.at, source.end);
  assert_int_equal(rs_source_seq(&source, source.at), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(ring_is_searched_across_its_edge),
    cmocka_unit_test(file_is_searched),
    cmocka_unit_test(nothing_is_found_in_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
