/* plan.c -- the plan's check. */
#include "abi.h"

int rs_plan_check(const void *bytes, size_t size, char *why, size_t why_size) {
  (void)bytes, (void)size;
  if (why_size > 0) why[0] = 0;
  return -1;
}
