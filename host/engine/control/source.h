/* source.h -- a run of journal lines to read from: the ring in memory, or a file.
**
** Layer    engine; for the control socket's files alone.
** Owner    a file's descriptor is its own; rs_source_close ends it.
** Thread   the engine's. A read of a file waits for the disk.
** Limits   none. Lines are in the order of their seq.
** Tested   spec/c/engine_source.c. */
#ifndef RS_SOURCE_H
#define RS_SOURCE_H

#include "../journal/journal.h"

typedef struct rs_source {
  const rs_journal *ring; /* NULL: a file */
  int fd;
  uint64_t at, end; /* the next byte to be read; behind the last */
} rs_source;

/* All that is in memory. */
rs_source rs_source_ring(const rs_journal *journal);

/* The file's whole lines as they are now; false: there is no such file. */
bool rs_source_file(rs_source *source, const char *path);
void rs_source_close(rs_source *source);

/* Copies from `at` on; how many bytes. */
size_t rs_source_peek(const rs_source *source, uint64_t at, char *bytes, size_t size);

/* Goes to the first line whose seq is at least this; to the end where none is. */
void rs_source_seek(rs_source *source, uint64_t seq);

/* The seq of the line that begins at `at`; 0. */
uint64_t rs_source_seq(const rs_source *source, uint64_t at);

#endif
