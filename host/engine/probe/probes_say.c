#define _GNU_SOURCE
#include "../base/json.h"
#include "../base/names.h"
#include "probes.h"

enum { DETAIL_MAX = 300 };

/* A look that does not suffice for another verdict leaves the one before. */
void rs_probes_said(rs_probe *probe, uint32_t verdict, const char *detail,
                    size_t size) {
  bool failing = verdict == RS_VERDICT_FAILING;
  if (!failing && probe->judged != verdict) probe->since = rs_base_now();
  if (!failing) probe->judged = (uint8_t)verdict;
  probe->verdict = (uint8_t)verdict;
  probe->detail.size = 0;
  rs_bytes_add(&probe->detail, detail, size < DETAIL_MAX ? size : DETAIL_MAX);
}

/* When it looks next, and how often it was bad, as its slot has it: that is written
** without a word to the engine, and believed for no more than to be shown. */
static void put_looks(const rs_probes *probes, const rs_probe *probe, rs_bytes *out) {
  const rs_runner *runner = probes->runner;
  if (probe->disabled) rs_json_bool(out, "disabled", true);
  if (!runner || runner->dead || probe->slot == RS_NONE) return;
  const rs_slot *slot = rs_part_memory(runner, probe->slot);
  rs_time next = atomic_load(&slot->next), now = rs_base_now();
  rs_json_int(out, "failures", atomic_load(&slot->bad));
  if (next > 0 && next != RS_NEVER)
    rs_json_span(out, "next", next > now ? next - now : 0);
}

static void put_probe(const rs_probes *probes, const rs_probe *probe, rs_bytes *out) {
  const rs_plan_map *map = rs_plans_get(&probes->engine->plans, probe->plan);
  uint32_t verdict = probe->judged ? probe->judged : RS_VERDICT_UNKNOWN;
  rs_bytes_text(out, "{\"probe\":");
  rs_json_string(out, probe->name, strlen(probe->name));
  if (probe->kind == RS_P_READY) rs_json_bool(out, "ready", true);
  rs_json_name(out, "verdict", rs_name_verdict(verdict));
  if (probe->verdict == 0) rs_json_name(out, "detail", "it has not looked yet");
  else if (probe->detail.size > 0)
    rs_json_text(out, "detail", probe->detail.at, probe->detail.size);
  if (probe->since > 0) rs_json_span(out, "since", rs_base_now() - probe->since);
  put_looks(probes, probe, out);
  if (map) rs_probes_place_of(map->plan, probe->row, out);
  rs_bytes_text(out, "}");
}

void rs_probes_place_of(const rs_plan *plan, uint32_t row, rs_bytes *out) {
  if (row >= rs_plan_count(plan, RS_T_PROBE)) return;
  const rs_plan_probe *at = (const rs_plan_probe *)rs_plan_rows(plan, RS_T_PROBE) + row;
  if (at->file.len > 0)
    rs_json_text(out, "file", rs_plan_bytes(plan, at->file), at->file.len);
  rs_json_int(out, "line", at->line);
}

/* In the order of the tree: a unit's list is the other way round. */
static void put_from(const rs_probes *probes, uint32_t from, rs_bytes *out) {
  if (from == RS_NONE) return;
  const rs_probe *probe = &probes->at[from];
  put_from(probes, probe->next, out);
  if (probe->kind == RS_P_ACTIVITY) return;
  if (out->at[out->size - 1] != '[') rs_bytes_text(out, ",");
  put_probe(probes, probe, out);
}

void rs_probes_show(rs_engine *engine, uint32_t unit, rs_bytes *out) {
  rs_probes *probes = engine->probes;
  if (!probes || unit >= probes->watched_room) return;
  size_t before = out->size;
  rs_bytes_text(out, ",\"probes\":[");
  size_t empty = out->size;
  put_from(probes, probes->watched[unit].first, out);
  if (out->size == empty) out->size = before;
  else rs_bytes_text(out, "]");
}
