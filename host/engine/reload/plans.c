#define _GNU_SOURCE
#include "plans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/names.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL };

/* Maps and checks; NULL and a sentence. */
static const rs_plan *map(int fd, size_t *size, char *why, size_t why_size) {
  struct stat st;
  bool sealed = fcntl(fd, F_GET_SEALS) == SEALS; /* a plan that held before */
  if ((!sealed && fcntl(fd, F_ADD_SEALS, SEALS) != 0) || fstat(fd, &st) != 0) {
    snprintf(why, why_size, "cannot seal the plan: %s", strerror(errno));
    return NULL;
  }
  *size = (size_t)st.st_size;
  if (*size < sizeof(rs_plan)) {
    snprintf(why, why_size, "the evaluator wrote no plan");
    return NULL;
  }
  void *bytes = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) {
    snprintf(why, why_size, "cannot map the plan: %s", strerror(errno));
    return NULL;
  }
  if (rs_plan_check(bytes, *size, why, why_size) == 0) return bytes;
  munmap(bytes, *size);
  return NULL;
}

int rs_plans_add(rs_plans *plans, int fd, uint32_t *number, char *why,
                 size_t why_size) {
  size_t size;
  const rs_plan *plan = map(fd, &size, why, why_size);
  if (!plan) {
    close(fd);
    return -1;
  }
  plans->at = rs_base_grow(plans->at, (plans->count + 1) * sizeof *plans->at);
  plans->at[plans->count++] = (rs_plan_map){plan, size, fd, ++plans->last};
  *number = plans->last;
  return 0;
}

const rs_plan_map *rs_plans_get(const rs_plans *plans, uint32_t number) {
  for (uint32_t i = 0; i < plans->count; i++)
    if (plans->at[i].number == number) return &plans->at[i];
  return NULL;
}

uint32_t rs_plans_newest(const rs_plans *plans) {
  uint32_t newest = 0;
  for (uint32_t i = 0; i < plans->count; i++)
    if (plans->at[i].number > newest) newest = plans->at[i].number;
  return newest;
}

void rs_plans_drop(rs_plans *plans, uint32_t number) {
  for (uint32_t i = 0; i < plans->count; i++) {
    rs_plan_map *map_of = &plans->at[i];
    if (map_of->number != number) continue;
    munmap((void *)(uintptr_t)map_of->plan, map_of->size);
    close(map_of->fd);
    *map_of = plans->at[--plans->count];
    return;
  }
}

const void *rs_plan_rows(const rs_plan *plan, uint32_t table) {
  return (const char *)plan + plan->tables[table].at;
}

uint32_t rs_plan_count(const rs_plan *plan, uint32_t table) {
  return plan->tables[table].count;
}

const char *rs_plan_bytes(const rs_plan *plan, rs_ref ref) {
  return (const char *)rs_plan_rows(plan, RS_T_BYTES) + ref.at;
}

const rs_plan_unit *rs_plan_unit_at(const rs_plan *plan, uint32_t row) {
  return (const rs_plan_unit *)rs_plan_rows(plan, RS_T_UNIT) + row;
}

const rs_plan_spec *rs_plan_spec_of(const rs_plan *plan, uint32_t row) {
  const rs_plan_spec *specs = rs_plan_rows(plan, RS_T_SPEC);
  return &specs[rs_plan_unit_at(plan, row)->spec];
}

/* A parent's row is smaller than its child's, so this ends. */
void rs_plan_path(const rs_plan *plan, uint32_t row, rs_bytes *out) {
  const rs_plan_unit *unit = rs_plan_unit_at(plan, row);
  if (unit->parent < row) {
    rs_plan_path(plan, unit->parent, out);
    rs_bytes_text(out, "/");
  }
  rs_bytes_add(out, rs_plan_bytes(plan, unit->name), unit->name.len);
}

const rs_plan_exec *rs_plan_exec_of(const rs_plan *plan, uint32_t row) {
  uint32_t exec = rs_plan_spec_of(plan, row)->exec;
  if (exec == RS_NONE) return NULL;
  return (const rs_plan_exec *)rs_plan_rows(plan, RS_T_EXEC) + exec;
}

const char *rs_plan_backend_of(const rs_plan *plan, uint32_t row, size_t *size) {
  const rs_plan_spec *spec = rs_plan_spec_of(plan, row);
  const rs_plan_backend *backends = rs_plan_rows(plan, RS_T_BACKEND);
  if (spec->backend == RS_CUSTOM && spec->custom != RS_NONE) {
    *size = backends[spec->custom].name.len;
    return rs_plan_bytes(plan, backends[spec->custom].name);
  }
  const char *name = rs_name_backend(spec->backend);
  *size = strlen(name);
  return name;
}

const rs_plan_state *rs_plan_state_of(const rs_plan *plan, uint32_t row,
                                      uint32_t state) {
  uint32_t life = rs_plan_spec_of(plan, row)->life;
  if (life == RS_NONE) return NULL;
  const rs_plan_life *lives = rs_plan_rows(plan, RS_T_LIFE);
  if (state >= lives[life].state_count) return NULL;
  const rs_plan_state *states = rs_plan_rows(plan, RS_T_STATE);
  return &states[lives[life].state_at + state];
}

/* A nested isolated supervisor is another domain; what is below it is passed over by
** remembering, in pre-order, the rows that are outside. */
void rs_plan_domain(const rs_plan *plan, uint32_t row, uint32_t *coroutines,
                    uint32_t *threads) {
  const rs_plan_unit *units = rs_plan_rows(plan, RS_T_UNIT);
  const rs_plan_spec *specs = rs_plan_rows(plan, RS_T_SPEC);
  uint32_t count = rs_plan_count(plan, RS_T_UNIT);
  unsigned char *inside = rs_base_new(count);
  *coroutines = *threads = 0;
  inside[row] = 1;
  for (uint32_t i = row + 1; i < count; i++) {
    const rs_plan_spec *spec = &specs[units[i].spec];
    if (units[i].parent == RS_NONE || !inside[units[i].parent]) continue;
    if (spec->kind == RS_SUPERVISOR && (spec->flags & RS_ISOLATE)) continue;
    inside[i] = 1;
    if (spec->flags & RS_TEMPLATE || spec->kind != RS_WORKER) continue;
    if (spec->backend == RS_COROUTINE) ++*coroutines;
    if (spec->backend == RS_THREAD) ++*threads;
  }
  free(inside);
}
