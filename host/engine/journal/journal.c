#define _GNU_SOURCE
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20, LINE_MAX_KEPT = 1 << 20 };

void rs_journal_init(rs_journal *journal) {
  /* Pages that no line has reached cost nothing. */
  journal->bytes = mmap(NULL, RS_JOURNAL_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (journal->bytes == MAP_FAILED) rs_base_fatal("no memory for the journal");
  journal->disk.fd = -1;
}

static char *byte_at(const rs_journal *journal, uint64_t at) {
  return journal->bytes + at % RS_JOURNAL_SIZE;
}

/* The bytes from `at` on that lie in one piece. */
static size_t piece(uint64_t at, uint64_t end) {
  size_t to_edge = RS_JOURNAL_SIZE - (size_t)(at % RS_JOURNAL_SIZE);
  return end - at < to_edge ? (size_t)(end - at) : to_edge;
}

static void drop_oldest(rs_journal *journal) {
  while (journal->begin < journal->end) {
    size_t size = piece(journal->begin, journal->end);
    const char *from = byte_at(journal, journal->begin);
    const char *end = memchr(from, '\n', size);
    journal->begin += end ? (uint64_t)(end - from) + 1 : size;
    if (end) return;
  }
}

void rs_journal_add(rs_journal *journal, const char *line, size_t size) {
  rs_disk_add(&journal->disk, line, size);
  if (size > LINE_MAX_KEPT) return;
  while (journal->end + size - journal->begin > RS_JOURNAL_SIZE) drop_oldest(journal);
  while (size > 0) {
    size_t part = piece(journal->end, journal->end + size);
    memcpy(byte_at(journal, journal->end), line, part);
    journal->end += part;
    line += part;
    size -= part;
  }
}

/* The seq of the oldest line that is kept. */
static uint64_t oldest_seq(const rs_journal *journal) {
  static const char key[] = "{\"seq\":";
  uint64_t seq = 0;
  for (uint64_t at = journal->begin + sizeof key - 1; at < journal->end; at++) {
    char c = *byte_at(journal, at);
    if (c < '0' || c > '9') break;
    seq = seq * 10 + (uint64_t)(c - '0');
  }
  return seq;
}

/* Tells a reader that fell behind what it lost; false while it cannot take that. */
static bool tell_dropped(rs_journal *journal, rs_reader *reader) {
  char line[128];
  uint64_t seq = oldest_seq(journal);
  int size =
    snprintf(line, sizeof line,
             "%s{\"seq\":%" PRIu64 ",\"kind\":\"dropped\",\"up_to\":%" PRIu64 "}\n",
             reader->inside ? "\n" : "", seq - 1, seq - 1);
  /* Below PIPE_BUF a write to a pipe is all or nothing. */
  if (write(reader->watch->fd, line, (size_t)size) != size) return false;
  reader->at = journal->begin;
  reader->inside = false;
  return true;
}

/* Writes what the reader takes now; true if it wants more later. */
static bool feed(rs_journal *journal, rs_reader *reader) {
  while (reader->watch && reader->at < journal->end) {
    if (reader->at < journal->begin && !tell_dropped(journal, reader))
      return errno == EAGAIN;
    size_t size = piece(reader->at, journal->end);
    ssize_t done = write(reader->watch->fd, byte_at(journal, reader->at), size);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0 && errno == EAGAIN) return true;
    if (done < 0) {
      rs_watch_end(&reader->watch);
      return false;
    }
    reader->at += (uint64_t)done;
    reader->inside = *byte_at(journal, reader->at - 1) != '\n';
  }
  return false;
}

static void serve(rs_journal *journal, rs_reader *reader) {
  if (!reader->watch) return;
  bool more = feed(journal, reader);
  if (reader->watch) rs_watch_set(reader->watch, more ? UV_WRITABLE : 0);
}

static void on_printer(void *ctx, rs_watch *watch, int events) {
  rs_journal *journal = ctx;
  (void)watch;
  (void)events;
  serve(journal, &journal->printer);
}

void rs_journal_print_to(rs_journal *journal, uv_loop_t *loop, int fd) {
  fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
  journal->printer.watch = rs_watch_new(loop, fd, on_printer, journal);
  if (journal->printer.watch) rs_watch_set(journal->printer.watch, 0);
}

void rs_journal_keep(rs_journal *journal) { rs_disk_flush(&journal->disk); }

void rs_journal_flush(rs_journal *journal) {
  rs_journal_keep(journal);
  serve(journal, &journal->printer);
}

void rs_journal_close(rs_journal *journal, rs_time limit) {
  rs_reader *reader = &journal->printer;
  rs_time end = rs_base_now() + limit;
  rs_disk_flush(&journal->disk);
  while (reader->watch && feed(journal, reader)) {
    rs_time left = end - rs_base_now();
    if (left <= 0) break;
    struct pollfd waited = {.fd = reader->watch->fd, .events = POLLOUT};
    poll(&waited, 1, (int)(left / RS_MS) + 1);
  }
  rs_watch_end(&reader->watch);
}
