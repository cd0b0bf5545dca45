#define _GNU_SOURCE
#include "source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK = 4096, NEAR = 64 << 10 };

rs_source rs_source_ring(const rs_journal *journal) {
  return (rs_source){journal, -1, journal->begin, journal->end};
}

bool rs_source_file(rs_source *source, const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    close(fd);
    return false;
  }
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  *source = (rs_source){NULL, fd, 0, (uint64_t)st.st_size};
  return true;
}

void rs_source_close(rs_source *source) {
  if (source->fd >= 0) close(source->fd);
  source->fd = -1;
}

size_t rs_source_peek(const rs_source *source, uint64_t at, char *bytes, size_t size) {
  if (at >= source->end) return 0;
  if (source->end - at < size) size = (size_t)(source->end - at);
  if (!source->ring) {
    ssize_t got = pread(source->fd, bytes, size, (off_t)at);
    return got > 0 ? (size_t)got : 0;
  }
  size_t place = (size_t)(at % RS_JOURNAL_SIZE), first = RS_JOURNAL_SIZE - place;
  if (first > size) first = size;
  memcpy(bytes, source->ring->bytes + place, first);
  memcpy(bytes + first, source->ring->bytes, size - first);
  return size;
}

uint64_t rs_source_seq(const rs_source *source, uint64_t at) {
  static const char key[] = "{\"seq\":";
  char head[32];
  size_t got = rs_source_peek(source, at, head, sizeof head - 1);
  head[got] = 0;
  if (strncmp(head, key, sizeof key - 1) != 0) return 0;
  return strtoull(head + sizeof key - 1, NULL, 10);
}

/* Where the line after the byte at `at` begins; the end where there is none. */
static uint64_t next_line(const rs_source *source, uint64_t at) {
  char bytes[LOOK];
  while (at < source->end) {
    size_t got = rs_source_peek(source, at, bytes, sizeof bytes);
    if (got == 0) break;
    const char *end = memchr(bytes, '\n', got);
    if (end) return at + (uint64_t)(end - bytes) + 1;
    at += got;
  }
  return source->end;
}

void rs_source_seek(rs_source *source, uint64_t seq) {
  uint64_t low = source->at, high = source->end;
  while (high - low > NEAR) {
    uint64_t middle = next_line(source, low + (high - low) / 2);
    if (middle >= high) break;
    if (rs_source_seq(source, middle) < seq) low = middle;
    else high = middle;
  }
  while (low < source->end && rs_source_seq(source, low) < seq)
    low = next_line(source, low);
  source->at = low;
}
