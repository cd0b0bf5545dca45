/* plan.h -- a checked plan's tables, by index.
**
** Layer    core.
** Owner    whoever mapped the plan; it outlives every pointer got from here.
** Thread   any.
** Limits   indices come from the plan itself, which rs_plan_check has looked at.
** Tested   spec/core/plan_spec.lua. */
#ifndef RS_PLAN_H
#define RS_PLAN_H

#include "base.h"

static inline const void *rs_plan_table(const rs_plan *plan, uint32_t table) {
  return (const char *)plan + plan->tables[table].at;
}

static inline uint32_t rs_plan_count(const rs_plan *plan, uint32_t table) {
  return plan->tables[table].count;
}

static inline const rs_plan_unit *rs_plan_unit_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_unit *)rs_plan_table(plan, RS_T_UNIT) + row;
}

static inline const rs_plan_spec *rs_plan_spec_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_spec *)rs_plan_table(plan, RS_T_SPEC) + row;
}

static inline const rs_plan_state *rs_plan_state_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_state *)rs_plan_table(plan, RS_T_STATE) + row;
}

static inline const rs_plan_life *rs_plan_life_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_life *)rs_plan_table(plan, RS_T_LIFE) + row;
}

static inline const rs_plan_edge *rs_plan_edge_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_edge *)rs_plan_table(plan, RS_T_EDGE) + row;
}

static inline const uint32_t *rs_plan_after_at(const rs_plan *plan, uint32_t row) {
  return (const uint32_t *)rs_plan_table(plan, RS_T_AFTER) + row;
}

static inline const char *rs_plan_bytes(const rs_plan *plan, rs_ref ref) {
  return (const char *)rs_plan_table(plan, RS_T_BYTES) + ref.at;
}

#endif
