/* The engine's parts that need no process: JSON, texts, environments, the journal's
** ring and files, samples of waiting. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../host/engine/process/delay.h"
#include "../../host/engine/journal/disk.h"
#include "../../host/engine/process/env.h"
#include "../../host/engine/journal/journal.h"
#include "../../host/engine/base/json.h"
#include "../../host/engine/base/names.h"
#include "../../host/engine/base/text.h"
#include "../../host/engine/runner/where.h"

static void assert_json(const char *bytes, size_t size, const char *wanted) {
  rs_bytes out = {0};
  rs_json_string(&out, bytes, size);
  rs_bytes_add(&out, "", 1);
  assert_string_equal(out.at, wanted);
  rs_bytes_free(&out);
}

static void json_takes_any_bytes(void **state) {
  (void)state;
  assert_json("plain", 5, "\"plain\"");
  assert_json("a\"b\\c\n\t\x01", 8, "\"a\\\"b\\\\c\\n\\t\\u0001\"");
  assert_json("a\0b", 3, "\"a\\u0000b\"");
  assert_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
              "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  assert_json("\xff", 1, "\"\xef\xbf\xbd\"");
  assert_json("\xc3", 1, "\"\xef\xbf\xbd\"");                 /* cut off */
  assert_json("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
  assert_json("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  assert_json("\xf4\x90\x80\x80", 4,
              "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void json_of_another_has_no_wrong_bytes(void **state) {
  rs_bytes out = {0};
  (void)state;
  rs_json_raw(&out, "{\"a\xff\":[\"\xc3\xa4\xc3\"]}");
  assert_int_equal(out.size, 18);
  assert_memory_equal(out.at, "{\"a\xef\xbf\xbd\":[\"\xc3\xa4\xef\xbf\xbd\"]}", 18);
  rs_bytes_free(&out);
}

static void json_spans_are_seconds(void **state) {
  (void)state;
  rs_bytes out = {0};
  rs_json_span(&out, "a", 12345678901);
  rs_json_span(&out, "b", -1500000000);
  rs_json_span(&out, "c", RS_NEVER);
  rs_bytes_add(&out, "", 1);
  assert_string_equal(out.at, ",\"a\":12.345678,\"b\":-1.500000,\"c\":null");
  rs_bytes_free(&out);
}

static void texts_stay_for_their_turn(void **state) {
  (void)state;
  rs_texts texts = {0};
  size_t size;
  char big[RS_TEXTS_KEPT] = {0};
  uint64_t first = rs_texts_put(&texts, "first", 5);
  uint64_t large = rs_texts_put(&texts, big, sizeof big);
  assert_true(first != 0 && large == first + 1);
  assert_string_equal(rs_texts_get(&texts, first, &size), "first");
  assert_int_equal(size, 5);
  rs_texts_trim(&texts);
  assert_string_equal(rs_texts_get(&texts, first, &size), "");
  uint64_t last = rs_texts_put(&texts, "last", 4);
  rs_texts_trim(&texts);
  assert_string_equal(rs_texts_get(&texts, last, &size), "last");
  assert_string_equal(rs_texts_get(&texts, last + 1, &size), "");
  assert_string_equal(rs_texts_get(&texts, 0, &size), "");
  for (int i = 0; i < 300; i++) rs_texts_put(&texts, "many", 4);
  assert_string_equal(rs_texts_get(&texts, last + 300, &size), "many");
  rs_texts_put(&texts, big, sizeof big);
  rs_texts_trim(&texts);
  assert_int_equal(texts.count, 0);
  free(texts.at);
}

static void names_of_what_is_unknown(void **state) {
  (void)state;
  assert_string_equal(rs_name_kind(RS_J_VIOLATION), "violation");
  assert_string_equal(rs_name_kind(4711), "unknown");
  assert_string_equal(rs_name_signal(9), "KILL");
  assert_null(rs_name_signal(-3));
  assert_null(rs_name_syscall(99999));
}

static void environments_change_by_name(void **state) {
  (void)state;
  setenv("NOTIFY_SOCKET", "/run/x", 1);
  setenv("RS_KEPT", "1", 1);
  rs_env env = rs_env_host();
  rs_env_put(&env, "RS_KEPT");
  rs_env_set(&env, "RS_NEW", "a=b");
  rs_env_put(&env, "RS_NEW=c");
  int seen = 0;
  for (size_t i = 0; i < env.count; i++) {
    assert_int_not_equal(strncmp(env.at[i], "NOTIFY_SOCKET=", 14), 0);
    assert_int_not_equal(strncmp(env.at[i], "RS_KEPT=", 8), 0);
    seen += strcmp(env.at[i], "RS_NEW=c") == 0;
  }
  assert_int_equal(seen, 1);
  assert_null(env.at[env.count]);
  rs_env_free(&env);
  unsetenv("NOTIFY_SOCKET");
}

static void lists_are_strings_in_a_row(void **state) {
  (void)state;
  size_t count;
  char **list = rs_env_list("sh\0-c\0", 6, &count);
  assert_int_equal(count, 2);
  assert_string_equal(list[1], "-c");
  assert_null(list[2]);
  free(list);
}

static void waiting_is_never_told_too_small(void **state) {
  (void)state;
  rs_delays delays;
  rs_delays_begin(&delays, 0);
  for (rs_time at = 1; at <= 1000; at++)
    rs_delays_add(&delays, at * RS_SECOND, at * RS_MS);
  for (rs_time at = 1; at <= 1000; at++) {
    rs_time told = rs_delays_since(&delays, at * RS_SECOND, 1000 * RS_MS);
    assert_true(told >= (1000 - at) * RS_MS);
  }
  rs_time recent = rs_delays_since(&delays, 990 * (rs_time)RS_SECOND, 1000 * RS_MS);
  assert_true(recent <= 30 * RS_MS);
}

/* Of a thread that sleeps nothing is said to wait for a processor. */
static void a_thread_is_ready_or_not(void **state) {
  (void)state;
  rs_cpu own = rs_delay_cpu(getpid(), getpid());
  if (own.ran == 0) skip(); /* a kernel that does not tell */
  assert_true(own.ready);
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  rs_cpu other = {.ready = true};
  for (int i = 0; i < 5000 && other.ready; i++) {
    poll(NULL, 0, 1);
    other = rs_delay_cpu(child, child);
  }
  assert_false(other.ready);
  kill(child, SIGKILL);
  assert_int_equal(waitpid(child, NULL, 0), child);
  other = rs_delay_cpu(child, child);
  assert_false(other.ready);
  assert_int_equal(other.ran + other.waited, 0);
}

static void close_disk(rs_disk *disk) {
  close(disk->fd);
  free(disk->path);
  rs_bytes_free(&disk->pending);
}

static void disk_goes_on_after_a_crash(void **state) {
  (void)state;
  char path[] = "/tmp/rs-disk-XXXXXX";
  int fd = mkstemp(path);
  static const char lines[] =
    "{\"seq\":6,\"x\":1}\n{\"seq\":7,\"x\":1}\n{\"seq\":8,\"tor";
  assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
  rs_disk disk = {.fd = -1};
  uint64_t seq = 0;
  assert_int_equal(rs_disk_open(&disk, path, &seq), 0);
  assert_int_equal(seq, 7);
  rs_disk_add(&disk, "{\"seq\":8}\n", 10);
  rs_disk_flush(&disk);
  char bytes[128] = {0};
  assert_true(pread(fd, bytes, sizeof bytes - 1, 0) > 0);
  assert_non_null(strstr(bytes, "{\"seq\":7,\"x\":1}\n{\"seq\":8}\n"));
  assert_null(strstr(bytes, "tor"));
  close_disk(&disk);
  unlink(path);
  close(fd);
}

static void disk_turns_over_by_size(void **state) {
  (void)state;
  char path[] = "/tmp/rs-disk-XXXXXX", older[64];
  close(mkstemp(path));
  rs_disk disk = {.fd = -1};
  uint64_t seq = 0;
  assert_int_equal(rs_disk_open(&disk, path, &seq), 0);
  rs_disk_add(&disk, "{\"seq\":1}\n", 10);
  rs_disk_flush(&disk);
  disk.size = RS_DISK_SIZE; /* as if it were full */
  rs_disk_add(&disk, "{\"seq\":2}\n", 10);
  rs_disk_flush(&disk);
  snprintf(older, sizeof older, "%s.1", path);
  assert_int_equal(access(older, F_OK), 0);
  assert_int_equal(disk.size, 10);
  close_disk(&disk);
  disk = (rs_disk){.fd = -1};
  assert_int_equal(rs_disk_open(&disk, path, &seq), 0);
  assert_int_equal(seq, 2);
  close_disk(&disk);
  unlink(path);
  unlink(older);
}

static void disk_counts_what_it_cannot_write(void **state) {
  (void)state;
  rs_disk disk = {.fd = -1};
  uint64_t seq = 0;
  assert_int_equal(rs_disk_open(&disk, "/dev/full", &seq), 0);
  rs_disk_add(&disk, "{\"seq\":1}\n", 10);
  rs_disk_add(&disk, "{\"seq\":2}\n", 10);
  rs_disk_flush(&disk);
  assert_int_equal(disk.lost, 2);
  close_disk(&disk);
}

/* The slow reader is a pipe that nobody reads until the ring has gone round. */
static void slow_readers_are_told(void **state) {
  (void)state;
  static rs_journal journal;
  static char line[8192], got[1 << 20];
  uv_loop_t loop;
  int ends[2];
  uv_loop_init(&loop);
  assert_int_equal(pipe(ends), 0);
  rs_journal_init(&journal);
  rs_journal_print_to(&journal, &loop, ends[1]);
  memset(line, 'x', sizeof line);
  line[sizeof line - 1] = '\n';
  for (int i = 1; i <= 2 * RS_JOURNAL_SIZE / (int)sizeof line; i++) {
    int size = snprintf(line, sizeof line, "{\"seq\":%d,", i);
    line[size] = 'x';
    rs_journal_add(&journal, line, sizeof line);
    if (i % 64 == 0) rs_journal_flush(&journal);
  }
  assert_true(journal.end - journal.begin <= RS_JOURNAL_SIZE);
  assert_true(read(ends[0], got, sizeof got) > 0);
  rs_journal_flush(&journal);
  ssize_t size = read(ends[0], got, sizeof got - 1);
  assert_true(size > 0);
  got[size] = 0;
  assert_non_null(strstr(got, "\"kind\":\"dropped\""));
  rs_journal_close(&journal, 0);
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* A VM that has just woken up runs nobody yet: what it says of its last turn is old. */
static void a_turn_is_somebodys(void **state) {
  (void)state;
  const rs_time since = 5000 * (rs_time)RS_MS, now = 8000 * (rs_time)RS_MS;
  assert_true(rs_where_turn(7, 3, since, now) == now - since);
  assert_true(rs_where_turn(3, 3, since, now) == 0);
  assert_true(rs_where_turn(RS_NONE, 3, since, now) == 0);
  assert_true(rs_where_turn(7, 3, now + 1, now) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(json_takes_any_bytes),
    cmocka_unit_test(json_of_another_has_no_wrong_bytes),
    cmocka_unit_test(json_spans_are_seconds),
    cmocka_unit_test(texts_stay_for_their_turn),
    cmocka_unit_test(names_of_what_is_unknown),
    cmocka_unit_test(environments_change_by_name),
    cmocka_unit_test(lists_are_strings_in_a_row),
    cmocka_unit_test(waiting_is_never_told_too_small),
    cmocka_unit_test(a_thread_is_ready_or_not),
    cmocka_unit_test(a_turn_is_somebodys),
    cmocka_unit_test(disk_goes_on_after_a_crash),
    cmocka_unit_test(disk_turns_over_by_size),
    cmocka_unit_test(disk_counts_what_it_cannot_write),
    cmocka_unit_test(slow_readers_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
