/* journal.h -- the last lines of the journal in memory, and those who read them.
**
** Layer    engine.
** Owner    the engine; a line is copied.
** Thread   the engine's. A reader that does not read never holds it up.
** Limits   RS_JOURNAL_SIZE bytes are kept; a reader that falls behind that loses the
**          oldest lines and is told up to which seq.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_JOURNAL_H
#define RS_JOURNAL_H

#include "disk.h"
#include "../base/watch.h"

enum { RS_JOURNAL_SIZE = 64 << 20 };

/* Someone who gets every line through a descriptor. */
typedef struct rs_reader {
  rs_watch *watch; /* NULL: gone */
  uint64_t at;     /* its place: bytes ever journalled */
  bool inside;     /* a line was written in part */
} rs_reader;

typedef struct rs_journal {
  char *bytes;         /* a ring */
  uint64_t begin, end; /* positions of the oldest byte kept and of the next to come */
  rs_reader printer;
  rs_disk disk;
} rs_journal;

void rs_journal_init(rs_journal *journal);

/* Gives the printer's pipe; it is the journal's now. */
void rs_journal_print_to(rs_journal *journal, uv_loop_t *loop, int fd);

/* A whole line, its newline included. */
void rs_journal_add(rs_journal *journal, const char *line, size_t size);

/* At the end of a turn: to the disk. */
void rs_journal_keep(rs_journal *journal);

/* The same, and to the readers. */
void rs_journal_flush(rs_journal *journal);

/* Waits for the printer's pipe to take what is left, `limit` ns at most; closes it. */
void rs_journal_close(rs_journal *journal, rs_time limit);

#endif
