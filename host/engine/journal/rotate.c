#define _GNU_SOURCE
#include "rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_it(rs_rotate *file, int more) {
  struct stat info;
  file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | more, 0640);
  if (file->fd < 0) return errno;
  bool plain = fstat(file->fd, &info) == 0 && S_ISREG(info.st_mode);
  file->size = plain ? (uint64_t)info.st_size : 0;
  if (!plain) file->max = UINT64_MAX; /* a terminal or a pipe is never full */
  return 0;
}

rs_rotate *rs_rotate_new(const char *path, uint64_t max, uint32_t keep, int *error) {
  rs_rotate *file = rs_base_new(sizeof *file);
  file->path = rs_base_new(strlen(path) + 1);
  memcpy(file->path, path, strlen(path));
  file->max = max > 0 ? max : UINT64_MAX;
  file->keep = keep > 0 ? keep : 1;
  *error = open_it(file, O_NONBLOCK);
  if (*error != 0) rs_rotate_free(&file);
  return file;
}

static void name_of(const rs_rotate *file, uint32_t number, char *name, size_t size) {
  if (number == 0) snprintf(name, size, "%s", file->path);
  else snprintf(name, size, "%s.%u", file->path, number);
}

/* The oldest goes; each other one becomes older by one. */
static void turn_over(rs_rotate *file) {
  size_t size = strlen(file->path) + 16;
  char *from = rs_base_new(size), *to = rs_base_new(size);
  for (uint32_t i = file->keep - 1; i > 0; i--) {
    name_of(file, i - 1, from, size);
    name_of(file, i, to, size);
    rename(from, to);
  }
  free(from), free(to);
  close(file->fd);
  int error = open_it(file, O_NONBLOCK | (file->keep == 1 ? O_TRUNC : 0));
  if (error != 0) file->error = error;
  /* It could not be renamed: the cap holds all the same. */
  if (error == 0 && file->size >= file->max && ftruncate(file->fd, 0) == 0)
    file->size = 0;
  if (error == 0 && file->size >= file->max) file->max = UINT64_MAX;
}

static void put(rs_rotate *file, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t done = file->fd < 0 ? -1 : write(file->fd, bytes, size);
    if (done < 0 && file->fd >= 0 && errno == EINTR) continue;
    if (done < 0) {
      if (file->fd >= 0) file->error = errno;
      file->lost += size;
      return;
    }
    file->size += (uint64_t)done;
    bytes += done;
    size -= (size_t)done;
  }
}

static void store(rs_rotate *file, const char *bytes, size_t size) {
  if (file->fd < 0) open_it(file, O_NONBLOCK);
  while (size > 0) {
    uint64_t room = file->size < file->max ? file->max - file->size : 0;
    size_t part = size < room ? size : (size_t)room;
    if (part < size && file->fd >= 0) {
      const char *end = part > 0 ? memrchr(bytes, '\n', part) : NULL;
      /* A line that fits into no file is cut where this one ends. */
      if (end) part = (size_t)(end - bytes) + 1;
      else if (file->size > 0 && size - part < file->max) part = 0;
      put(file, bytes, part);
      bytes += part;
      size -= part;
      turn_over(file);
      continue;
    }
    put(file, bytes, file->fd < 0 ? size : part);
    return;
  }
}

void rs_rotate_add(rs_rotate *file, const char *bytes, size_t size) {
  const char *last = memrchr(bytes, '\n', size);
  size_t whole = last ? (size_t)(last - bytes) + 1 : 0;
  if (whole > 0) {
    const char *first = memchr(bytes, '\n', size);
    size_t rest = file->begun.size > 0 ? (size_t)(first - bytes) + 1 : 0;
    rs_bytes_add(&file->begun, bytes, rest);
    store(file, file->begun.at, file->begun.size);
    file->begun.size = 0;
    store(file, bytes + rest, whole - rest);
  }
  rs_bytes_add(&file->begun, bytes + whole, size - whole);
  if (file->begun.size <= RS_ROTATE_LINE) return;
  store(file, file->begun.at, file->begun.size);
  file->begun.size = 0;
}

void rs_rotate_free(rs_rotate **file) {
  rs_rotate *old = *file;
  if (!old) return;
  *file = NULL;
  store(old, old->begun.at, old->begun.size);
  if (old->fd >= 0) close(old->fd);
  rs_bytes_free(&old->begun);
  free(old->path);
  free(old);
}
