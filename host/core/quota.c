/* quota.c -- a sliding window in constant time. */
#include "quota.h"

bool rs_quota_has(const rs_quota *quota, rs_time now) {
  if (quota->max == 0) return false;
  if (quota->max == RS_NONE) return true;
  if (quota->used < quota->max) return true;
  return now - quota->at[quota->next] > quota->within;
}

uint32_t rs_quota_used(const rs_quota *quota, rs_time now, rs_time *until) {
  *until = RS_NEVER;
  for (uint32_t i = quota->used; i > 0; i--) {
    uint32_t oldest = (quota->next + quota->max - i) % quota->max;
    if (now - quota->at[oldest] > quota->within) continue;
    *until = rs_time_add(quota->at[oldest], quota->within);
    return i;
  }
  return 0;
}

void rs_quota_take(rs_quota *quota, rs_time now) {
  rs_assert(rs_quota_has(quota, now));
  if (quota->max == RS_NONE) return;
  quota->at[quota->next] = now;
  quota->next = (quota->next + 1) % quota->max;
  if (quota->used < quota->max) quota->used++;
}

void rs_quota_copy(rs_quota *quota, const rs_quota *old) {
  rs_assert(quota->used == 0);
  uint32_t room = rs_quota_room(quota->max);
  uint32_t keep = old->used < room ? old->used : room;
  for (uint32_t i = keep; i > 0; i--) {
    uint32_t from = (old->next + old->max - i) % old->max;
    quota->at[quota->used++] = old->at[from];
  }
  quota->next = room > 0 ? quota->used % room : 0;
}
