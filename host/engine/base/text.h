/* text.h -- texts that go through the core as numbers: tracebacks, operators' names.
**
** Layer    engine.
** Owner    this store copies what it is given.
** Thread   the engine's.
** Limits   a text stays for the turn that it came in, and beyond it while no more than
**          RS_TEXTS_KEPT bytes are kept; then the oldest is forgotten.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_TEXT_H
#define RS_TEXT_H

#include "base.h"

enum { RS_TEXTS_KEPT = 256 << 10 };

typedef struct rs_texts {
  struct rs_text **at; /* those numbered first ... last, oldest first */
  uint64_t first;      /* number of at[begin] */
  size_t begin, count, room;
  size_t bytes;
} rs_texts;

/* Its number, never 0. */
uint64_t rs_texts_put(rs_texts *texts, const char *text, size_t size);
uint64_t rs_texts_print(rs_texts *texts, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* Its bytes (a NUL follows); "" and 0 for what was forgotten. */
const char *rs_texts_get(const rs_texts *texts, uint64_t number, size_t *size);

/* A turn has ended: old ones may go. */
void rs_texts_trim(rs_texts *texts);

#endif
