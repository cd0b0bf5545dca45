/* tail.h -- the journal for clients: what was written, and what is being written.
**
** Layer    engine; for the control socket's files alone.
** Owner    a tail belongs to its client.
** Thread   the engine's. What lies in files alone is read from them, a piece at a time.
** Limits   RS_TAIL_PIECE bytes a step; one tail a client. One that falls behind what is
**          kept in memory loses entries, and is told up to which.
** Tested   spec/host/control_status_spec.lua. */
#ifndef RS_TAIL_H
#define RS_TAIL_H

#include "request.h"

enum { RS_TAIL_PIECE = 64 << 10 };

/* {"since": the last seq that it has, "unit": a path or glob, "kind": "a,b", "from" and
** "until": dates}: the answer, then entries for as long as it listens. Without `since`:
** those that are yet to come. */
void rs_tail_take(const rs_request *request);

/* The same up to now; the answer comes after the entries. */
void rs_tail_journal(const rs_request *request);

/* Adds a piece to its client's output; false: there is no more for now. */
bool rs_tail_step(rs_peer *peer);
void rs_tail_free(rs_tail **tail);

/* True for a question about the past: its answer comes before the next request's. */
bool rs_tail_ends(const rs_tail *tail);

/* Adds the entry with this number, where it is in memory still, without its newline. */
bool rs_tail_entry(rs_engine *engine, uint64_t seq, rs_bytes *out);

/* Likewise, or from the files, which an earlier host may have written. */
bool rs_tail_find(rs_engine *engine, uint64_t seq, rs_bytes *out);

/* The text of a field in an entry's head (`key` as in `,"unit":"`), which the engine
** wrote and no unit could: false where it is not there, or has no room in `value`. */
bool rs_tail_get(const char *head, size_t size, const char *key, char *value,
                 size_t room);

#endif
