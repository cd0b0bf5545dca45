/* plans.h -- the plans that are in use, each by its number, and how to read one.
**
** Layer    engine.
** Owner    this book owns mapping and memfd until rs_plans_drop.
** Thread   the engine's.
** Limits   a plan here has passed rs_plan_check: its shape is trusted.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_PLANS_H
#define RS_PLANS_H

#include "../base/base.h"

typedef struct rs_plan_map {
  const rs_plan *plan;
  size_t size;
  int fd; /* the sealed memfd, for runners */
  uint32_t number;
} rs_plan_map;

typedef struct rs_plans {
  rs_plan_map *at;
  uint32_t count, last; /* last: the newest plan's number */
} rs_plans;

/* Seals, maps and checks the file. 0, or -1 and a sentence; the descriptor is the
** book's either way. `*number` is the plan's from now on. */
int rs_plans_add(rs_plans *plans, int fd, uint32_t *number, char *why, size_t why_size);

/* NULL where none has this number. */
const rs_plan_map *rs_plans_get(const rs_plans *plans, uint32_t number);

/* The newest one's number; 0: there is none. */
uint32_t rs_plans_newest(const rs_plans *plans);
void rs_plans_drop(rs_plans *plans, uint32_t number);

/* Row 0 of a table. */
const void *rs_plan_rows(const rs_plan *plan, uint32_t table);
uint32_t rs_plan_count(const rs_plan *plan, uint32_t table);

/* The bytes of a reference; they are not NUL-terminated. */
const char *rs_plan_bytes(const rs_plan *plan, rs_ref ref);

const rs_plan_unit *rs_plan_unit_at(const rs_plan *plan, uint32_t row);
const rs_plan_spec *rs_plan_spec_of(const rs_plan *plan, uint32_t row);

/* The names from the root to the unit, joined by "/". */
void rs_plan_path(const rs_plan *plan, uint32_t row, rs_bytes *out);

/* The unit's RS_T_EXEC row, or NULL. */
const rs_plan_exec *rs_plan_exec_of(const rs_plan *plan, uint32_t row);

/* What its backend is called: of one that the tree names, that name. */
const char *rs_plan_backend_of(const rs_plan *plan, uint32_t row, size_t *size);

/* State `state` of the unit's lifecycle, or NULL. */
const rs_plan_state *rs_plan_state_of(const rs_plan *plan, uint32_t row,
                                      uint32_t state);

/* How many coroutine and thread workers live in the fault domain of unit `row`. */
void rs_plan_domain(const rs_plan *plan, uint32_t row, uint32_t *coroutines,
                    uint32_t *threads);

#endif
