/* backoff.c -- waits that grow. */
#include "backoff.h"

uint64_t rs_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

rs_time rs_backoff_delay(const rs_plan_spec *spec, uint32_t tries, uint64_t *random) {
  if (spec->backoff_first <= 0) return 0;
  double max = (double)spec->backoff_max;
  double delay = (double)spec->backoff_first;
  for (uint32_t i = 0; i < tries && delay < max && spec->backoff_factor > 1; i++)
    delay *= spec->backoff_factor;
  if (delay > max) delay = max;
  double chance = (double)(rs_random(random) >> 11) / 9007199254740992.0; /* 0..1 */
  delay *= 1 + spec->backoff_jitter * (2 * chance - 1);
  return delay >= 9.2e18 ? RS_NEVER : (rs_time)delay;
}
