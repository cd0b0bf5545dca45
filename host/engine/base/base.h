/* base.h -- what every file of the engine needs: the clock, memory, a growing buffer.
**
** Layer    engine.
** Owner    a buffer's bytes belong to who embeds it; rs_bytes_free ends it.
** Thread   the engine's.
** Limits   memory that cannot be had ends the process with a sentence.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_BASE_H
#define RS_BASE_H

#include <stdio.h>
#include <string.h>

#include "../../core/core.h"

#define RS_COUNT_OF(array) (sizeof(array) / sizeof *(array))

enum { RS_SECOND = 1000000000, RS_MS = 1000000 };

/* The monotonic clock. */
rs_time rs_base_now(void);

/* realloc that never fails; the part beyond the old size is not zeroed. */
void *rs_base_grow(void *old, size_t size);

/* One zeroed object of `size` bytes. */
void *rs_base_new(size_t size);

/* A line on stderr, begun with "runsmith: ". */
void rs_base_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and the end of the process. */
_Noreturn void rs_base_fatal(const char *format, ...)
  __attribute__((format(printf, 1, 2)));

typedef struct rs_bytes {
  char *at;
  size_t size, room;
} rs_bytes;

void rs_bytes_add(rs_bytes *bytes, const void *from, size_t size);
void rs_bytes_text(rs_bytes *bytes, const char *text);
void rs_bytes_print(rs_bytes *bytes, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* Drops the first `size` bytes. */
void rs_bytes_drop(rs_bytes *bytes, size_t size);
void rs_bytes_free(rs_bytes *bytes);

#endif
