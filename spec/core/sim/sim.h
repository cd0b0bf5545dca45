/* sim.h -- one run of the simulator: a core, a world, an oracle, a virtual clock.
**
** Layer    spec: the simulator; above core.
** Owner    rs_sim_run makes and frees all of it.
** Thread   one.
** Limits   RS_SIM_PLANS_MAX plans a run.
** Tested   every tenth seed is run twice: same seed, same hash. */
#ifndef RS_SIM_H
#define RS_SIM_H

#include <stdio.h>

#include "oracle.h"
#include "world.h"

enum { RS_SIM_PLANS_MAX = 24, RS_SIM_RULE_MAX = 40, RS_SIM_TEXT_MAX = 400 };

/* How rough a run is; each 0 (not at all) and up. */
typedef struct rs_profile {
  uint32_t faults;  /* per mille of incarnations */
  uint32_t ops;     /* operator's actions */
  uint32_t reloads; /* new plans */
  uint32_t late;    /* per mille of wakes at which the engine oversleeps */
  uint32_t garbage; /* per mille of messages that come twice or wrong */
  uint32_t domains; /* per mille of starts at which a runner is killed */
} rs_profile;

typedef struct rs_sim {
  rs_choices *choices;
  rs_profile profile;
  rs_core *core;
  rs_draft draft;
  rs_plan *plan[RS_SIM_PLANS_MAX]; /* by number; NULL: dropped */
  uint32_t plans;                  /* numbers given out */
  uint32_t current;                /* the plan that holds */
  rs_queue queue;
  rs_world world;
  rs_oracle *oracle;
  rs_time now;
  rs_time lost;         /* sum of the time in which the whole world stood still */
  rs_time asleep_until; /* the engine does not run before; 0: it does */
  rs_time slept;        /* sum of the time in which the engine did not run */
  uint64_t hash;        /* of all actions */
  uint32_t steps;
  uint32_t naps;              /* times that it might have overslept */
  uint32_t added;             /* units ever added to pools */
  bool growing;               /* in a call that may ask for memory */
  bool over, ended;           /* shut down was asked for; DO_END came */
  int64_t memory;             /* bytes that the core holds */
  FILE *story;                /* where to tell what happens; NULL */
  char rule[RS_SIM_RULE_MAX]; /* the first rule that was broken; "" */
  char text[RS_SIM_TEXT_MAX];
} rs_sim;

typedef struct rs_sim_result {
  uint64_t hash;
  char rule[RS_SIM_RULE_MAX]; /* "" : all is well */
  char text[RS_SIM_TEXT_MAX];
  uint32_t steps;
} rs_sim_result;

/* One whole run. */
rs_sim_result rs_sim_run(rs_choices *choices, uint32_t steps_max, FILE *story);

/* A rule did not hold; the first one counts. */
__attribute__((format(printf, 3, 4))) void rs_sim_fail(rs_sim *sim, const char *rule,
                                                       const char *format, ...);

/* sim_ops.c: operators' actions, by their number or tied to an actor's start. */
void rs_ops_plan(rs_sim *sim);
void rs_ops_do(rs_sim *sim, const rs_item *item);
void rs_ops_reload(rs_sim *sim);
void rs_ops_shutdown(rs_sim *sim, uint32_t how);
void rs_ops_bound(rs_sim *sim); /* a stop begins: by when must it be over? */

/* Hands the core an event, the oracle first. */
void rs_sim_event(rs_sim *sim, const rs_event *ev);

/* Hands the core an event; it may ask for memory. */
void rs_sim_step(rs_sim *sim, const rs_event *ev);

/* sim_story.c */
void rs_story_event(rs_sim *sim, const rs_event *ev);
void rs_story_action(rs_sim *sim, const rs_action *action);
void rs_story_plan(rs_sim *sim, const rs_plan *plan, uint32_t number);
__attribute__((format(printf, 2, 3))) void rs_story_say(rs_sim *sim, const char *format,
                                                        ...);
const char *rs_story_path(rs_sim *sim, uint32_t unit);

#endif
