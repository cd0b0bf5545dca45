/* compare_rules.c -- what of a unit may change while it lives, and is no number of its
** spec: who watches it, how a command is signalled, its place in the list, channels. */
#include <string.h>

#include "compare.h"
#include "store.h"

static const rs_plan_probe *probes_of(const rs_plan *plan, uint32_t unit,
                                      uint32_t *count) {
  const rs_plan_probe *row = rs_plan_table(plan, RS_T_PROBE);
  uint32_t low = 0, high = rs_plan_count(plan, RS_T_PROBE), last = high;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (row[middle].unit < unit) low = middle + 1;
    else high = middle;
  }
  for (*count = 0; low + *count < last && row[low + *count].unit == unit;) ++*count;
  return row + low;
}

/* Which kinds of them there are more, fewer or other. */
static uint32_t watchers(const rs_plan *old, uint32_t before, const rs_plan *plan,
                         uint32_t row) {
  uint32_t was_count, is_count, why = 0;
  const rs_plan_probe *was = probes_of(old, before, &was_count);
  const rs_plan_probe *is = probes_of(plan, row, &is_count);
  for (uint32_t i = 0; i < was_count || i < is_count; i++) {
    bool both = i < was_count && i < is_count;
    if (both && was[i].kind == is[i].kind && was[i].identity == is[i].identity)
      continue;
    const rs_plan_probe *one = i < is_count ? is + i : was + i;
    why |= one->kind == RS_P_ACTIVITY ? RS_DIFFERS_ACTIVITY : RS_DIFFERS_PROBES;
  }
  return why;
}

static uint32_t signals(const rs_plan *old, uint32_t before, const rs_plan *plan,
                        uint32_t row) {
  uint32_t why = 0;
  if (before == RS_NONE || row == RS_NONE) return 0;
  const rs_plan_exec *was =
    (const rs_plan_exec *)rs_plan_table(old, RS_T_EXEC) + before;
  const rs_plan_exec *is = (const rs_plan_exec *)rs_plan_table(plan, RS_T_EXEC) + row;
  if (was->stop_signal != is->stop_signal) why |= RS_DIFFERS_STOP;
  if (was->reload_signal != is->reload_signal || was->files_hash != is->files_hash ||
      !rs_compare_bytes(old, was->files, plan, is->files))
    why |= RS_DIFFERS_FILES;
  return why;
}

static const rs_plan_channel *channel_of(const rs_plan *plan, uint32_t unit,
                                         const rs_plan *of, rs_ref name) {
  const rs_plan_channel *row = rs_plan_table(plan, RS_T_CHANNEL);
  for (uint32_t i = 0; i < rs_plan_count(plan, RS_T_CHANNEL); i++)
    if (row[i].unit == unit && rs_compare_bytes(plan, row[i].name, of, name))
      return row + i;
  return NULL;
}

static bool same_rejects(const rs_plan *a, uint32_t x, const rs_plan *b, uint32_t y) {
  if (x == RS_NONE || y == RS_NONE) return x == y;
  const rs_plan_channel *from = rs_plan_table(a, RS_T_CHANNEL);
  const rs_plan_channel *to = rs_plan_table(b, RS_T_CHANNEL);
  return rs_compare_bytes(a, from[x].name, b, to[y].name);
}

/* True if each channel of the one is the other's, too, and the same. */
static bool has_channels(const rs_plan *a, uint32_t unit, const rs_plan *b,
                         uint32_t other) {
  const rs_plan_channel *row = rs_plan_table(a, RS_T_CHANNEL);
  for (uint32_t i = 0; i < rs_plan_count(a, RS_T_CHANNEL); i++) {
    if (row[i].unit != unit) continue;
    const rs_plan_channel *found = channel_of(b, other, a, row[i].name);
    if (!found || found->capacity != row[i].capacity ||
        found->overflow != row[i].overflow || found->attempts != row[i].attempts ||
        !rs_compare_bytes(a, row[i].durable, b, found->durable) ||
        !same_rejects(a, row[i].rejects, b, found->rejects))
      return false;
  }
  return true;
}

uint32_t rs_compare_rules(const rs_core *core, uint32_t unit, const rs_plan *plan,
                          uint32_t row) {
  const rs_unit *u = rs_unit_of(core, unit);
  const rs_plan *old = rs_plan_of(core, u);
  uint32_t exec = rs_plan_spec_at(plan, rs_plan_unit_at(plan, row)->spec)->exec;
  uint32_t why = watchers(old, u->row, plan, row);
  if (u->kind == RS_COMMAND) why |= signals(old, rs_spec_of(core, u)->exec, plan, exec);
  if (u->kind == RS_SUPERVISOR &&
      (!has_channels(old, u->row, plan, row) || !has_channels(plan, row, old, u->row)))
    why |= RS_DIFFERS_CHANNELS;
  return why;
}
