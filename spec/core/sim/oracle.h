/* oracle.h -- what must hold, whatever happens: written from the contract, not from the
** core.
**
** Layer    spec: the simulator; above core.
** Owner    the run's rs_sim.
** Thread   one.
** Limits   RS_ORACLE_UNITS_MAX ids, the last RS_CHARGES_MAX charged restarts.
** Tested   by breaking the core, a rule at a time. */
#ifndef RS_ORACLE_H
#define RS_ORACLE_H

#include "plans.h"

enum { RS_ORACLE_UNITS_MAX = 256, RS_CHARGES_MAX = 64 };

enum {                    /* why a unit may be started, and why stopped */
       RS_BY_FIRST = 1,   /* its supervisor began a new life */
       RS_BY_FAILURE = 2, /* it ended, and its `restart` says so */
       RS_BY_STRATEGY = 4,
       RS_BY_COLLATERAL = 8,
       RS_BY_OPERATOR = 16,
       RS_BY_RELOAD = 32,
       RS_BY_VIOLATION = 64,
       RS_BY_GIVING_UP = 128, /* its intensity was exceeded, or auto_shutdown */
       RS_BY_SHUTDOWN = 256
};

/* The restarts that one limit counted. */
typedef struct rs_charges {
  rs_time at[RS_CHARGES_MAX];
  uint32_t count;
  bool loose; /* a reload changed the limit: either answer is right */
} rs_charges;

/* A unit as its actions and events show it. */
typedef struct rs_seen {
  bool exists, fresh; /* fresh: since the last plan or addition */
  bool live;          /* from START (a supervisor: `started`) until its end was told */
  bool ever;          /* it had an incarnation */
  bool confirmed, entered, moving, ending, asked, killed, interrupted, violated, ready;
  bool was_ready;         /* in this incarnation */
  bool completed, failed; /* ended for good */
  bool unsure;            /* which of these, the contract leaves open */
  bool held;              /* an operator stopped it */
  bool felled;            /* an operator killed it */
  bool maybe;             /* a strategy stops it, or other orders forestalled that */
  bool added;             /* to a pool */
  bool heir;              /* it took the path of one of another kind */
  bool removed;           /* by a reload: it is on its way out */
  bool in_pass;           /* a strategy stops it before anything there starts */
  bool owes;              /* it ended: a restart or its supervisor's giving up is due */
  bool owes_loose;        /* or neither: the contract leaves it open */
  bool verdict;           /* a probe asked for its restart */
  bool told_wrong;        /* nonsense was told in its name */
  bool judged;            /* `truly` and `came_up` hold */
  bool came_up;           /* it had entered its first state as it was ended */
  bool unexplained;       /* ended for a violation that the journal has yet to name */
  rs_time truly[RS_C_COUNT]; /* what each constraint would have seen as it was ended */
  uint32_t parent, inc, state, edge, plan, row;
  uint32_t may_start, may_stop; /* RS_BY_... */
  uint64_t key;                 /* hash of its path, as rs_draft_unit.key */
  rs_time since;                /* START */
  rs_time told_at;              /* its end */
  rs_time launch;               /* its limit then */
  rs_time shutdown;             /* its limit as it was asked */
  rs_time heard_at;             /* when its last state was told */
  rs_time entered_at, begun_at, asked_at, interrupted_at, killed_at;
  rs_time lost_at;             /* what was lost in all by the last of these */
  rs_time strategy_at;         /* BY_STRATEGY: since when */
  rs_time extended;            /* a command asked for more time */
  rs_time changed[RS_C_COUNT]; /* when a reload gave it another limit */
  rs_charges charges, own;
} rs_seen;

typedef struct rs_oracle {
  rs_seen unit[RS_ORACLE_UNITS_MAX];
  uint32_t ids; /* those below may exist */
  uint64_t seq; /* of the last entry */
  uint32_t root;
  rs_time over_by;    /* everything is down by then */
  bool shutdown, now; /* a shutdown was asked for; all at once */
  bool root_failed;
  bool troubled;   /* some limit did not hold, some restart was charged */
  bool loose;      /* nonsense was told: who failed, the core alone can say */
  rs_time applied; /* the last plan */
  rs_time touched; /* last action that was more than a look */
} rs_oracle;

struct rs_sim;

void rs_oracle_new(struct rs_sim *sim);

/* Each event, before the core takes it. */
void rs_oracle_event(struct rs_sim *sim, const rs_event *ev);

/* A supervisor was found bad by a probe: the core says so; and it must not go on. */
void rs_oracle_deposed(struct rs_sim *sim, const rs_entry *entry);
void rs_oracle_heed(struct rs_sim *sim, uint32_t unit);

/* True if the event cannot concern anything that lives: it must change nothing. */
bool rs_oracle_stale(struct rs_sim *sim, const rs_event *ev);

/* Each action, before the world performs it. */
void rs_oracle_action(struct rs_sim *sim, const rs_action *action);

/* A plan was applied; what it changed. */
void rs_oracle_applied(struct rs_sim *sim, uint32_t before, uint32_t after);

/* The core has no more actions for now. */
void rs_oracle_turn(struct rs_sim *sim);

/* All was healthy for long: is everything where it should be? */
void rs_oracle_calm(struct rs_sim *sim);

/* An operator's action, before the core hears of it. */
void rs_oracle_operator(struct rs_sim *sim, const rs_event *ev);

uint64_t rs_oracle_key(struct rs_sim *sim, uint32_t unit);

/* --- between the oracle's files --- */

const rs_plan_spec *rs_oracle_spec(struct rs_sim *sim, const rs_seen *seen);
bool rs_oracle_is(struct rs_sim *sim, uint32_t unit); /* it exists */
/* One of another kind has its path, and is not gone yet. */
bool rs_oracle_blocked(struct rs_sim *sim, uint32_t unit);
bool rs_oracle_satisfied(struct rs_sim *sim, uint32_t unit,
                         bool surely); /* ready or completed; or it may be said to be */
bool rs_oracle_stopping(struct rs_sim *sim, uint32_t unit); /* not by its own fault */
bool rs_oracle_stops(struct rs_sim *sim, uint32_t unit);    /* for sure */

void rs_oracle_above(struct rs_sim *sim, uint32_t unit); /* who began unseen */

/* oracle_order.c */
void rs_order_start(struct rs_sim *sim, const rs_action *action);
void rs_order_stop(struct rs_sim *sim, const rs_action *action);
/* oracle_charge.c */
void rs_charge_ended(struct rs_sim *sim, uint32_t unit, uint32_t why, int32_t number);
void rs_charge_collateral(struct rs_sim *sim, const rs_event *ev);
void rs_charge_entry(struct rs_sim *sim, const rs_entry *entry);
void rs_charge_turn(struct rs_sim *sim);
/* oracle_reload.c */
void rs_reload_mark(struct rs_sim *sim, uint32_t before, uint32_t after);
/* oracle_watch.c */
void rs_watch_judged(struct rs_sim *sim, uint32_t unit);
void rs_watch_violation(struct rs_sim *sim, const rs_entry *entry);
void rs_watch_turn(struct rs_sim *sim);

/* Until when an interrupted unit may not be killed. */
rs_time rs_watch_rung(struct rs_sim *sim, uint32_t unit);

#endif
