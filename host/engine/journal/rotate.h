/* rotate.h -- a file that turns over: PATH, PATH.1 (older) and so on.
**
** Layer    engine.
** Owner    rs_rotate_free closes it.
** Thread   the engine's; a write waits for the disk.
** Limits   `max` bytes a file, `keep` files in all: never more on the disk. What cannot
**          be written is counted, not kept.
** Tested   spec/c/engine_output.c. */
#ifndef RS_ROTATE_H
#define RS_ROTATE_H

#include "../base/base.h"

enum { RS_ROTATE_LINE = 16 << 10 };

typedef struct rs_rotate {
  char *path;
  rs_bytes begun; /* of a line that has not ended yet */
  int fd;         /* -1: it could not be opened */
  uint64_t size, max;
  uint32_t keep;
  uint64_t lost; /* bytes that could not be written and were not told yet */
  int error;     /* why */
  bool told;
} rs_rotate;

/* Opens or makes the file. NULL and errno in `error` where that cannot be. */
rs_rotate *rs_rotate_new(const char *path, uint64_t max, uint32_t keep, int *error);

/* Writes whole lines, and turns over between two of them; one of more than
** RS_ROTATE_LINE bytes is written in parts. */
void rs_rotate_add(rs_rotate *file, const char *bytes, size_t size);

/* Writes what was begun, and closes it. NULL afterwards; harmless for NULL. */
void rs_rotate_free(rs_rotate **file);

#endif
