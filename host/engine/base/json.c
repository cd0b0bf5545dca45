#include "json.h"

#include <inttypes.h>

/* The length of the UTF-8 sequence at `s`, 0 if there is none: no overlong forms, no
** surrogates, nothing above U+10FFFF. */
static size_t sequence(const unsigned char *s, size_t left) {
  static const unsigned char least[5][2] = {
    {0, 0}, {0, 0}, {0xc2, 0x80}, {0xe0, 0xa0}, {0xf0, 0x90}};
  if (s[0] < 0x80) return 1;
  size_t size = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || size > left) return 0;
  for (size_t i = 1; i < size; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == least[size][0] && s[1] < least[size][1]) return 0;
  if (s[0] == 0xed && s[1] > 0x9f) return 0;
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
  return size;
}

static bool is_plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void escape(rs_bytes *out, unsigned char c) {
  switch (c) {
  case '"': rs_bytes_text(out, "\\\""); break;
  case '\\': rs_bytes_text(out, "\\\\"); break;
  case '\n': rs_bytes_text(out, "\\n"); break;
  case '\r': rs_bytes_text(out, "\\r"); break;
  case '\t': rs_bytes_text(out, "\\t"); break;
  default: rs_bytes_print(out, "\\u%04x", c);
  }
}

void rs_json_string(rs_bytes *out, const char *text, size_t size) {
  const unsigned char *s = (const unsigned char *)text, *end = s + size;
  rs_bytes_add(out, "\"", 1);
  while (s < end) {
    const unsigned char *from = s;
    while (s < end && is_plain(*s)) s++;
    rs_bytes_add(out, from, (size_t)(s - from));
    if (s == end) break;
    size_t length = sequence(s, (size_t)(end - s));
    if (length > 1) rs_bytes_add(out, s, length);
    else if (length == 1) escape(out, *s);
    else rs_bytes_text(out, "\xef\xbf\xbd");
    s += length > 0 ? length : 1;
  }
  rs_bytes_add(out, "\"", 1);
}

void rs_json_raw(rs_bytes *out, const char *json) {
  const unsigned char *s = (const unsigned char *)json, *end = s + strlen(json);
  while (s < end) {
    const unsigned char *from = s;
    while (s < end && *s < 0x80) s++;
    rs_bytes_add(out, from, (size_t)(s - from));
    if (s == end) return;
    size_t length = sequence(s, (size_t)(end - s));
    if (length > 0) rs_bytes_add(out, s, length);
    else rs_bytes_text(out, "\xef\xbf\xbd");
    s += length > 0 ? length : 1;
  }
}

static void key_of(rs_bytes *out, const char *key) {
  rs_bytes_add(out, ",\"", 2);
  rs_bytes_text(out, key);
  rs_bytes_add(out, "\":", 2);
}

void rs_json_text(rs_bytes *out, const char *key, const char *text, size_t size) {
  key_of(out, key);
  rs_json_string(out, text, size);
}

void rs_json_name(rs_bytes *out, const char *key, const char *text) {
  rs_json_text(out, key, text, strlen(text));
}

void rs_json_int(rs_bytes *out, const char *key, int64_t value) {
  key_of(out, key);
  rs_bytes_print(out, "%" PRId64, value);
}

void rs_json_bool(rs_bytes *out, const char *key, bool value) {
  key_of(out, key);
  rs_bytes_text(out, value ? "true" : "false");
}

void rs_json_span(rs_bytes *out, const char *key, rs_time value) {
  key_of(out, key);
  if (value == RS_NEVER) {
    rs_bytes_text(out, "null");
    return;
  }
  rs_time micro = value / 1000, rest = micro % 1000000;
  const char *sign = micro < 0 ? "-" : "";
  if (micro < 0) micro = -micro, rest = -rest;
  rs_bytes_print(out, "%s%" PRId64 ".%06" PRId64, sign, micro / 1000000, rest);
}
