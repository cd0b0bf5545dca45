#include "text.h"

#include <stdarg.h>
#include <stdlib.h>

struct rs_text {
  size_t size;
  char bytes[];
};

/* Makes room for one more: what lies before `begin` is free. */
static void make_room(rs_texts *texts) {
  if (texts->begin + texts->count < texts->room) return;
  if (texts->begin > texts->room / 2) {
    memmove(texts->at, texts->at + texts->begin, texts->count * sizeof *texts->at);
    texts->begin = 0;
    return;
  }
  texts->room = texts->room ? texts->room * 2 : 64;
  texts->at = rs_base_grow(texts->at, texts->room * sizeof *texts->at);
}

uint64_t rs_texts_put(rs_texts *texts, const char *text, size_t size) {
  struct rs_text *one = rs_base_grow(NULL, sizeof *one + size + 1);
  one->size = size;
  if (size > 0) memcpy(one->bytes, text, size);
  one->bytes[size] = 0;
  make_room(texts);
  if (texts->first == 0) texts->first = 1;
  texts->at[texts->begin + texts->count++] = one;
  texts->bytes += size + sizeof *one;
  return texts->first + texts->count - 1;
}

uint64_t rs_texts_print(rs_texts *texts, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (size < 0) size = 0;
  return rs_texts_put(texts, text, (size_t)size < sizeof text ? (size_t)size : 1023);
}

const char *rs_texts_get(const rs_texts *texts, uint64_t number, size_t *size) {
  *size = 0;
  if (number < texts->first || number - texts->first >= texts->count) return "";
  const struct rs_text *one = texts->at[texts->begin + (number - texts->first)];
  *size = one->size;
  return one->bytes;
}

void rs_texts_trim(rs_texts *texts) {
  while (texts->bytes > RS_TEXTS_KEPT && texts->count > 0) {
    struct rs_text *oldest = texts->at[texts->begin++];
    texts->bytes -= oldest->size + sizeof *oldest;
    texts->count--;
    texts->first++;
    free(oldest);
  }
}
