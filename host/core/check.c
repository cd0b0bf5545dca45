/* check.c -- a plan is foreign bytes until all of this holds. */
#include "check.h"

#include <string.h>

bool rs_check_ref(rs_check *check, rs_ref ref) {
  uint64_t end = (uint64_t)ref.at + ref.len;
  return rs_check_that(check, end <= rs_plan_count(check->plan, RS_T_BYTES),
                       "bytes that are not in the plan");
}

bool rs_check_index(rs_check *check, uint32_t index, uint32_t table, bool none) {
  bool good = index < rs_plan_count(check->plan, table) || (none && index == RS_NONE);
  return rs_check_that(check, good, "an index that is out of range");
}

bool rs_check_part(rs_check *check, uint32_t at, uint32_t count, uint32_t table) {
  uint64_t end = (uint64_t)at + count;
  return rs_check_that(check, end <= rs_plan_count(check->plan, table),
                       "rows that are not in their table");
}

static const struct {
  const char *name;
  size_t size;
} tables[RS_T_COUNT] = {
  [RS_T_UNIT] = {"unit", sizeof(rs_plan_unit)},
  [RS_T_SPEC] = {"spec", sizeof(rs_plan_spec)},
  [RS_T_LIFE] = {"life", sizeof(rs_plan_life)},
  [RS_T_STATE] = {"state", sizeof(rs_plan_state)},
  [RS_T_EDGE] = {"edge", sizeof(rs_plan_edge)},
  [RS_T_AFTER] = {"after", sizeof(uint32_t)},
  [RS_T_EXEC] = {"exec", sizeof(rs_plan_exec)},
  [RS_T_MODULE] = {"module", sizeof(rs_plan_module)},
  [RS_T_BACKEND] = {"backend", sizeof(rs_plan_backend)},
  [RS_T_PROBE] = {"probe", sizeof(rs_plan_probe)},
  [RS_T_CHANNEL] = {"channel", sizeof(rs_plan_channel)},
  [RS_T_BYTES] = {"bytes", 1},
};

static bool check_table(rs_check *check, uint32_t i) {
  rs_table table = check->plan->tables[i];
  if (i >= RS_T_COUNT)
    return rs_check_that(check, table.count == 0, "a table that nobody knows");
  check->table = tables[i].name;
  uint64_t end = table.at + (uint64_t)table.count * tables[i].size;
  return rs_check_that(check, table.at % 8 == 0, "it is not aligned") &&
         rs_check_that(check, table.at >= sizeof(rs_plan), "it is in the head") &&
         rs_check_that(check, end <= check->plan->size, "it is past the plan's end");
}

static bool check_head(rs_check *check, size_t size) {
  const rs_plan *plan = check->plan;
  bool good = rs_check_that(check, size >= sizeof *plan, "too short") &&
              rs_check_that(check, (uintptr_t)plan % 8 == 0, "it is not aligned") &&
              rs_check_that(check, size < 1u << 31, "2 GiB or more");
  if (!good) return false;
  bool magic = memcmp(plan->magic, "rsplan01", 8) == 0;
  good = rs_check_that(check, magic, "these bytes are no plan") &&
         rs_check_that(check, plan->abi == RS_ABI, "made for another version") &&
         rs_check_that(check, plan->size == size, "its size is not that of the bytes");
  for (uint32_t i = 0; good && i < sizeof plan->tables / sizeof *plan->tables; i++)
    good = check_table(check, i);
  check->table = good ? NULL : check->table;
  return good && rs_check_ref(check, plan->root_dir) &&
         rs_check_ref(check, plan->script);
}

static bool check_modules(rs_check *check) {
  const rs_plan_module *row = rs_plan_table(check->plan, RS_T_MODULE);
  check->table = "module";
  uint32_t count = rs_plan_count(check->plan, RS_T_MODULE);
  for (check->row = 0; check->row < count; check->row++, row++) {
    if (!rs_check_ref(check, row->name) || !rs_check_ref(check, row->file) ||
        !rs_check_ref(check, row->source))
      return false;
  }
  return true;
}

static bool check_backends(rs_check *check) {
  const rs_plan_backend *row = rs_plan_table(check->plan, RS_T_BACKEND);
  check->table = "backend";
  uint32_t count = rs_plan_count(check->plan, RS_T_BACKEND);
  for (check->row = 0; check->row < count; check->row++, row++)
    if (!rs_check_ref(check, row->name) || !rs_check_ref(check, row->code))
      return false;
  return true;
}

static bool check_probes(rs_check *check) {
  const rs_plan_probe *row = rs_plan_table(check->plan, RS_T_PROBE);
  check->table = "probe";
  uint32_t count = rs_plan_count(check->plan, RS_T_PROBE), last = 0;
  for (check->row = 0; check->row < count; check->row++, row++) {
    bool known = row->kind >= RS_P_PROBE && row->kind <= RS_P_ACTIVITY;
    if (!rs_check_ref(check, row->code) || !rs_check_ref(check, row->file) ||
        !rs_check_index(check, row->unit, RS_T_UNIT, false) ||
        !rs_check_that(check, known, "an unknown kind") ||
        !rs_check_that(check, row->unit >= last, "not sorted by unit"))
      return false;
    last = row->unit;
  }
  return true;
}

static bool check_channels(rs_check *check) {
  const rs_plan_channel *row = rs_plan_table(check->plan, RS_T_CHANNEL);
  check->table = "channel";
  uint32_t count = rs_plan_count(check->plan, RS_T_CHANNEL);
  for (check->row = 0; check->row < count; check->row++, row++) {
    bool fits = row->capacity >= 1 && row->capacity <= RS_CHANNEL_CAPACITY_MAX;
    if (!rs_check_ref(check, row->name) || !rs_check_ref(check, row->durable) ||
        !rs_check_index(check, row->unit, RS_T_UNIT, false) ||
        !rs_check_index(check, row->rejects, RS_T_CHANNEL, true) ||
        !rs_check_that(check, row->overflow <= RS_CHANNEL_ERROR,
                       "an unknown overflow") ||
        !rs_check_that(check, fits, "no such capacity"))
      return false;
    const rs_plan_spec *spec =
      rs_plan_spec_at(check->plan, rs_plan_unit_at(check->plan, row->unit)->spec);
    if (!rs_check_that(check, spec->kind == RS_SUPERVISOR, "not in a supervisor"))
      return false;
  }
  return true;
}

int rs_plan_check(const void *bytes, size_t size, char *why, size_t why_size) {
  rs_check check = {.plan = bytes};
  bool good = check_head(&check, size) && check_modules(&check) &&
              check_backends(&check) && rs_check_execs(&check) &&
              rs_check_lives(&check) && rs_check_specs(&check) &&
              rs_check_units(&check) && rs_check_names(&check) &&
              rs_check_cycles(&check) && check_probes(&check) && check_channels(&check);
  rs_say say = rs_say_into(why, why_size);
  if (good) return 0;

  rs_say_text(&say, "the plan is damaged: ");
  if (check.table) {
    rs_say_text(&say, check.table);
    rs_say_text(&say, " ");
    rs_say_number(&say, check.row);
    rs_say_text(&say, ": ");
  }
  rs_say_text(&say, check.mistake);
  return -1;
}
