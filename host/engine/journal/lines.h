/* lines.h -- bytes as they come, cut into lines.
**
** Layer    engine.
** Owner    who embeds it; rs_lines_free ends it.
** Thread   any.
** Limits   RS_LINE_MAX bytes of a line are kept; of a longer one the begin, and how
**          much more there was.
** Tested   spec/c/engine_output.c, spec/fuzz/lines.c. */
#ifndef RS_LINES_H
#define RS_LINES_H

#include "../base/base.h"

enum { RS_LINE_MAX = 16 << 10 };

typedef struct rs_lines {
  rs_bytes line; /* begun, not ended */
  uint64_t over; /* bytes of it beyond RS_LINE_MAX */
  void (*call)(void *ctx, const char *text, size_t size);
  void *ctx;
} rs_lines;

/* Calls `call` for each line that ends in these bytes, without its newline. */
void rs_lines_take(rs_lines *lines, const char *bytes, size_t size);

/* No more comes: what was begun is a line, too. */
void rs_lines_end(rs_lines *lines);
void rs_lines_free(rs_lines *lines);

#endif
