/* Shared memory between two who do not trust each other: rings, segments, the
** socket. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "runner_rig.h"

enum { SIZE = 4096 };

static rs_segment seg;
static int seg_fd;
static rs_ring writer, reader;
static char text[RS_TEXT_MAX], back[RS_TEXT_MAX];

static int begin(void **state) {
  (void)state;
  seg_fd = rs_segment_make(&seg, 2, 8, SIZE, 2 * SIZE);
  assert_true(seg_fd >= 0);
  writer = rs_segment_up(&seg, 1);
  reader = writer;
  for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 7);
  return 0;
}

static int end(void **state) {
  (void)state;
  rs_segment_unmap(&seg);
  close(seg_fd);
  return 0;
}

static int put(uint32_t size, uint32_t number) {
  rs_record record = {
    .size = size, .kind = RS_UP_LOG, .slot = 3, .inc = 4, .a = number, .b = 6, .at = 7};
  return rs_ring_put(&writer, &record, text);
}

static void take(uint32_t size, uint32_t number) {
  rs_record record;
  memset(back, 0, sizeof back);
  assert_int_equal(rs_ring_take(&reader, &record, back), 1);
  assert_int_equal(record.size, size);
  assert_int_equal(record.a, number);
  assert_int_equal(record.kind, RS_UP_LOG);
  assert_int_equal(record.slot, 3);
  assert_int_equal(record.at, 7);
  assert_memory_equal(back, text, size);
}

static void records_come_out_as_they_went_in(void **state) {
  (void)state;
  rs_record record;
  for (uint32_t i = 0; i < 5000; i++) {
    assert_int_equal(put(i % 700, i), 0);
    if (i % 3 == 0) assert_int_equal(put(i % 5, i + 1), 0);
    take(i % 700, i);
    if (i % 3 == 0) take(i % 5, i + 1);
    assert_int_equal(rs_ring_take(&reader, &record, back), 0);
  }
}

static void a_full_ring_says_so(void **state) {
  (void)state;
  uint32_t count = 0;
  while (put(40, count) == 0) count++;
  assert_int_equal(count, SIZE / 72);
  assert_true(rs_ring_wanted(&reader));
  assert_false(rs_ring_wanted(&reader));
  take(40, 0);
  assert_int_equal(put(40, count), 0);
  assert_int_equal(put(40, 0), -1);
  for (uint32_t i = 1; i <= count; i++) take(40, i);
}

static void what_no_ring_takes_is_refused(void **state) {
  (void)state;
  assert_int_equal(put(SIZE / 2, 0), -2);
  assert_int_equal(put(RS_TEXT_MAX + 1, 0), -2);
  assert_false(rs_ring_wanted(&reader));
}

/* Whatever the peer wrote: an answer, no byte outside, and never more than there is. */
static void garbage_is_refused(void **state) {
  (void)state;
  uint64_t seed = 20261122;
  for (int round = 0; round < 20000; round++) {
    rs_ring ring = rs_segment_up(&seg, 0);
    for (uint32_t i = 0; i < SIZE; i += 8) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      uint64_t word = round % 2 ? seed >> 60 : seed >> (seed >> 58);
      memcpy(ring.bytes + i, &word, sizeof word);
    }
    uint64_t tail = round % 5 == 0 ? seed : seed % (SIZE + 64);
    atomic_store(&ring.head->tail, tail);
    rs_record record;
    int came, taken = 0;
    while ((came = rs_ring_take(&ring, &record, back)) == 1) {
      assert_true(record.size <= RS_TEXT_MAX);
      taken++;
    }
    assert_true(taken <= SIZE / (int)sizeof(rs_record));
    if (tail > SIZE) assert_int_equal(came, -1);
  }
}

/* A reader that claims to have read more than there was makes no room. */
static void a_lying_reader_gets_nothing(void **state) {
  (void)state;
  assert_int_equal(put(8, 0), 0);
  atomic_store(&writer.head->head, 1u << 20);
  assert_int_equal(put(8, 1), -1);
}

static void sizes_are_the_makers(void **state) {
  (void)state;
  rs_segment other;
  assert_int_equal(rs_segment_map(&other, seg_fd, 2, 8, SIZE, 2 * SIZE), 0);
  assert_int_equal(other.head->abi, RS_ABI);
  atomic_store(&other.slot[7].unit, 42);
  assert_int_equal(atomic_load(&seg.slot[7].unit), 42);
  assert_int_equal(atomic_load(&seg.vm[1].slot), RS_NONE);
  rs_segment_unmap(&other);
  assert_int_equal(rs_segment_map(&other, seg_fd, 2, 9, SIZE, 2 * SIZE), -EINVAL);
  assert_int_equal(rs_segment_map(&other, seg_fd, 0, 8, SIZE, SIZE), -EINVAL);
  assert_int_equal(rs_segment_map(&other, seg_fd, 2, 8, 3000, SIZE), -EINVAL);
  assert_int_equal(ftruncate(seg_fd, 0), -1); /* sealed */
  assert_int_equal(errno, EPERM);
  assert_int_equal(rs_segment_make(&other, RS_VMS_MAX + 1, 1, SIZE, SIZE), -EINVAL);
}

static void an_unsealed_file_is_refused(void **state) {
  (void)state;
  rs_segment other;
  int fd = memfd_create("unsealed", MFD_CLOEXEC);
  assert_int_equal(ftruncate(fd, (off_t)seg.size), 0);
  assert_int_equal(rs_segment_map(&other, fd, 2, 8, SIZE, 2 * SIZE), -EPERM);
  close(fd);
}

static void messages_carry_descriptors(void **state) {
  (void)state;
  static rs_ctl_got got;
  int pair[2];
  assert_int_equal(rs_ctl_pair(pair), 0);
  assert_int_equal(rs_ctl_receive(pair[1], &got), -EAGAIN);
  rs_ctl ctl = {.kind = RS_CTL_VM, .a = 1, .x = 1ull << 40, .size = 5};
  int fds[] = {seg_fd, seg_fd, seg_fd};
  assert_int_equal(rs_ctl_send(pair[0], &ctl, "hello", fds, 3), 0);
  assert_int_equal(rs_ctl_receive(pair[1], &got), 1);
  assert_memory_equal(&got.ctl, &ctl, sizeof ctl);
  assert_string_equal(got.text, "hello");
  assert_int_equal(got.pid, getpid());
  assert_int_equal(got.fd_count, 3);
  for (uint32_t i = 0; i < 3; i++) {
    assert_true(fcntl(got.fds[i], F_GETFD) & FD_CLOEXEC);
    close(got.fds[i]);
  }
  ctl.size = 6; /* says more than it sends */
  struct iovec part = {&ctl, sizeof ctl};
  struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
  assert_true(sendmsg(pair[0], &msg, 0) > 0);
  assert_int_equal(rs_ctl_receive(pair[1], &got), -EPROTO);
  assert_int_equal(send(pair[0], "short", 5, 0), 5);
  assert_int_equal(rs_ctl_receive(pair[1], &got), -EPROTO);
  ctl.size = RS_CTL_MAX + 1;
  assert_int_equal(rs_ctl_send(pair[0], &ctl, text, NULL, 0), -EMSGSIZE);
  close(pair[0]);
  assert_int_equal(rs_ctl_receive(pair[1], &got), 0);
  close(pair[1]);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
    CASE(records_come_out_as_they_went_in), CASE(a_full_ring_says_so),
    CASE(what_no_ring_takes_is_refused),    CASE(garbage_is_refused),
    CASE(a_lying_reader_gets_nothing),      CASE(sizes_are_the_makers),
    CASE(an_unsealed_file_is_refused),      CASE(messages_carry_descriptors),
  };
  cmocka_set_test_filter(getenv("RS_ONLY")); /* NULL: all */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
