/* What is read as a message, however it comes in parts, and what is refused. */
#define _GNU_SOURCE
#include "../../host/runner/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct heard {
  char text[4096];
  int status;
} heard;

static void say(heard *to, const char *text, size_t size) {
  size_t now = strlen(to->text);
  assert_true(now + size + 2 < sizeof to->text);
  memcpy(to->text + now, text, size);
  to->text[now + size] = 0;
}

static void tell_head(heard *to, const rs_http_head *head) {
  char line[200];
  int size = snprintf(line, sizeof line, "[%s%.*s %d %lld%s", head->method,
                      (int)head->target.size, head->target.at, head->minor,
                      (long long)head->length, head->keep_alive ? "" : " close");
  say(to, line, (size_t)size);
  for (uint32_t i = 0; i < head->count; i++) {
    const rs_http_field *f = &head->field[i];
    size = snprintf(line, sizeof line, " %.*s=%.*s", (int)f->name.size, f->name.at,
                    (int)f->value.size, f->value.at);
    say(to, line, (size_t)size);
  }
  say(to, "]", 1);
}

static void listen_on(rs_http *http, heard *to) {
  static rs_http_head head;
  for (;;) {
    head.method = "";
    switch (rs_http_next(http, &head)) {
    case RS_HTTP_MORE: return;
    case RS_HTTP_HEAD: tell_head(to, &head); break;
    case RS_HTTP_BODY: say(to, http->body.at, http->body.size); break;
    case RS_HTTP_END: say(to, ".", 1); break;
    default: to->status = http->status; return;
    }
  }
}

/* The same bytes in parts of `part` each. */
static heard hear(bool is_response, const char *bytes, size_t size, size_t part) {
  rs_http http;
  heard to = {.status = 0};
  rs_http_init(&http, is_response, 1000, 10);
  for (size_t at = 0; at < size && to.status == 0; at += part) {
    assert_true(rs_http_feed(&http, bytes + at, size - at < part ? size - at : part));
    listen_on(&http, &to);
  }
  if (rs_http_close(&http)) say(&to, "$", 1);
  rs_http_free(&http);
  return to;
}

typedef struct row {
  const char *bytes;
  const char *wanted; /* or NULL: */
  int status;
} row;

static void check(bool is_response, const row *rows) {
  static const size_t parts[] = {1, 2, 7, 1 << 16};
  for (; rows->bytes; rows++)
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
      heard got = hear(is_response, rows->bytes, strlen(rows->bytes), parts[i]);
      if (got.status != rows->status)
        fail_msg("%s: %d, not %d", rows->bytes, got.status, rows->status);
      if (rows->wanted) assert_string_equal(got.text, rows->wanted);
    }
}

#define HOST "Host: a\r\n"

static void requests(void **state) {
  (void)state;
  static const row rows[] = {
    {"GET /a?b HTTP/1.1\r\n" HOST "\r\n", "[GET/a?b 1 0 Host=a]", 0},
    {"\r\n\r\nGET / HTTP/1.0\r\n\r\n", "[GET/ 0 0 close]", 0},
    {"GET / HTTP/1.1\r\nhost:a \t\r\nConnection: close\r\n\r\n",
     "[GET/ 1 0 close host=a Connection=close]", 0},
    {"GET / HTTP/1.1\r\n" HOST "Empty:\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n",
     "[GET/ 1 0 Host=a Empty=][GET/2 1 0 Host=a]", 0},
    {"GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     "[GET/ 1 0 Host=a Upgrade=websocket Connection=Upgrade]", 0},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n" HOST
     "\r\n",
     "[POST/ 1 5 Host=a Content-Length=5]hello.[GET/ 1 0 Host=a]", 0},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n"
     "5;x=\"y\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
     "GET / HTTP/1.0\r\n\r\n",
     "[POST/ 1 -1 Host=a Transfer-Encoding=Chunked]hello0123456789.[GET/ 0 0 close]",
     0},
    {NULL, NULL, 0}};
  check(false, rows);
}

#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static void smuggling(void **state) {
  (void)state;
  static const row rows[] = {
    {"POST / HTTP/1.1\r\n" HOST
     "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n",
     NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\x0b"
     "chunked\r\n\r\n",
     NULL, 400},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", NULL,
     400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", NULL, 400},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", NULL,
     400},
    {"GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "A: b\n\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "A: b\rc: d\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "A b: c\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST ": c\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", NULL, 400},
    {"GET /\t HTTP/1.1\r\n" HOST "\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", NULL, 400},
    {"GET / HTTP/1.1\r\n\r\n", NULL, 400},
    {"GET / HTTP/2.0\r\n" HOST "\r\n", NULL, 505},
    {"FROB / HTTP/1.1\r\n" HOST "\r\n", NULL, 501},
    {"\x16\x03\x01", NULL, 400},
    {CHUNKED "5\r\nhelloXX0\r\n\r\n", NULL, 400},
    {CHUNKED "5\nhello\r\n0\r\n\r\n", NULL, 400},
    {CHUNKED "\r\n", NULL, 400},
    {CHUNKED "0x5\r\nhello\r\n", NULL, 400},
    {CHUNKED "-5\r\nhello\r\n", NULL, 400},
    {CHUNKED "5 \r\nhello\r\n", NULL, 400},
    {CHUNKED "1000000000000000\r\nhello\r\n", NULL, 400},
    {CHUNKED "0\r\nbad trailer\r\n\r\n", NULL, 400},
    {NULL, NULL, 0}};
  check(false, rows);
}

static void a_nul(void **state) {
  (void)state;
  static const char bytes[] = "GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n";
  assert_int_equal(hear(false, bytes, sizeof bytes - 1, 4).status, 400);
  static const char line[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
  assert_int_equal(hear(false, line, sizeof line - 1, 400).status, 400);
}

static void limits(void **state) {
  (void)state;
  char bytes[2000];
  memset(bytes, 'a', sizeof bytes);
  memcpy(bytes, "GET /", 5);
  assert_int_equal(hear(false, bytes, sizeof bytes, 100).status, 414);
  memcpy(bytes, "GET / HTTP/1.1\r\nA: ", 19);
  assert_int_equal(hear(false, bytes, sizeof bytes, 100).status, 431);
  assert_int_equal(hear(false, bytes, sizeof bytes, 2000).status, 431);
  strcpy(bytes, "GET / HTTP/1.1\r\n" HOST);
  for (int i = 0; i < 9; i++) strcat(bytes, "a: b\r\n");
  strcat(bytes, "\r\n");
  assert_int_equal(hear(false, bytes, strlen(bytes), 9).status, 0);
  strcpy(bytes + strlen(bytes) - 2, "a: b\r\n\r\n");
  assert_int_equal(hear(false, bytes, strlen(bytes), 9).status, 431);
}

static void responses(void **state) {
  (void)state;
  static const row rows[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "[OK 1 2 Content-Length=2]hi.",
     0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "[Continue 1 0][No 1 0]",
     0},
    {"HTTP/1.1 200 OK\r\n\r\nhi", NULL, 0},
    {"HTTP/1.0 200 OK\r\n\r\n", "[OK 0 -2 close]$", 0},
    {"HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", "[ 1 0 Content-Length=9]", 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", NULL,
     400},
    {"HTTP/9.1 200 OK\r\n\r\n", NULL, 505},
    {"SSH-2.0-x\r\n\r\n", NULL, 400},
    {NULL, NULL, 0}};
  check(true, rows);
  heard got = hear(true, "HTTP/1.1 200 OK\r\n\r\nhi", 21, 3);
  assert_string_equal(got.text, "[OK 1 -2 close]hi$");
}

/* Whatever comes: an answer, and no fault (the sanitizers look on). */
static void noise(void **state) {
  (void)state;
  static const char words[] = "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
                              "\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  uint32_t seed = 1;
  for (int i = 0; i < 20000; i++) {
    char bytes[sizeof words];
    memcpy(bytes, words, sizeof words);
    for (int k = 0; k < 1 + i % 4; k++) {
      seed = seed * 1664525 + 1013904223;
      bytes[(seed >> 16) % (sizeof words - 1)] = (char)(seed >> 8);
    }
    hear(i % 7 == 0, bytes, sizeof words - 1, 1 + (seed >> 20) % 60);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(requests), cmocka_unit_test(smuggling), cmocka_unit_test(a_nul),
    cmocka_unit_test(limits),   cmocka_unit_test(responses), cmocka_unit_test(noise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
