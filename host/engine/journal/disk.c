#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL = 256 << 10, PATH_ROOM = 4096 };

static void name_of(const rs_disk *disk, int number, char *name) {
  if (number == 0) snprintf(name, PATH_ROOM, "%s", disk->path);
  else snprintf(name, PATH_ROOM, "%s.%d", disk->path, number);
}

uint64_t rs_disk_last_seq(const char *bytes, size_t size) {
  static const char key[] = "{\"seq\":";
  while (size > 0 && bytes[size - 1] == '\n') size--;
  const char *line = size > 0 ? memrchr(bytes, '\n', size) : NULL;
  line = line ? line + 1 : bytes;
  size -= (size_t)(line - bytes);
  if (size < sizeof key || memcmp(line, key, sizeof key - 1) != 0) return 0;
  return strtoull(line + sizeof key - 1, NULL, 10);
}

/* The seq of the last whole line; `*whole` is the file's size up to its end. */
static uint64_t last_seq(int fd, size_t size, size_t *whole) {
  size_t from = size > TAIL ? size - TAIL : 0;
  char *bytes = rs_base_grow(NULL, TAIL + 1);
  ssize_t got = pread(fd, bytes, size - from, (off_t)from);
  size_t have = got > 0 ? (size_t)got : 0;
  const char *end = have > 0 ? memrchr(bytes, '\n', have) : NULL;
  have = end ? (size_t)(end - bytes) + 1 : 0;
  bytes[have] = 0;
  uint64_t seq = rs_disk_last_seq(bytes, have);
  *whole = end ? from + have : from;
  free(bytes);
  return seq;
}

static uint64_t last_seq_of(const char *name) {
  struct stat st;
  size_t whole;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  uint64_t seq = fstat(fd, &st) == 0 ? last_seq(fd, (size_t)st.st_size, &whole) : 0;
  close(fd);
  return seq;
}

/* False where another host has it: two would number and cut each other's lines. What is
** no regular file has no lines to keep, and is anybody's. */
static bool claim(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return true;
  return flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

static int open_file(rs_disk *disk) {
  disk->fd = open(disk->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (disk->fd < 0) return -errno;
  if (claim(disk->fd)) return 0;
  close(disk->fd);
  disk->fd = -1;
  return -EBUSY;
}

int rs_disk_open(rs_disk *disk, const char *path, uint64_t *seq) {
  char older[PATH_ROOM];
  struct stat st;
  disk->path = strcpy(rs_base_grow(NULL, strlen(path) + 1), path);
  int code = open_file(disk);
  if (code != 0) return code;
  if (fstat(disk->fd, &st) != 0) return -errno;
  *seq = last_seq(disk->fd, (size_t)st.st_size, &disk->size);
  /* A line that a crash cut off is no entry. */
  if (disk->size < (size_t)st.st_size && ftruncate(disk->fd, (off_t)disk->size) != 0)
    return -errno;
  name_of(disk, 1, older);
  if (*seq == 0) *seq = last_seq_of(older);
  return 0;
}

void rs_disk_add(rs_disk *disk, const char *line, size_t size) {
  if (!disk->path) return;
  rs_bytes_add(&disk->pending, line, size);
  disk->pending_lines++;
}

static void turn_over(rs_disk *disk) {
  char from[PATH_ROOM], to[PATH_ROOM];
  name_of(disk, RS_DISK_FILES - 1, from);
  uint64_t removed = last_seq_of(from);
  if (removed > 0) disk->removed = removed;
  for (int i = RS_DISK_FILES - 1; i > 0; i--) {
    name_of(disk, i - 1, from);
    name_of(disk, i, to);
    rename(from, to);
  }
  close(disk->fd);
  disk->size = 0;
  int code = open_file(disk);
  if (code != 0) disk->error = -code;
}

/* All of it, or false with the file as it was. */
static bool write_all(rs_disk *disk) {
  size_t done = 0;
  while (done < disk->pending.size) {
    ssize_t part = write(disk->fd, disk->pending.at + done, disk->pending.size - done);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) {
      disk->error = part < 0 ? errno : EIO;
      if (done > 0 && ftruncate(disk->fd, (off_t)disk->size) != 0) disk->size += done;
      return false;
    }
    done += (size_t)part;
  }
  disk->size += done;
  return true;
}

void rs_disk_flush(rs_disk *disk) {
  if (disk->pending.size == 0) return;
  if (disk->size > 0 && disk->size + disk->pending.size > RS_DISK_SIZE) turn_over(disk);
  if (disk->fd < 0) open_file(disk);
  disk->failing = disk->fd < 0 || !write_all(disk);
  if (disk->failing) disk->lost += disk->pending_lines;
  disk->pending.size = 0;
  disk->pending_lines = 0;
}
