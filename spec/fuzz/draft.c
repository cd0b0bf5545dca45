/* draft.c -- in a file of its own: two layers have a plans.h. */
#include "draft.h"

#include "../core/sim/plans.h"

rs_plan *fuzz_draft(uint64_t seed, uint32_t version) {
  static rs_draft draft;
  rs_choices choices;
  rs_choice_init(&choices, seed);
  rs_draft_make(&draft, &choices, 0);
  if (version > 0) rs_draft_make(&draft, &choices, version);
  rs_plan *plan = rs_plans_bytes(&draft);
  rs_choice_free(&choices);
  return plan;
}
