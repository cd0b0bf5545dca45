/* core.h -- the supervision core: events in with the time, actions out.
**
** Layer    core: no I/O, no clock, no heap of its own. Equal calls, equal results.
** Owner    the caller owns the plan's bytes (until RS_DO_DROP_PLAN) and gives memory
**          through rs_memory, asked for in rs_core_apply and for an add; in
**          rs_core_step only if more is fed between two runs than ever before;
**          given back at any time.
** Thread   one; the engine's loop or a simulator's.
** Limits   RS_UNITS_MAX units; restarts remembered per supervisor: its max, at most
**          RS_INTENSITY_MAX (the tree's check says so).
** Tested   spec/core: unit specs through the FFI, and the simulator.
**
** Use: feed rs_core_step one event after another, then pull rs_core_run until it gives
** no more actions, perform these in order, and wake at rs_core_due. Every call takes
** the time, which never goes back. */
/* clang-format off */
#ifndef RS_CORE_H
#define RS_CORE_H

#include "abi.h"

enum { RS_UNITS_MAX = 1 << 22, RS_INTENSITY_MAX = 1000000 };

/* ns that an interrupted worker has to be out; how many more, at most, where it was not
** let run; how late the kill may be that follows. */
#define RS_RUNG ((rs_time)100000000)
#define RS_RUNG_MORE ((rs_time)2000000000)
#define RS_RUNG_STEP ((rs_time)10000000)

/* What came to pass. "a", "b", "x" and "at" by kind; what is not named is ignored. */
enum {
  /* From runners and processes: all of it may be late, doubled or nonsense. A number
  ** out of range is a violation (protocol) by its sender; a stale incarnation is
  ** not heard. */
  RS_EV_STARTED = 1, /* the engine has begun it; a: pid */
  RS_EV_BEGIN,       /* transition_begin; a: edge, counted within its state; at */
  RS_EV_ENTER,       /* transition_end, or the first state; a: state; at */
  RS_EV_READY,       /* a command or custom unit is ready; at */
  RS_EV_TERMINATING, /* a command said STOPPING=1 */
  RS_EV_EXTEND,      /* a command asked for more time; x: ns from now */
  RS_EV_EXIT,        /* a: RS_WHY_..., b: exit status or signal, text */
  RS_EV_PROTOCOL,    /* its runner sent nonsense in its name; text says what */
  /* Answers to RS_DO_LOOK and RS_DO_LOOK_VM. */
  RS_EV_SEEN,    /* at: last sign of life; x: ns since then that it could not run for
                 ** reasons not its own (others in its VM, no processor, ring full). Of
                 ** one that was interrupted: x counts from then on, `at` does not */
  RS_EV_VM_SEEN, /* unit: the domain, a: vm; other, other_inc: whom it runs (RS_NONE:
                 ** idle, or b: 1, it runs none of them); at: last sign of life or
                 ** start of this turn, the later one; x: ns since then that the VM
                 ** waited for a processor */
  RS_EV_VM_RUNS, /* unit: the domain, a: vm: found idle before, it runs again */
  RS_EV_DOMAIN_DEAD, /* unit: the isolating supervisor; other, other_inc: the culprit or
                     ** RS_NONE; a: RS_WHY_ERROR: b is a status; else a signal; text */
  /* From probes. */
  RS_EV_VERDICT, /* a: probe (row), b: 0 bad; unit is to be restarted; text; x: the
                 ** journal's number of what it says, 0: none */
  /* From operators: by whom is in `text`. */
  RS_EV_STOP, RS_EV_START, RS_EV_RESTART, RS_EV_KILL, RS_EV_REMOVE,
  RS_EV_SHUTDOWN, /* a: 0 orderly, 1 kill all at once */
  RS_EV_COUNT
};

/* Why an incarnation ended (RS_EV_EXIT's a; the journal's `reason`). */
enum {
  RS_WHY_OK = 1,      /* a terminal state that ends ok; exit status 0 */
  RS_WHY_ERROR,       /* a terminal state that ends error; another exit status */
  RS_WHY_EXCEPTION,   /* an error that no edge takes; text: message and traceback */
  RS_WHY_SIGNAL,      /* b: the signal that ended its process */
  RS_WHY_INTERRUPTED, /* the ladder's interrupt; text: the traceback, for `where` */
  RS_WHY_LAUNCH,      /* could not be started; b: errno or 0, text */
  RS_WHY_COLLATERAL,  /* its runner died for another's fault (set by the core) */
  RS_WHY_CHILDREN,    /* a supervisor gave up (set by the core) */
  RS_WHY_PRE,         /* its `pre` failed */
  RS_WHY_KILLED,      /* killed on the core's order (set by the engine) */
  RS_WHY_COUNT
};

typedef struct rs_event {
  uint32_t kind;  /* RS_EV_... */
  uint32_t unit;  /* core id */
  uint32_t inc;   /* the incarnation that it is about; operators' events have none */
  uint32_t a;
  int32_t b;
  uint32_t other, other_inc;
  uint32_t spare;
  rs_time at;     /* by the sender's clock; one from the future is taken for now */
  rs_time x;
  uint64_t text;  /* the caller's name for some bytes; 0: none. Comes back in entries */
} rs_event;

/* What is to be done. START, ASK, INTERRUPT, KILL and LOOK never name a supervisor: its
** life is its children's. Its runner is the engine's to make and to end. */
enum {
  RS_DO_START = 1, /* begin this incarnation; plan, row: where it is described; a: the
                   ** VM of its domain, for a coroutine worker; b: 1 if what was kept of
                   ** it is to be handed over; answer with STARTED, or EXIT if it cannot
                   ** be */
  RS_DO_ASK,       /* ask it to stop; a: 1 if what it leaves is to be kept */
  RS_DO_INTERRUPT, /* interrupt it: EXIT (interrupted) should follow */
  RS_DO_KILL,      /* kill what runs it: its runner, its process and all it started;
                   ** a: RS_K_... */
  RS_DO_LOOK,      /* read its slot, answer SEEN */
  RS_DO_LOOK_VM,   /* unit: the domain, a: vm; or a thread or process worker whose own
                   ** VM it is, a: 0. Read who runs, answer VM_SEEN for the same */
  RS_DO_JOURNAL,   /* write entry */
  RS_DO_EMIT,      /* hand the unit's lifecycle an event; a: the probe's row */
  RS_DO_SIGNAL,    /* send a command its reload signal */
  RS_DO_PATCH,     /* its description moved: plan, row; nothing restarts */
  RS_DO_GONE,      /* the id is free; forget what belongs to it. a: it had completed */
  RS_DO_DROP_PLAN, /* a: no unit uses this plan any longer */
  RS_DO_END,       /* the root is down; b: the host's exit status */
  RS_DO_FORGET     /* what was kept of it has served */
};

/* The journal's kinds, with their fields: a, b, c, x, y, other, text. */
enum {
  RS_J_STARTED = 1, /* a: pid, b: backend */
  RS_J_TRANSITION,  /* a: from (RS_NONE at the first), b: edge in from, c: to */
  RS_J_READY,
  RS_J_VIOLATION,   /* a: RS_C_... (constraint), b: state, x: limit, y: observed,
                    ** text: where; 0: the engine says what it finds */
  RS_J_EXITED,      /* a: RS_WHY_..., b: status or signal, c: 1 expected, text */
  RS_J_KILLED,      /* a: RS_K_... (why) */
  RS_J_RESTART,     /* a: RS_R_... (why), b: 1 charged, x: delay. Of an isolating
                    ** supervisor that lives on: its runner, charged to itself */
  RS_J_COLLATERAL,  /* other: culprit or RS_NONE */
  RS_J_COMPLETED,
  RS_J_ESCALATED,   /* a: max, x: within; b: 1 by the child's own limit (other: it) */
  RS_J_RELOAD,      /* a: added, b: removed, c: changed, x: unchanged; text, y: as
                    ** rs_core_because was told */
  RS_J_STOP,        /* text: by; a: 1 hold */
  RS_J_START,       /* text: by */
  RS_J_PROBE, RS_J_OUTPUT, RS_J_LOG, RS_J_DROPPED, /* written by the engine alone */
  RS_J_COUNT
};

/* Constraints of violations. */
enum {
  RS_C_HEARTBEAT = 1, RS_C_TIMEOUT, RS_C_TRANSITION, RS_C_LAUNCH, RS_C_STALL,
  RS_C_SHUTDOWN, RS_C_PROBE, RS_C_PROTOCOL, RS_C_COUNT
};

/* Why killed, why restarted. */
enum { RS_K_VIOLATION = 1, RS_K_SHUTDOWN, RS_K_OPERATOR, RS_K_NOW, RS_K_COUNT };
enum {
  RS_R_FAILED = 1, RS_R_ENDED, RS_R_STRATEGY, RS_R_COLLATERAL, RS_R_OPERATOR,
  RS_R_RELOAD, RS_R_COUNT
};

typedef struct rs_entry {
  uint64_t seq, cause; /* cause 0: none */
  rs_time mono;
  uint32_t kind, unit, inc;
  uint32_t a;
  int32_t b;
  uint32_t c;
  uint32_t other;
  uint32_t brief; /* 1: its supervisor's journal = 'brief' leaves it out */
  rs_time x, y;
  uint64_t text;
} rs_entry;

typedef struct rs_action {
  uint32_t kind; /* RS_DO_... */
  uint32_t unit, inc;
  uint32_t a;
  int32_t b;
  uint32_t plan, row;
  rs_entry entry; /* RS_DO_JOURNAL's */
} rs_action;

/* Gives, resizes (old to `size` bytes) or, at size 0, takes back memory; never NULL
** for size > 0: who cannot give ends the process. */
typedef struct rs_memory {
  void *(*resize)(void *ctx, void *old, size_t old_size, size_t size);
  void *ctx;
} rs_memory;

typedef struct rs_core rs_core;

/* A core with an empty plan. `seed` feeds backoff's jitter; `seq` is the last journal
** number used before. */
rs_core *rs_core_new(const rs_memory *memory, uint64_t seed, uint64_t seq);
void rs_core_free(rs_core *core);

/* Makes `plan` (checked by rs_plan_check; numbered `number`, which no live plan has)
** the one that holds: the first start and each reload alike. Decides by the difference
** from the plan before; what follows comes out of rs_core_run. 0, or -1 and a sentence
** (the root's name changed; the host is stopping): nothing has changed then. */
int rs_core_apply(rs_core *core, rs_time now, const rs_plan *plan, uint32_t number,
                  char *why, size_t why_size);

/* Whether that would be refused: 0, or -1 and the sentence. */
int rs_core_refuses(const rs_core *core, const rs_plan *plan, char *why,
                    size_t why_size);

/* What the entry of the next plan that is applied says: its cause, a text, a span. */
void rs_core_because(rs_core *core, uint64_t cause, uint64_t text, rs_time span);

/* While it is on trial, a root that gives up does not end the host: it goes down and
** begins anew, by whatever plan holds then. */
void rs_core_trial(rs_core *core, bool on);

/* Adds a unit to a pool; its args are the engine's to keep. The id, or RS_NONE and a
** sentence. */
uint32_t rs_core_add(rs_core *core, rs_time now, uint32_t supervisor, const char *name,
                     uint32_t name_len, uint64_t by, char *why, size_t why_size);

/* Takes one event. */
void rs_core_step(rs_core *core, rs_time now, const rs_event *ev);

/* Decides on; writes at most `max` actions (max >= 16) and returns how many. Fewer
** than asked for does not mean done: zero does. */
uint32_t rs_core_run(rs_core *core, rs_time now, rs_action *out, uint32_t max);

/* When to call rs_core_run again if nothing happens before; RS_NEVER: no need. The core
** notices by it when the engine itself was late, and moves its deadlines. */
rs_time rs_core_due(const rs_core *core);

/* The next journal number, for entries that the engine writes itself. */
uint64_t rs_core_seq(rs_core *core);

/* A command's states; a custom unit's too. */
enum {
  RS_STATE_STARTING, RS_STATE_RUNNING, RS_STATE_TERMINATING, RS_STATE_STOPPED,
  RS_STATE_CRASHED
};

enum { RS_HEALTHY = 1, RS_LINGERING, RS_COMPLETED, RS_FAILED, RS_STOPPED, RS_WAITING };

/* What the core knows of a unit, for status. */
typedef struct rs_view {
  uint32_t unit, parent, plan, row;
  uint32_t inc, restarts;
  uint32_t ran;    /* the incarnation that lives, or that lived last */
  uint32_t life;   /* the unit's own machine: RS_LIFE_... of unit.h */
  uint32_t state;  /* lifecycle state; RS_NONE. A command's: RS_STATE_... */
  uint32_t health; /* RS_HEALTHY... */
  uint32_t ready;  /* 1 */
  uint32_t domain; /* the isolating supervisor */
  uint32_t vm;     /* which of the domain's VMs a coroutine worker has */
  uint32_t waits_for; /* a sibling, a child; RS_NONE */
  rs_time since;   /* of this life */
  rs_time until;   /* the limit or the end of the wait in progress; RS_NEVER */
  uint64_t cause;  /* the journal entry that led here */
} rs_view;

/* False where no unit has this id. Ids are below rs_core_units. */
bool rs_core_view(const rs_core *core, uint32_t unit, rs_view *view);
uint32_t rs_core_units(const rs_core *core);

/* A restart intensity: a supervisor's, or (own) the unit's alone. */
typedef struct rs_intensity {
  uint32_t used, max; /* `used` restarts of the last `within` */
  rs_time within;     /* RS_NEVER: for life */
  rs_time until;      /* when the first of these counts no longer; RS_NEVER */
} rs_intensity;

/* False where there is no such limit. */
bool rs_core_intensity(const rs_core *core, uint32_t unit, bool own, rs_intensity *out);

/* Children in list order: the first, the next; RS_NONE at the end. */
uint32_t rs_core_child(const rs_core *core, uint32_t unit);
uint32_t rs_core_next(const rs_core *core, uint32_t unit);

/* The unit's path, NUL-terminated, cut to `size`; returns its whole length. */
size_t rs_core_path(const rs_core *core, uint32_t unit, char *path, size_t size);

/* By path; RS_NONE. */
uint32_t rs_core_find(const rs_core *core, const char *path, size_t len);

#endif
