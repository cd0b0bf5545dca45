/* trial.c -- whether a reload holds. */
#include "trial.h"

#include "store.h"

void rs_trial_begin(rs_trial *trial, const rs_core *core, const rs_change_row *rows,
                    uint32_t count) {
  const rs_used *used = &core->plans[core->plan];
  trial->count = 0;
  for (uint32_t i = 0; i < count; i++) {
    const rs_change_row *row = &rows[i];
    if (row->what == RS_CHANGE_KEEP || row->what == RS_CHANGE_STOP) continue;
    uint32_t id = row->what == RS_CHANGE_START ? used->ids[row->row] : row->unit;
    if (id != RS_NONE) trial->unit[trial->count++] = id;
  }
}

void rs_trial_hear(rs_trial *trial, const rs_action *action) {
  const rs_entry *entry = &action->entry;
  if (action->kind == RS_DO_GONE) {
    for (uint32_t i = 0; i < trial->count;)
      if (trial->unit[i] == action->unit) trial->unit[i] = trial->unit[--trial->count];
      else i++;
  }
  if (action->kind != RS_DO_JOURNAL) return;
  if (entry->kind == RS_J_RELOAD && trial->seq == 0) trial->seq = entry->seq;
  if (entry->kind != RS_J_ESCALATED || trial->escalated != 0) return;
  trial->escalated = entry->seq;
  trial->who = entry->unit;
}

bool rs_trial_is_ill(const rs_core *core, uint32_t unit) {
  rs_view view;
  if (!rs_core_view(core, unit, &view)) return false;
  if (rs_unit_of(core, unit)->flags & (RS_F_MOVED | RS_F_CYCLE | RS_F_BLOCKED))
    return true;
  return view.health != RS_HEALTHY && view.health != RS_COMPLETED &&
         view.health != RS_STOPPED; /* an operator's stop is nobody's illness */
}

uint32_t rs_trial_judge(const rs_trial *trial, const rs_core *core, rs_time now,
                        uint32_t *ill) {
  *ill = RS_NONE;
  for (uint32_t i = 0; i < trial->count && *ill == RS_NONE; i++)
    if (rs_trial_is_ill(core, trial->unit[i])) *ill = trial->unit[i];
  if (trial->escalated != 0) return RS_TRIAL_FAILS;
  if (now < trial->until) return RS_TRIAL_WAITS;
  return *ill == RS_NONE ? RS_TRIAL_HOLDS : RS_TRIAL_FAILS;
}
