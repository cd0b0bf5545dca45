/* disk.h -- the journal's files: PATH, PATH.1 (older) and so on.
**
** Layer    engine.
** Owner    the journal.
** Thread   the engine's; a write waits for the disk.
** Limits   RS_DISK_SIZE bytes a file, RS_DISK_FILES files. What cannot be written is
**          counted, not kept.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_DISK_H
#define RS_DISK_H

#include "../base/base.h"

enum { RS_DISK_SIZE = 64 << 20, RS_DISK_FILES = 8 };

typedef struct rs_disk {
  char *path; /* NULL: there is no file */
  int fd;
  size_t size;      /* of the present file */
  rs_bytes pending; /* whole lines, written once a turn */
  uint64_t pending_lines;
  uint64_t lost;    /* lines that could not be written and were not told yet */
  int error;        /* why */
  bool failing;     /* the last write failed */
  bool told;        /* that it did */
  uint64_t removed; /* the last seq of a file that was removed; 0: nothing to tell */
} rs_disk;

/* Opens or makes it and says which seq was the last. 0, or a negative errno; EBUSY:
** another host writes there. */
int rs_disk_open(rs_disk *disk, const char *path, uint64_t *seq);
void rs_disk_add(rs_disk *disk, const char *line, size_t size);

/* Writes what is pending. */
void rs_disk_flush(rs_disk *disk);

/* The number after "seq": in the last whole line of the bytes; 0. */
uint64_t rs_disk_last_seq(const char *bytes, size_t size);

#endif
