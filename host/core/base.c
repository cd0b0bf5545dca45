/* base.c -- assertions and sentences. */
#include "base.h"

#include <stdlib.h>
#include <string.h>

void (*rs_assert_hook)(const char *file, int line, const char *what);

_Noreturn void rs_assert_fail(const char *file, int line, const char *what) {
  if (rs_assert_hook) rs_assert_hook(file, line, what);
  abort();
}

rs_say rs_say_into(char *at, size_t size) {
  if (size > 0) at[0] = 0;
  return (rs_say){at, size, 0};
}

void rs_say_bytes(rs_say *say, const char *bytes, size_t len) {
  if (say->size == 0) return;
  size_t room = say->size - 1 - say->len;
  size_t take = len < room ? len : room;
  if (take > 0) memcpy(say->at + say->len, bytes, take);
  say->len += take;
  say->at[say->len] = 0;
}

void rs_say_text(rs_say *say, const char *text) {
  rs_say_bytes(say, text, strlen(text));
}

void rs_say_number(rs_say *say, uint64_t number) {
  char digits[20];
  size_t from = sizeof digits;
  do {
    digits[--from] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  rs_say_bytes(say, digits + from, sizeof digits - from);
}

static bool name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         c == '_' || c == '.' || c == '-';
}

bool rs_name_ok(const char *name, size_t len) {
  if (len == 0 || len > 255) return false;
  for (size_t i = 0; i < len; i++)
    if (!name_char(name[i])) return false;
  return true;
}
