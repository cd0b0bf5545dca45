/* check.h -- the parts of rs_plan_check. Each looks at what those before it made safe.
**
** Layer    core; included by its files alone.
** Owner    nothing: no memory but the stack (512 KiB in graph.c).
** Thread   any.
** Limits   RS_STATES_MAX states a lifecycle, RS_UNITS_MAX units.
** Tested   spec/core/plan_spec.lua, spec/fuzz. */
#ifndef RS_CHECK_H
#define RS_CHECK_H

#include "core.h"
#include "plan.h"

enum { RS_STATES_MAX = 1024, RS_PLAN_VMS_MAX = 1024 };

/* What is looked at, and the first mistake. */
typedef struct rs_check {
  const rs_plan *plan;
  const char *table; /* the row that is looked at; NULL: the head */
  uint32_t row;
  const char *mistake; /* NULL: none yet */
} rs_check;

/* Notes the mistake unless `truth`; returns `truth`. */
static inline bool rs_check_that(rs_check *check, bool truth, const char *mistake) {
  if (!truth && !check->mistake) check->mistake = mistake;
  return truth;
}

/* True if the bytes are in the plan. */
bool rs_check_ref(rs_check *check, rs_ref ref);

/* An index into a table, or RS_NONE where that is allowed. */
bool rs_check_index(rs_check *check, uint32_t index, uint32_t table, bool none);

/* A part of a table. */
bool rs_check_part(rs_check *check, uint32_t at, uint32_t count, uint32_t table);

/* All rows of a kind; false: `check` holds the first mistake. */
bool rs_check_specs(rs_check *check);
bool rs_check_execs(rs_check *check);
bool rs_check_lives(rs_check *check);
bool rs_check_units(rs_check *check);

/* Names of siblings differ; nothing is after itself by any way. */
bool rs_check_names(rs_check *check);
bool rs_check_cycles(rs_check *check);

#endif
