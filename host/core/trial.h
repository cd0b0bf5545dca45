/* trial.h -- a reload that has to prove itself: whom it started or changed, and whether
** these are well when its time is over.
**
** Layer    core; it decides, and does nothing.
** Owner    the caller's array of ids.
** Thread   the core's.
** Limits   linear in the units that the reload started or changed.
** Tested   spec/core/trial_spec.lua. */
#ifndef RS_TRIAL_H
#define RS_TRIAL_H

#include "compare.h"

enum {
  RS_TRIAL_WAITS = 1, /* its time is not over */
  RS_TRIAL_HOLDS,     /* it is, and all are healthy or completed */
  RS_TRIAL_FAILS      /* it is, and `ill` is not; or an intensity was exceeded */
};

typedef struct rs_trial {
  rs_time until;
  uint32_t *unit;
  uint32_t count;
  uint64_t seq;       /* of the reload's entry; 0: not told yet */
  uint64_t escalated; /* the entry of an intensity that was exceeded since; 0 */
  uint32_t who;       /* whose */
} rs_trial;

/* Of what rs_core_compare told before the plan was applied, by number `plan`: writes
** those that are started or changed to trial->unit, which has room for `count`. */
void rs_trial_begin(rs_trial *trial, const rs_core *core, const rs_change_row *rows,
                    uint32_t count);

/* What the core has had done since. */
void rs_trial_hear(rs_trial *trial, const rs_action *action);

/* Not well now: healthy by another plan is not. */
bool rs_trial_is_ill(const rs_core *core, uint32_t unit);

/* RS_TRIAL_...; *ill: the first that is not well, or RS_NONE. */
uint32_t rs_trial_judge(const rs_trial *trial, const rs_core *core, rs_time now,
                        uint32_t *ill);

#endif
