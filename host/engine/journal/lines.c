#include "lines.h"

/* A long line's mark. Where it is cut, no character of UTF-8 is left in part. */
static void mark(rs_lines *lines) {
  rs_bytes *line = &lines->line;
  size_t size = line->size, least = size > 3 ? size - 3 : 0;
  while (size > least && ((unsigned char)line->at[size - 1] & 0xc0) == 0x80) size--;
  if (size > least && (unsigned char)line->at[size - 1] >= 0xc0) size--;
  else size = line->size;
  lines->over += line->size - size;
  line->size = size;
  rs_bytes_print(line, "… [%llu more bytes]", (unsigned long long)lines->over);
}

static void end_line(rs_lines *lines) {
  if (lines->over > 0) mark(lines);
  lines->call(lines->ctx, lines->line.at ? lines->line.at : "", lines->line.size);
  lines->line.size = 0;
  lines->over = 0;
}

void rs_lines_take(rs_lines *lines, const char *bytes, size_t size) {
  while (size > 0) {
    const char *end = memchr(bytes, '\n', size);
    size_t part = end ? (size_t)(end - bytes) : size;
    size_t room = RS_LINE_MAX - lines->line.size, kept = part < room ? part : room;
    rs_bytes_add(&lines->line, bytes, kept);
    lines->over += part - kept;
    if (end) end_line(lines);
    part += end != NULL;
    bytes += part;
    size -= part;
  }
}

void rs_lines_end(rs_lines *lines) {
  if (lines->line.size > 0) end_line(lines);
}

void rs_lines_free(rs_lines *lines) { rs_bytes_free(&lines->line); }
