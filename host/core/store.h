/* store.h -- what the core remembers: units, supervisors, plans in use, the outbox.
**
** Layer    core; included by its files alone.
** Owner    the core; all memory is got through rs_memory.
** Thread   the core's.
** Limits   RS_UNITS_MAX units.
** Tested   spec/core. */
#ifndef RS_STORE_H
#define RS_STORE_H

#include "due.h"
#include "index.h"
#include "late.h"
#include "plan.h"
#include "quota.h"
#include "unit.h"

enum { RS_OUT_MIN = 64 };

enum {                        /* rs_unit.flags */
       RS_F_HELD = 1 << 0,    /* an operator's stop */
       RS_F_DONE = 1 << 1,    /* completed for good */
       RS_F_FAILED = 1 << 2,  /* failed for good */
       RS_F_CYCLE = 1 << 3,   /* to go down, then up again */
       RS_F_REMOVE = 1 << 4,  /* to go down, then be forgotten */
       RS_F_BLOCKED = 1 << 5, /* one of another kind has its path and is not gone yet */
       RS_F_GIVEUP = 1 << 6,  /* a supervisor that fails */
       RS_F_FINISH = 1 << 7,  /* a supervisor that ends ok */
       RS_F_DOOM = 1 << 8,    /* a supervisor whose children are to be killed */
       RS_F_GROUP = 1 << 9,  /* goes down with its siblings before any of them starts */
       RS_F_ASKED = 1 << 10, /* this incarnation's end was asked for */
       RS_F_DEAF = 1 << 11,  /* asked in this state: beats do not count in it */
       RS_F_LOOKING = 1 << 12,  /* RS_DO_LOOK is out */
       RS_F_VIOLATED = 1 << 13, /* a constraint did not hold */
       RS_F_TOLD = 1 << 14,     /* ... and the journal has it */
       RS_F_LOST = 1 << 15,     /* its runner died for another's fault; not yet told */
       RS_F_OPERATOR = 1 << 16, /* killed by an operator: what follows is not charged */
       RS_F_MOVED =
         1 << 17, /* lives by an older plan until it is down; then `next_row` */
       RS_F_PATCHED = 1 << 18, /* RS_DO_PATCH is to be told */
       RS_F_ADDED = 1 << 19,   /* a pool's; its name is the core's own */
       RS_F_DIRTY = 1 << 20,   /* waits to be settled */
       RS_F_BRIEF = 1 << 21,   /* journal = 'brief' somewhere above */
       RS_F_ENDING = 1 << 22,  /* it ends by itself: STOPPING=1, a last state */
       RS_F_STARTED = 1 << 23, /* its `started` entry was told */
       RS_F_SIGNAL = 1 << 24,  /* RS_DO_SIGNAL is to be told */
       RS_F_SEEN = 1 << 25,    /* found in the plan that is being applied */
       RS_F_AGAIN = 1 << 26,   /* its restart is told before it starts */
       RS_F_HANDS = 1 << 27,   /* asked to stop by a reload: its data is wanted */
       RS_F_DATA = 1 << 28     /* an earlier incarnation's data is for the next */
};

enum { /* what a child counts for at its supervisor: rs_unit.counted, rs_boss.counts */
       RS_N_UNREADY,     /* neither ready nor completed */
       RS_N_OPEN,        /* not completed for good */
       RS_N_SIGNIFICANT, /* significant, and not ended for good */
       RS_N_LIVE,        /* not down */
       RS_N_GROUP,       /* not down yet, as a strategy wants it */
       RS_N_COUNT
};

typedef struct rs_unit {
  const char *name; /* in the plan's bytes, or the core's own (RS_F_ADDED) */
  rs_time since;    /* begin of this life */
  rs_time beat;     /* last sign of life, or the ask where beats do not count; of a
                    ** supervisor: when its runner was last to be back */
  rs_time heard;    /* real time of the last sign of life that was taken: each is taken
                    ** once, since losses that are joined later would move it on */
  union {
    rs_time entered; /* begin of this state */
    rs_time limit;   /* VIOLATED: the limit that did not hold */
  };
  union {
    rs_time begun;    /* begin of the transition; RS_NEVER: none */
    rs_time observed; /* VIOLATED: what was seen instead */
  };
  rs_time launch_by; /* STARTING: end of the launch; INTERRUPTED: of the rung */
  rs_time stop_by;   /* ASKED: when it is ended */
  rs_time turn;      /* turns in its VM are measured from here at the earliest */
  rs_time wait;      /* not to be started before */
  rs_time ready_at;  /* since when it is ready; RS_NEVER */
  uint64_t cause;    /* the journal entry that led here */
  uint32_t parent, first, last, next, prev;
  uint32_t plan; /* place in rs_core.plans */
  uint32_t row;
  uint32_t
    next_row; /* MOVED: row in the plan that holds. REMOVE: who is BLOCKED by it */
  uint32_t inc, restarts, tries;
  uint32_t state;  /* within its lifecycle; RS_NONE */
  uint32_t edge;   /* of the transition in progress; RS_NONE. LOST: the culprit */
  uint32_t domain; /* the isolating supervisor that this incarnation lives under */
  uint32_t vm;     /* coroutine workers: which of the domain's VMs */
  uint32_t watch;  /* a VM of its own that is watched; RS_NONE */
  uint32_t boss;   /* supervisors: place in rs_core.bosses */
  uint32_t own;    /* its own intensity: place in rs_core.quotas; RS_NONE */
  uint32_t dirty;  /* next that waits to be settled */
  uint32_t flags;
  uint16_t name_len;
  uint8_t kind, backend, life;
  uint8_t counted;    /* bits of RS_N_... */
  uint8_t constraint; /* VIOLATED: RS_C_... */
  uint8_t killed;     /* RS_K_... */
  uint8_t again;      /* RS_R_...: of its next restart (AGAIN), or of its last */
} rs_unit;

typedef struct rs_boss {
  rs_quota quota;
  uint32_t counts[RS_N_COUNT];
  uint32_t tail;      /* ordered: no child after it is on its way down */
  uint32_t pool_tail; /* likewise: no unit of its pool */
  uint32_t watch;     /* isolating: first of its VMs in rs_core.watches */
  uint32_t watches;   /* how many places there are its own */
  uint32_t vms;       /* how many of them are in use */
  uint32_t next_vm;   /* who comes next gets this one */
  uint32_t pool;      /* the template's row; RS_NONE. Free: the next free one */
  uint32_t placed;    /* the last child that the plan being applied put in its place */
  uint32_t release;   /* > 0: it began, or a strategy's stops are over; its children may
                    ** start, in list order, once it has been settled so often */
} rs_boss;

/* A VM that may be stalled. */
typedef struct rs_watch {
  rs_time stall;  /* the shortest limit of those who live there */
  uint32_t owner; /* a domain, or a worker with a VM of its own; RS_NONE: free */
  uint32_t vm;
  bool looking;
} rs_watch;

/* A plan that some unit lives by. */
typedef struct rs_used {
  const rs_plan *plan; /* NULL: this place is free */
  uint32_t number;
  uint32_t units; /* that live by it */
  uint32_t *ids;  /* of each row; RS_NONE */
  uint32_t
    *after_at;      /* each row's first in `afters`; NULL: nothing is after anything */
  uint32_t *afters; /* the rows that are after it */
} rs_used;

struct rs_core {
  rs_memory memory;
  rs_unit *units;
  uint32_t count, room;
  uint32_t free_first,
    free_last;   /* a chain through rs_unit.next: the longest free first */
  uint32_t root; /* RS_NONE before the first plan */
  rs_boss *bosses;
  uint32_t boss_count, boss_room, boss_free;
  rs_quota *quotas;
  uint32_t quota_count, quota_room, quota_free; /* chain through rs_quota.next */
  rs_watch *watches;
  uint32_t watch_count, watch_room, watch_free; /* `watch_free`: how many */
  rs_used *plans;
  uint32_t plan_count, plan_room, plan; /* `plan`: the one that holds */
  rs_due due;
  rs_index index;
  rs_late late;
  rs_action *out; /* what was decided and not pulled yet: a ring */
  uint32_t out_at, out_count, out_room; /* room: a power of two */
  rs_action nowhere;                    /* takes what 'brief' leaves out */
  uint32_t dirty_first, dirty_last;
  uint64_t seq, random;
  rs_time real, now; /* of this call; `now` is own time */
  uint32_t lost;     /* units with RS_F_LOST: nothing starts before all have ended */
  bool stopping;     /* the host was told to end */
  bool kill_all;
  bool ended;                     /* RS_DO_END was told */
  bool drops;                     /* some plan is to be dropped */
  bool trial;                     /* the root may not end the host: see rs_core_trial */
  uint64_t because, because_text; /* of the next plan's entry */
  rs_time because_span;
};

static inline rs_unit *rs_unit_of(const rs_core *core, uint32_t id) {
  return &core->units[id];
}

static inline uint32_t rs_id_of(const rs_core *core, const rs_unit *u) {
  return (uint32_t)(u - core->units);
}

static inline const rs_plan *rs_plan_of(const rs_core *core, const rs_unit *u) {
  return core->plans[u->plan].plan;
}

static inline const rs_plan_unit *rs_row_of(const rs_core *core, const rs_unit *u) {
  return rs_plan_unit_at(rs_plan_of(core, u), u->row);
}

static inline const rs_plan_spec *rs_spec_of(const rs_core *core, const rs_unit *u) {
  return rs_plan_spec_at(rs_plan_of(core, u), rs_row_of(core, u)->spec);
}

static inline rs_boss *rs_boss_of(const rs_core *core, const rs_unit *u) {
  return &core->bosses[u->boss];
}

/* True for what runs Lua in one of our runners. */
static inline bool rs_is_lua(const rs_unit *u) {
  return u->backend >= RS_COROUTINE && u->backend <= RS_PROCESS;
}

/* True for what shares a runner with others. */
static inline bool rs_is_guest(const rs_unit *u) {
  return u->backend == RS_COROUTINE || u->backend == RS_THREAD;
}

/* Puts it in line to be settled. */
void rs_mark(rs_core *core, uint32_t id);

/* Doubles the outbox. Deciding needs no more than RS_OUT_MIN places at a time. */
void rs_widen(rs_core *core);

/* A new action about the unit and its incarnation, to be filled in at once. */
rs_action *rs_do(rs_core *core, uint32_t kind, uint32_t id);

/* A new journal entry, to be filled in at once. Where 'brief' leaves it out, it goes
** nowhere, and its seq is its cause's, so that chains of causes skip it. */
rs_entry *rs_tell(rs_core *core, uint32_t kind, uint32_t id, uint64_t cause);

/* When this unit wants to be heard of next, at the earliest now. */
void rs_wake(rs_core *core, uint32_t id, rs_time at);

/* Makes an array of `each` bytes an item hold `need`; at least doubles it. */
void *rs_grow(rs_core *core, void *items, uint32_t *room, uint32_t need, size_t each);

/* Gives memory back. */
void rs_give_back(rs_core *core, void *bytes, size_t size);
void rs_quota_free(rs_core *core, const rs_quota *quota);

#endif
