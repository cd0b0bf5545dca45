/* plans.c -- a draft's bytes, and reading them back. */
#include "plans.h"

#include <stdlib.h>
#include <string.h>

typedef struct rs_bytes { /* what rs_plans_bytes fills */
  unsigned char *at;
  uint32_t size, room;
  unsigned char heap[4096]; /* RS_T_BYTES */
  uint32_t heap_size;
  rs_plan head;
} rs_bytes;

static void *append(rs_bytes *out, uint32_t table, const void *rows, uint32_t size) {
  if (out->head.tables[table].at == 0) out->head.tables[table].at = out->size;
  if (out->size + size + 8 > out->room) {
    out->room = (out->size + size) * 2 + 4096;
    out->at = realloc(out->at, out->room);
  }
  unsigned char *place = out->at + out->size;
  memcpy(place, rows, size);
  out->size += size;
  out->head.tables[table].count++;
  return place;
}

/* Ends a table: the next begins at a multiple of 8. */
static void close_table(rs_bytes *out, uint32_t table) {
  while (out->size % 8 != 0) out->at[out->size++] = 0;
  if (out->head.tables[table].at == 0) out->head.tables[table].at = out->size;
}

static rs_ref text(rs_bytes *out, const char *bytes, uint32_t len) {
  for (uint32_t i = 0; i + len <= out->heap_size; i++) {
    if (memcmp(out->heap + i, bytes, len) == 0) return (rs_ref){i, len};
  }
  rs_ref ref = {out->heap_size, len};
  memcpy(out->heap + out->heap_size, bytes, len);
  out->heap_size += len;
  return ref;
}

char rs_plans_letter(uint32_t slot) { return (char)('a' + slot); }

static void put_units(rs_bytes *out, const rs_draft *draft) {
  uint32_t after = 0;
  for (uint32_t i = 0; i < draft->count; i++) {
    const rs_draft_unit *unit = &draft->unit[i];
    char letter = rs_plans_letter(unit->slot);
    rs_plan_unit row = {
      .name = i == 0 ? text(out, "plant", 5) : text(out, &letter, 1),
      .parent = unit->parent,
      .spec = i,
      .after_at = after,
      .after_count = unit->after_count,
      .file = text(out, "plant.lua", 9),
      .line = i + 1,
      .identity = unit->identity,
    };
    after += unit->after_count;
    append(out, RS_T_UNIT, &row, sizeof row);
  }
  close_table(out, RS_T_UNIT);
}

static void put_specs(rs_bytes *out, const rs_draft *draft) {
  uint32_t exec = 0;
  for (uint32_t i = 0; i < draft->count; i++) {
    rs_plan_spec row = draft->unit[i].spec;
    if (row.exec != RS_NONE) row.exec = exec++;
    if (row.kind == RS_WORKER) row.run = text(out, "run", 3);
    append(out, RS_T_SPEC, &row, sizeof row);
  }
  close_table(out, RS_T_SPEC);
  for (uint32_t i = 0; i < draft->count; i++) {
    rs_plan_exec row = draft->unit[i].exec;
    if (draft->unit[i].spec.exec == RS_NONE) continue;
    row.argv = text(out, "true", 5);
    append(out, RS_T_EXEC, &row, sizeof row);
  }
  close_table(out, RS_T_EXEC);
}

static void put_afters(rs_bytes *out, const rs_draft *draft) {
  for (uint32_t i = 0; i < draft->count; i++) {
    for (uint32_t k = 0; k < draft->unit[i].after_count; k++) {
      append(out, RS_T_AFTER, &draft->unit[i].after[k], sizeof(uint32_t));
    }
  }
  close_table(out, RS_T_AFTER);
}

static void put_lives(rs_bytes *out, const rs_draft *draft) {
  uint32_t state_at = 0, edge_at = 0;
  for (uint32_t i = 0; i < draft->life_count; i++) {
    rs_plan_life row = {state_at, draft->life[i].count};
    state_at += row.state_count;
    append(out, RS_T_LIFE, &row, sizeof row);
  }
  close_table(out, RS_T_LIFE);
  for (uint32_t i = 0; i < draft->life_count; i++) {
    for (uint32_t s = 0; s < draft->life[i].count; s++) {
      rs_plan_state row = draft->life[i].state[s].row;
      char name[3] = {'s', (char)('0' + s), 0};
      row.name = text(out, name, 2);
      row.edge_at = edge_at;
      edge_at += row.edge_count;
      append(out, RS_T_STATE, &row, sizeof row);
    }
  }
  close_table(out, RS_T_STATE);
  for (uint32_t i = 0; i < draft->life_count; i++) {
    for (uint32_t s = 0; s < draft->life[i].count; s++) {
      const rs_draft_state *state = &draft->life[i].state[s];
      for (uint32_t e = 0; e < state->row.edge_count; e++) {
        rs_plan_edge row = state->edge[e];
        char name[3] = {'e', (char)('0' + e), 0};
        row.event = text(out, name, 2);
        append(out, RS_T_EDGE, &row, sizeof row);
      }
    }
  }
  close_table(out, RS_T_EDGE);
}

rs_plan *rs_plans_bytes(const rs_draft *draft) {
  rs_bytes *out = calloc(1, sizeof *out);
  out->size = sizeof(rs_plan);
  out->room = 8192;
  out->at = calloc(1, out->room);
  memcpy(out->head.magic, "rsplan01", 8);
  out->head.abi = RS_ABI;
  out->head.root_dir = text(out, "/", 1);
  out->head.script = text(out, "plant.lua", 9);
  put_units(out, draft);
  put_specs(out, draft);
  put_lives(out, draft);
  put_afters(out, draft);
  close_table(out, RS_T_MODULE);
  rs_plan_backend backend = {text(out, "own", 3), text(out, "code", 4)};
  append(out, RS_T_BACKEND, &backend, sizeof backend);
  close_table(out, RS_T_BACKEND);
  close_table(out, RS_T_PROBE);
  close_table(out, RS_T_CHANNEL);
  append(out, RS_T_BYTES, out->heap, out->heap_size);
  out->head.tables[RS_T_BYTES].count = out->heap_size;
  out->head.size = out->size;
  memcpy(out->at, &out->head, sizeof out->head);
  /* Of the exact size, so that a byte too far is seen by the sanitizer. */
  rs_plan *plan = realloc(out->at, out->size);
  free(out);
  return plan;
}

static const void *row_of(const rs_plan *plan, uint32_t table, size_t size,
                          uint32_t i) {
  return (const unsigned char *)plan + plan->tables[table].at + size * i;
}

const rs_plan_unit *rs_plans_unit(const rs_plan *plan, uint32_t row) {
  return row_of(plan, RS_T_UNIT, sizeof(rs_plan_unit), row);
}

const rs_plan_spec *rs_plans_spec(const rs_plan *plan, uint32_t row) {
  uint32_t spec = rs_plans_unit(plan, row)->spec;
  return row_of(plan, RS_T_SPEC, sizeof(rs_plan_spec), spec);
}

const rs_plan_exec *rs_plans_exec(const rs_plan *plan, const rs_plan_spec *spec) {
  if (spec->exec == RS_NONE) return NULL;
  return row_of(plan, RS_T_EXEC, sizeof(rs_plan_exec), spec->exec);
}

uint32_t rs_plans_after(const rs_plan *plan, uint32_t row, uint32_t index) {
  uint32_t at = rs_plans_unit(plan, row)->after_at + index;
  return *(const uint32_t *)row_of(plan, RS_T_AFTER, sizeof(uint32_t), at);
}

static const rs_plan_life *life_of(const rs_plan *plan, uint32_t life) {
  return row_of(plan, RS_T_LIFE, sizeof(rs_plan_life), life);
}

uint32_t rs_plans_states(const rs_plan *plan, uint32_t life) {
  return life_of(plan, life)->state_count;
}

const rs_plan_state *rs_plans_state(const rs_plan *plan, uint32_t life,
                                    uint32_t state) {
  uint32_t at = life_of(plan, life)->state_at + state;
  return row_of(plan, RS_T_STATE, sizeof(rs_plan_state), at);
}

const rs_plan_edge *rs_plans_edge(const rs_plan *plan, const rs_plan_state *state,
                                  uint32_t edge) {
  return row_of(plan, RS_T_EDGE, sizeof(rs_plan_edge), state->edge_at + edge);
}

uint32_t rs_plans_rows(const rs_plan *plan) { return plan->tables[RS_T_UNIT].count; }

uint32_t rs_plans_domain(const rs_plan *plan, uint32_t row) {
  do {
    row = rs_plans_unit(plan, row)->parent;
  } while (!(rs_plans_spec(plan, row)->flags & RS_ISOLATE));
  return row;
}
