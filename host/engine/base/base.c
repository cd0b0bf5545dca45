#include "base.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

rs_time rs_base_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (rs_time)now.tv_sec * RS_SECOND + now.tv_nsec;
}

/* Who reads stderr may be slow: what has no room there is not said. */
static void say(const char *format, va_list args) {
  char text[1024];
  struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
  vsnprintf(text, sizeof text, format, args);
  if (poll(&room, 1, 0) == 1) fprintf(stderr, "runsmith: %s\n", text);
}

void rs_base_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
}

_Noreturn void rs_base_fatal(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  abort();
}

void *rs_base_grow(void *old, size_t size) {
  void *memory = realloc(old, size);
  if (!memory) rs_base_fatal("out of memory (%zu bytes)", size);
  return memory;
}

void *rs_base_new(size_t size) { return memset(rs_base_grow(NULL, size), 0, size); }

static void make_room(rs_bytes *bytes, size_t more) {
  if (bytes->size + more <= bytes->room) return;
  size_t room = bytes->room ? bytes->room : 256;
  while (room < bytes->size + more) room *= 2;
  bytes->at = rs_base_grow(bytes->at, room);
  bytes->room = room;
}

void rs_bytes_add(rs_bytes *bytes, const void *from, size_t size) {
  if (size == 0) return;
  make_room(bytes, size);
  memcpy(bytes->at + bytes->size, from, size);
  bytes->size += size;
}

void rs_bytes_text(rs_bytes *bytes, const char *text) {
  rs_bytes_add(bytes, text, strlen(text));
}

void rs_bytes_print(rs_bytes *bytes, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  int size = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (size < 0) return;
  rs_bytes_add(bytes, text,
               (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

void rs_bytes_drop(rs_bytes *bytes, size_t size) {
  if (size == 0) return;
  bytes->size -= size;
  memmove(bytes->at, bytes->at + size, bytes->size);
}

void rs_bytes_free(rs_bytes *bytes) {
  free(bytes->at);
  *bytes = (rs_bytes){0};
}
