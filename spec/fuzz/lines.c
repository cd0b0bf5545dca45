/* However bytes are parted into reads, the lines are the same, none is longer than the
** limit and its mark, and nothing is lost but what is marked. The first byte says how
** they are parted. */
#include <stdlib.h>

#include "../../host/engine/journal/lines.h"

enum { MARK_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void keep(void *ctx, const char *text, size_t size) {
  if (size > RS_LINE_MAX + MARK_MAX) abort();
  rs_bytes_add(ctx, text, size);
  rs_bytes_add(ctx, "\n", 1);
}

static void split(rs_bytes *out, const char *bytes, size_t size, size_t part) {
  rs_lines lines = {.call = keep, .ctx = out};
  for (size_t at = 0; at < size; at += part)
    rs_lines_take(&lines, bytes + at, size - at < part ? size - at : part);
  rs_lines_end(&lines);
  rs_lines_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  if (size < 1) return 0;
  const char *from = (const char *)bytes + 1;
  rs_bytes whole = {0}, parted = {0};
  split(&whole, from, size - 1, size);
  split(&parted, from, size - 1, bytes[0] + 1u);
  if (whole.size != parted.size) abort();
  if (whole.size > 0 && memcmp(whole.at, parted.at, whole.size) != 0) abort();
  bool ended = size > 1 && from[size - 2] == '\n';
  bool is_short = size - 1 <= RS_LINE_MAX;
  if (is_short && whole.size != size - 1 + (size > 1 && !ended)) abort();
  rs_bytes_free(&whole);
  rs_bytes_free(&parted);
  return 0;
}
