/* world.h -- the fake world: runners, VMs, workers and processes that do what they are
** told, or do not.
**
** Layer    spec: the simulator; above core.
** Owner    the run's rs_sim.
** Thread   one.
** Limits   RS_ACTORS_MAX incarnations a run.
** Tested   by the oracle's own checks of what the world owes. */
#ifndef RS_WORLD_H
#define RS_WORLD_H

#include "plans.h"
#include "sim_queue.h"

enum { RS_ACTORS_MAX = 3000, RS_DOMAINS_MAX = 256, RS_WVMS_MAX = 4000 };

enum { /* what goes wrong with an incarnation; 0: nothing */
       RS_F_NONE,
       RS_F_EXCEPTION,
       RS_F_OK,
       RS_F_ERROR,
       RS_F_CRASH,
       RS_F_SILENT,
       RS_F_BLOCK,
       RS_F_BLOCK_ONCE,
       RS_F_BUSY,
       RS_F_HANG,
       RS_F_OVERSTAY,
       RS_F_GARBAGE,
       RS_F_BOUNCE,
       RS_F_VERDICT,
       RS_F_EXTERNAL,
       RS_F_COUNT
};

enum {
  RS_START_FINE,
  RS_START_SLOW,
  RS_START_NEVER,
  RS_START_FAILS,
  RS_START_EARLY_EXIT
};
enum {
  RS_STOP_FINE,
  RS_STOP_SLOW,
  RS_STOP_NEVER,
  RS_STOP_DEAF
}; /* DEAF: to interrupts */

enum { RS_GOAL_HOME, RS_GOAL_OUT, RS_GOAL_WRONG, RS_GOAL_STAY, RS_GOAL_BOUNCE };

/* An incarnation as the world has it. */
typedef struct rs_actor {
  uint32_t unit, inc, plan, row;
  uint64_t key;      /* of its unit, for decisions */
  rs_plan_spec spec; /* of the plan that it last heard of */
  bool alive;        /* it runs, or may still come to run */
  bool told;         /* the engine told the core of its end */
  bool confirmed;    /* STARTED was told */
  bool gone;         /* its unit's id is free, maybe used again */
  bool entered, moving, asked, silent, busy, pending, garbled, interrupted;
  uint32_t state, edge;
  uint32_t fault, start, stop;
  uint32_t goal; /* RS_GOAL_... */
  rs_time born, beat, leave_at, told_last;
  rs_time others_at_beat, own;         /* others_at_beat: starvation included */
  rs_time lost_at_beat, slept_at_beat; /* rs_sim's sums then */
  rs_time struck, others_at_strike;    /* when it was interrupted */
  rs_time unwind;                      /* so long it then waits for a processor */
  uint32_t vm, domain;                 /* indices here */
  uint32_t token, steps;
} rs_actor;

typedef struct rs_world_vm {
  uint32_t domain, generation, number; /* number: RS_NONE for one of one worker */
  uint32_t blocker;                    /* actor; RS_NONE */
  uint32_t token;
  rs_time since, blocked;         /* start of the turn; sum of those before */
  rs_time waits;                  /* so much of the turn it waited for a processor */
  rs_time starved_until, starved; /* no processor until; sum of it */
  bool missed;                    /* the core found it idle and wants to be told */
} rs_world_vm;

typedef struct rs_domain {
  uint32_t unit, generation;
  bool dying; /* dead, but not yet told */
  rs_time told_last;
  uint64_t key;
} rs_domain;

typedef struct rs_world {
  rs_actor actor[RS_ACTORS_MAX];
  uint32_t actors;
  rs_domain domain[RS_DOMAINS_MAX];
  uint32_t domains;
  rs_world_vm vm[RS_WVMS_MAX];
  uint32_t vms;
  bool calm; /* nothing goes wrong any more */
} rs_world;

struct rs_sim;

/* Performs an action: START, ASK, INTERRUPT, KILL, PATCH. */
void rs_world_act(struct rs_sim *sim, const rs_action *action);

/* Lets something of the world happen (all kinds but TELL, OP, TIED, CALM, OVER). */
void rs_world_step(struct rs_sim *sim, const rs_item *item);

/* What the slots say. */
rs_event rs_world_look(struct rs_sim *sim, const rs_action *action);
rs_event rs_world_look_vm(struct rs_sim *sim, const rs_action *action);

/* The last incarnation started of a unit; NULL. */
rs_actor *rs_world_actor(struct rs_sim *sim, uint32_t unit, uint32_t inc);

/* ns since its last beat that it could not run for reasons not its own. */
rs_time rs_world_owed(const struct rs_sim *sim, uint32_t actor);

/* ns since it was interrupted that it could not run for reasons not its own. */
rs_time rs_world_held(const struct rs_sim *sim, uint32_t actor);

/* The core is told of an end: one's, or a whole domain's. */
void rs_world_told(struct rs_sim *sim, const rs_item *item);

/* A unit's id is free. */
void rs_world_gone(struct rs_sim *sim, uint32_t unit);

/* world_life.c: an actor's next step; its reaction to a stop; its fault. */
void rs_life_step(struct rs_sim *sim, uint32_t actor);
void rs_life_ask(struct rs_sim *sim, uint32_t actor);
void rs_life_forever(struct rs_sim *sim, uint32_t actor); /* asked, without a limit */
void rs_life_fault(struct rs_sim *sim, uint32_t actor);

/* Between the world's files. */
void rs_world_start(struct rs_sim *sim, const rs_action *action);
uint32_t rs_world_domain(struct rs_sim *sim, uint32_t unit);
uint32_t rs_world_vm_at(struct rs_sim *sim, const rs_actor *actor, uint32_t number);
rs_time rs_world_others(const struct rs_sim *sim, uint32_t actor);
void rs_world_tell(struct rs_sim *sim, uint32_t actor, rs_event ev);
void rs_world_end(struct rs_sim *sim, uint32_t actor, uint32_t why, int32_t status);
void rs_world_die(struct rs_sim *sim, uint32_t domain, uint32_t culprit);
void rs_world_beat(struct rs_sim *sim, uint32_t actor);
void rs_world_later(struct rs_sim *sim, uint32_t actor, rs_time at);
void rs_world_block(struct rs_sim *sim, uint32_t actor, rs_time span);
rs_time rs_world_delay(struct rs_sim *sim, uint32_t actor, rs_time most);

#endif
