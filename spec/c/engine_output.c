/* Output cut into lines, and files that turn over. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../host/engine/journal/lines.h"
#include "../../host/engine/journal/rotate.h"

static rs_bytes got;

static void keep(void *ctx, const char *text, size_t size) {
  (void)ctx;
  rs_bytes_add(&got, text, size);
  rs_bytes_add(&got, "|", 1);
}

static void assert_got(const char *wanted) {
  rs_bytes_add(&got, "", 1);
  assert_string_equal(got.at, wanted);
  got.size = 0;
}

static void lines_end_where_they_end(void **state) {
  (void)state;
  rs_lines lines = {.call = keep};
  rs_lines_take(&lines, "one\ntw", 6);
  rs_lines_take(&lines, "o\n\nrest", 7);
  assert_got("one|two||");
  rs_lines_end(&lines);
  rs_lines_end(&lines);
  assert_got("rest|");
  rs_lines_free(&lines);
}

static void long_lines_are_cut_with_a_mark(void **state) {
  (void)state;
  static char big[RS_LINE_MAX + 100];
  rs_lines lines = {.call = keep};
  memset(big, 'x', sizeof big);
  rs_lines_take(&lines, big, RS_LINE_MAX);
  rs_lines_take(&lines, "\n", 1);
  assert_int_equal(got.size, RS_LINE_MAX + 1);
  got.size = 0;
  rs_lines_take(&lines, big, sizeof big);
  rs_lines_take(&lines, "yz\nnext\n", 8);
  rs_bytes_add(&got, "", 1);
  assert_string_equal(got.at + RS_LINE_MAX, "… [102 more bytes]|next|");
  got.size = 0;
  rs_lines_free(&lines);
}

static void no_character_is_cut(void **state) {
  (void)state;
  static char big[RS_LINE_MAX + 2];
  rs_lines lines = {.call = keep};
  memset(big, 'x', sizeof big);
  memcpy(big + RS_LINE_MAX - 2, "\xe2\x82\xac",
         3); /* one of three bytes, at the limit */
  rs_lines_take(&lines, big, sizeof big);
  rs_lines_end(&lines);
  rs_bytes_add(&got, "", 1);
  assert_string_equal(got.at + RS_LINE_MAX - 2, "… [4 more bytes]|");
  got.size = 0;
  rs_lines_free(&lines);
}

static char folder[] = "/tmp/rs-rotate-XXXXXX";

static void assert_file(const char *name, const char *wanted) {
  char path[128], text[256] = "";
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file) {
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    fclose(file);
  }
  assert_string_equal(text, wanted);
}

static rs_rotate *make(uint64_t max, uint32_t count) {
  char path[128], command[160];
  int error;
  snprintf(command, sizeof command, "rm -f %s/*", folder);
  assert_int_equal(system(command), 0);
  snprintf(path, sizeof path, "%s/f", folder);
  rs_rotate *file = rs_rotate_new(path, max, count, &error);
  assert_non_null(file);
  return file;
}

static void add(rs_rotate *file, const char *text) {
  rs_rotate_add(file, text, strlen(text));
}

static void files_turn_over_between_lines(void **state) {
  (void)state;
  rs_rotate *file = make(10, 3);
  add(file, "aaaa\nbb");
  add(file, "bb\ncccc\n");
  assert_file("f.1", "aaaa\nbbbb\n");
  assert_file("f", "cccc\n");
  add(file, "dddd\neeee\nffff\ngggg\n");
  assert_file("f.2", "cccc\ndddd\n");
  assert_file("f.1", "eeee\nffff\n");
  assert_file("f", "gggg\n");
  assert_file("f.3", "");
  add(file, "begun");
  rs_rotate_free(&file);
  assert_file("f", "gggg\nbegun");
}

static void a_single_file_begins_anew(void **state) {
  (void)state;
  rs_rotate *file = make(10, 1);
  add(file, "aaaa\nbbbb\ncccc\n");
  rs_rotate_free(&file);
  assert_file("f", "cccc\n");
  assert_file("f.1", "");
}

static void a_line_longer_than_a_file_is_cut(void **state) {
  (void)state;
  rs_rotate *file = make(4, 3);
  add(file, "0123456789\n");
  rs_rotate_free(&file);
  assert_file("f.2", "0123");
  assert_file("f.1", "4567");
  assert_file("f", "89\n");
}

static void what_is_lost_is_counted(void **state) {
  (void)state;
  int error;
  rs_rotate *file = rs_rotate_new("/dev/full", 10, 2, &error);
  assert_non_null(file);
  add(file, "0123456789abc\n");
  assert_int_equal(file->lost, 14);
  rs_rotate_free(&file);
  assert_null(rs_rotate_new("/no/where/f", 10, 2, &error));
  assert_true(error != 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_end_where_they_end),
    cmocka_unit_test(long_lines_are_cut_with_a_mark),
    cmocka_unit_test(no_character_is_cut),
    cmocka_unit_test(files_turn_over_between_lines),
    cmocka_unit_test(a_single_file_begins_anew),
    cmocka_unit_test(a_line_longer_than_a_file_is_cut),
    cmocka_unit_test(what_is_lost_is_counted),
  };
  if (!mkdtemp(folder)) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  return system(command) == 0 ? failed : 1;
}
