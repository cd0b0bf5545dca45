/* probes.h -- the probes' runner: which probe watches which incarnation, what it was
** told, what it said; and the on_activity functions, which live there, too.
**
** Layer    engine.
** Owner    rs_engine.probes, made with the first tree that has any; a probe has its row
**          from the moment that its unit lives until the runner has let go of it.
** Thread   the engine's.
** Limits   RS_SLOTS_MAX probes; 1,024 entries wait for an on_activity, RS_AHEAD of them
**          in the runner; RS_LINES_AHEAD lines of a command there.
** Tested   spec/host/probe_*_spec.lua. */
#ifndef RS_PROBES_H
#define RS_PROBES_H

#include "../runner/runner.h"

enum { RS_AHEAD = 64, RS_BACKLOG = 1024 - RS_AHEAD, RS_LINES_AHEAD = 1024 };

/* What waits for an on_activity. */
typedef struct rs_backlog {
  rs_bytes entry[RS_BACKLOG]; /* a ring */
  uint32_t first, count;
  uint32_t dropped; /* since the last one that was sent */
} rs_backlog;

typedef struct rs_probe {
  uint32_t unit, inc;  /* RS_NONE: free */
  uint32_t plan, row;  /* of RS_T_PROBE */
  uint32_t slot;       /* RS_NONE: not in the runner */
  uint32_t next;       /* the unit's next; of a free one: the next free */
  uint8_t kind;        /* RS_P_... */
  uint8_t verdict;     /* the last that was told; 0 */
  bool ending;         /* it is to end; its unit's list has it no longer */
  bool disabled;       /* the runner died of it too often */
  bool lines;          /* it wants what its unit writes */
  uint32_t ahead;      /* lines or entries that the runner has not done with */
  uint32_t missed;     /* lines that were left out since */
  uint8_t judged;      /* the last verdict that is one: alive, dead, unknown; 0 */
  uint32_t bad;        /* looks in a row, as a runner that died had it */
  char name[64];       /* its own, else its kind */
  rs_time since;       /* of this verdict */
  rs_bytes detail;     /* of what was told last */
  uint64_t hash;       /* its identity in the plan */
  rs_backlog *backlog; /* of an on_activity */
} rs_probe;

/* A unit as far as its probes go; by core id. */
typedef struct rs_watched {
  uint32_t first;        /* its probes; RS_NONE */
  uint32_t plan, row;    /* from which they were made; plan 0: none */
  uint32_t state, ready; /* as its probes were told */
  bool dirty;
} rs_watched;

/* A probe that the runner died of. */
typedef struct rs_blame {
  uint32_t unit, deaths;
  uint64_t hash;
} rs_blame;

typedef struct rs_probes {
  rs_engine *engine;
  rs_runner *runner; /* NULL: none; it may be dying */
  uint32_t vm;
  rs_probe *at;
  uint32_t count, room, free;
  uint32_t living; /* rows that are not free */
  uint32_t activities, line_readers;
  bool any; /* the tree has some */
  rs_watched *watched;
  uint32_t watched_room;
  uint32_t *dirty;
  uint32_t dirty_count, dirty_room;
  rs_blame *blames;
  uint32_t blame_count;
  uv_timer_t retry, stall;
  uint64_t delay;  /* ms until the next try */
  rs_time begun;   /* of this runner */
  uint64_t resume; /* the turn that was interrupted; 0 */
  rs_rung *rung;   /* of the last interrupt; NULL: there was none */
  rs_time waited;  /* its thread for a processor, when last looked at */
} rs_probes;

/* A tree holds from now on. */
void rs_probes_apply(rs_engine *engine, uint32_t plan);

/* The core hears something of a unit; it decided something about one. */
void rs_probes_event(rs_engine *engine, const rs_event *event);
void rs_probes_notice(rs_engine *engine, const rs_action *action);

/* At a turn's end: tells the runner what has changed. */
void rs_probes_flush(rs_engine *engine);

/* A record from the runner. */
void rs_probes_hear(rs_runner *runner, const rs_record *record, const char *text);

/* The runner is dead. */
void rs_probes_lost(rs_runner *runner);

/* Whether a probe wants to see output. */
bool rs_probes_read_lines(const rs_engine *engine);

/* A unit's line of output; a journal entry. */
void rs_probes_line(rs_engine *engine, uint32_t unit, uint32_t inc, const char *stream,
                    const char *text, size_t size);
void rs_probes_entry(rs_engine *engine, uint32_t unit, const char *line, size_t size);

/* ---- probes_runner.c ---- */

/* Sees to it that there is a runner, and every probe in it. */
void rs_probes_run(rs_probes *probes);

/* Puts a probe into the runner. */
void rs_probes_place(rs_probes *probes, rs_probe *probe);

/* Tells one; where there is no runner, nobody. */
void rs_probes_put(rs_probes *probes, const rs_probe *probe, rs_record record,
                   const void *text);

/* The VM was found idle and runs again. */
void rs_probes_wake(rs_probes *probes);

/* ---- probes_watch.c ---- */
rs_watched *rs_probes_watched(rs_probes *probes, uint32_t unit);
void rs_probes_tell_state(rs_probes *probes, const rs_probe *probe);

/* The name of the state that a unit is in; NULL. */
const char *rs_probes_state(const rs_plan *plan, const rs_view *view, size_t *size);
void rs_probes_free(rs_probes *probes, rs_probe *probe);

/* ---- probes_say.c ---- */

/* It was told so. */
void rs_probes_said(rs_probe *probe, uint32_t verdict, const char *detail, size_t size);

/* ,"file": and "line": where a probe's rule is written. */
void rs_probes_place_of(const rs_plan *plan, uint32_t row, rs_bytes *out);

/* ,"probes":[...] of a unit that has any. */
void rs_probes_show(rs_engine *engine, uint32_t unit, rs_bytes *out);

/* ---- probes_feed.c ---- */

/* Keeps an entry; the oldest gives way. */
void rs_probes_keep(rs_backlog *backlog, const char *line, size_t size);

/* Sends entries as long as the runner takes them. */
void rs_probes_feed(rs_probes *probes, rs_probe *probe);

#endif
