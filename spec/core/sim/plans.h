/* plans.h -- plans without Lua: a draft in plain structs, and its bytes as
** host/abi/runsmith.h lays them out.
**
** Layer    spec: the simulator; above core.
** Owner    rs_plans_bytes gives memory that the caller frees.
** Thread   one.
** Limits   RS_DRAFT_UNITS_MAX units, RS_DRAFT_STATES_MAX states a lifecycle.
** Tested   each draft's bytes go through rs_plan_check. */
#ifndef RS_PLANS_H
#define RS_PLANS_H

#include "sim_choice.h"

enum { RS_SIM_STOP = 15 }; /* the signal that asks a command to stop */

enum {
  RS_DRAFT_UNITS_MAX = 44,
  RS_DRAFT_STATES_MAX = 8,
  RS_DRAFT_EDGES_MAX = 4,
  RS_DRAFT_AFTER_MAX = 3
};

#define RS_MS ((rs_time)1000000)

typedef struct rs_draft_state {
  rs_plan_state row; /* edge_at is set in the bytes */
  rs_plan_edge edge[RS_DRAFT_EDGES_MAX];
} rs_draft_state;

typedef struct rs_draft_life {
  rs_draft_state state[RS_DRAFT_STATES_MAX];
  uint32_t count;
} rs_draft_life;

typedef struct rs_draft_unit {
  uint64_t key;    /* a hash of its path: its name in decisions */
  uint64_t place;  /* hash of what decides in which domain it lives */
  uint32_t parent; /* index in the draft; RS_NONE */
  uint32_t slot;   /* which of its parent's possible children */
  uint32_t after[RS_DRAFT_AFTER_MAX];
  uint32_t after_count;
  uint64_t identity;
  rs_plan_spec spec; /* life: index into rs_draft.life; exec: 0 where there is one */
  rs_plan_exec exec;
} rs_draft_unit;

typedef struct rs_draft {
  rs_draft_unit unit[RS_DRAFT_UNITS_MAX];
  rs_draft_life life[RS_DRAFT_UNITS_MAX];
  uint32_t count, life_count;
} rs_draft;

/* The draft of the `version`th plan of a run; version 0 is the first. The later ones
** differ from it here and there. */
void rs_draft_make(rs_draft *draft, rs_choices *choices, uint32_t version);

/* A sealed plan's bytes. */
rs_plan *rs_plans_bytes(const rs_draft *draft);

/* Rows of a plan. */
const rs_plan_unit *rs_plans_unit(const rs_plan *plan, uint32_t row);
const rs_plan_spec *rs_plans_spec(const rs_plan *plan, uint32_t row);
const rs_plan_exec *rs_plans_exec(const rs_plan *plan, const rs_plan_spec *spec);
uint32_t rs_plans_after(const rs_plan *plan, uint32_t row, uint32_t index);
uint32_t rs_plans_states(const rs_plan *plan, uint32_t life);
const rs_plan_state *rs_plans_state(const rs_plan *plan, uint32_t life, uint32_t state);
const rs_plan_edge *rs_plans_edge(const rs_plan *plan, const rs_plan_state *state,
                                  uint32_t edge);
uint32_t rs_plans_rows(const rs_plan *plan);

/* Row of the isolating supervisor whose fault domain `row` is in. */
uint32_t rs_plans_domain(const rs_plan *plan, uint32_t row);

/* The name of a unit that sits in `slot`: "a" and so on. */
char rs_plans_letter(uint32_t slot);

#endif
