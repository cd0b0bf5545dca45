/* state.h -- the engine's parts in one place, and its book of units.
**
** Layer    engine: every file above base, watch, children, journal includes it.
** Owner    one rs_engine, made by rs_engine_main, for as long as the process lives.
** Thread   the engine's.
** Limits   the book grows with the core's ids.
** Tested   spec/host/engine_*. */
#ifndef RS_STATE_H
#define RS_STATE_H

#include "calm.h"
#include "process/cgroup.h"
#include "process/children.h"
#include "engine.h"
#include "process/family.h"
#include "journal/journal.h"
#include "reload/plans.h"
#include "base/text.h"

typedef struct rs_engine rs_engine;
typedef struct rs_runner rs_runner;
typedef struct rs_command rs_command;
typedef struct rs_custom rs_custom;
typedef struct rs_evaluation rs_evaluation;
typedef struct rs_probes rs_probes;
typedef struct rs_sources rs_sources;
typedef struct rs_rung rs_rung;

/* Where a unit's present incarnation is; indexed by core id. */
typedef struct rs_unit {
  rs_runner *runner; /* of a worker; of an isolating supervisor: its domain's */
  rs_command *command;
  rs_custom *custom;
  rs_rung *rung; /* once it was interrupted; NULL */
  uint32_t inc;
  uint32_t slot;      /* RS_NONE: it has none */
  uint32_t plan, row; /* where it is described; plan 0: not known yet */
  uint8_t backend;
  bool told;           /* STARTED was told to the core */
  struct rs_use *uses; /* its channels */
  rs_time started;     /* when the core had it started; 0: it lives not */
} rs_unit;

/* The process that forks runners. */
typedef struct rs_server {
  rs_child child;
  rs_watch *ctl; /* NULL: it does not run */
  uv_timer_t retry;
  uint64_t delay;  /* ms until the next try; 0: at once */
  rs_time made_at; /* when the last runner that it made said HELLO */
  bool told;       /* why it makes none is in the journal */
} rs_server;

/* Whoever started this host and wants to hear how it is (sd_notify). */
typedef struct rs_notify {
  bool heard; /* somebody does */
  bool ready;
  uv_timer_t watchdog;
} rs_notify;

/* Where units that are programs say how they are. */
typedef struct rs_ear {
  rs_watch *socket; /* NULL: none yet */
  char name[64];    /* NOTIFY_SOCKET */
  bool busy;        /* one of its messages is being heard */
  rs_time told;     /* when a foreign message was journalled last */
  uint64_t untold;  /* foreign messages since then */
} rs_ear;

struct rs_engine {
  const rs_engine_options *options;
  uv_loop_t loop;
  rs_core *core;
  rs_children children;
  rs_families families;
  rs_texts texts;
  rs_plans plans;
  rs_journal journal;
  rs_server server;
  rs_notify notify;
  rs_ear ear;
  rs_cgroups cgroups;
  rs_command *commands;      /* all of them */
  rs_runner *runners;        /* all of them, the spare too */
  uv_timer_t spare;          /* makes the next one, a little later */
  rs_runner *bells;          /* those with a VM whose bell is due */
  rs_runner *over;           /* those that are dead, and what they left not swept yet */
  rs_evaluation *evaluation; /* in progress; NULL */
  rs_probes *probes;         /* NULL: no tree had any so far */
  rs_unit *units;
  uint32_t unit_room;
  rs_event *inbox; /* what the core is to hear next, and the journal's notes */
  size_t inbox_at, inbox_count, inbox_room; /* inbox_at: the first not taken yet */
  rs_watch *due;                            /* a timer for rs_core_due */
  rs_time due_at;
  uv_prepare_t turn;
  rs_calm calm;
  uv_idle_t again;             /* runs while there is more to do than one turn took */
  rs_time started, stop_asked; /* stop_asked: 0 until a signal asked for it */
  bool stop_passed_on;         /* that signal came from the witness */
  char boot[24];               /* this life's name in the journal */
  struct rs_control *control;  /* NULL: no client can reach it */
  struct rs_chan *channels, *channels_closed;
  uint32_t channel_last; /* the number of the newest */
  bool channels_due;     /* some are to be rung at the turn's end */
  rs_bytes *added;       /* what units of pools were given; by core id */
  uint32_t added_room;
  struct rs_confirm *confirm; /* NULL: no reload was to be confirmed so far */
  rs_sources *sources;        /* what the tree was made from; NULL: it is not watched */
  uint32_t holding;           /* the number of the plan that holds */
  struct rs_kept *kept; /* what workers left to their next incarnations; by core id */
  uint32_t kept_room;
  uint64_t acted; /* +1 for each event heard and each action done */
  bool applied;   /* a tree holds */
  bool ended;
  int status;
};

/* The book's row for a core id; made where it is missing. */
rs_unit *rs_engine_unit(rs_engine *engine, uint32_t id);

/* rs_event.kind of notes, which the core never sees. */
enum {
  RS_NOTE_LOG = RS_EV_COUNT, /* a: level, text: as rs_entry_log_json takes it */
  RS_NOTE_SAID,              /* a: level, text: a sentence of the engine's */
  RS_NOTE_OUTPUT,            /* a: 2 stderr, else stdout; text */
  RS_NOTE_DROPPED,           /* text: an event's name */
  RS_NOTE_PROBE              /* a: verdict; text: as of RS_UP_VERDICT; other, other_inc:
                             ** plan and row of the probe */
};

/* Of a unit that is not down: its process (a guest's and a supervisor's is its runner,
** which a command may have changed by MAINPID), and its last sign of life. 0: none. */
void rs_engine_process(const rs_unit *unit, pid_t *pid, rs_time *beat);

/* What it last said of its status, as any bytes; size 0: nothing. */
const char *rs_engine_said(const rs_unit *unit, size_t *size);

/* Puts an event into the core's inbox, or a note: it is journalled once all that was
** put before it has been decided, so that the journal tells things in their order. */
void rs_engine_put(rs_engine *engine, rs_event event);

/* An incarnation's end; forgets where it was. */
void rs_engine_exit(rs_engine *engine, uint32_t id, rs_event event);

/* There is more to do than fits into this turn: another follows at once. */
void rs_engine_again(rs_engine *engine);

/* Ends the host now: everything is killed. */
void rs_engine_end(rs_engine *engine, int status);

#endif
