#include "notify_text.h"

#include <limits.h>

enum { DIGITS_MAX = 18 };

/* A line whose name is `name`, up to the value; false: it is another's. */
static bool is(const char *line, size_t size, const char *name, const char **value) {
  size_t length = strlen(name);
  if (size < length || memcmp(line, name, length) != 0) return false;
  *value = line + length;
  return true;
}

/* Digits alone; -1 for anything else. */
static int64_t number(const char *from, const char *end) {
  int64_t value = 0;
  if (from == end || end - from > DIGITS_MAX) return -1;
  for (; from < end; from++) {
    if (*from < '0' || *from > '9') return -1;
    value = value * 10 + (*from - '0');
  }
  return value;
}

static void take_extend(rs_notify_text *said, int64_t usec) {
  if (usec <= 0) return;
  said->has |= RS_SAYS_EXTEND;
  said->extend = usec > INT64_MAX / 4000 ? INT64_MAX / 4 : usec * 1000;
}

static void take_main(rs_notify_text *said, int64_t pid) {
  if (pid <= 0 || pid > INT_MAX) return;
  said->has |= RS_SAYS_MAINPID;
  said->main_pid = (int)pid;
}

static void take(rs_notify_text *said, const char *line, size_t size) {
  static const struct {
    const char *text;
    uint32_t flag;
  } flags[] = {
    {"READY=1", RS_SAYS_READY},       {"RELOADING=1", RS_SAYS_RELOADING},
    {"STOPPING=1", RS_SAYS_STOPPING}, {"WATCHDOG=1", RS_SAYS_WATCHDOG},
    {"BARRIER=1", RS_SAYS_BARRIER},   {"WATCHDOG=trigger", RS_SAYS_TRIGGER},
  };
  const char *value, *end = line + size;
  for (size_t i = 0; i < RS_COUNT_OF(flags); i++)
    if (is(line, size, flags[i].text, &value) && value == end)
      said->has |= flags[i].flag;
  if (is(line, size, "STATUS=", &value)) {
    said->has |= RS_SAYS_STATUS;
    said->status = value;
    said->status_size = (size_t)(end - value);
  } else if (is(line, size, "EXTEND_TIMEOUT_USEC=", &value)) {
    take_extend(said, number(value, end));
  } else if (is(line, size, "MAINPID=", &value)) {
    take_main(said, number(value, end));
  }
}

rs_notify_text rs_notify_read(const char *bytes, size_t size) {
  rs_notify_text said = {0};
  while (size > 0) {
    const char *end = memchr(bytes, '\n', size);
    size_t part = end ? (size_t)(end - bytes) : size;
    take(&said, bytes, part);
    part += end != NULL;
    bytes += part;
    size -= part;
  }
  return said;
}
