/* Whatever the evaluator might write as a plan is refused with a sentence, or the core
** takes it: applied, compared, replaced and driven through any events, it neither
** crashes nor reads beyond the plan's bytes.
**
** Input: a byte for the plan beside it, one for the order, the plan, and what is left
** are events. */
#include <stdlib.h>
#include <string.h>

#include "../../host/core/compare.h"
#include "draft.h"

enum { HEAD = 2, ACTIONS_MAX = 4000, BATCH = 64, EVENT = 6, SEEDS = 256 };

static const rs_time LATEST = (rs_time)1 << 60; /* 36 years; no clock says more */

typedef struct world {
  rs_core *core;
  rs_time now;
  uint32_t done;
} world;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  (void)ctx;
  (void)old_size;
  if (size > 0) return realloc(old, size);
  free(old);
  return NULL;
}

static void tell(world *it, rs_event event) {
  event.at = it->now;
  rs_core_step(it->core, it->now, &event);
}

/* A world in which all goes well. */
static void answer(world *it, const rs_action *action) {
  rs_event event = {.unit = action->unit, .inc = action->inc, .other = RS_NONE};
  switch (action->kind) {
  case RS_DO_START:
    event.kind = RS_EV_STARTED;
    tell(it, event);
    event.kind = (action->unit + action->inc) % 2 ? RS_EV_ENTER : RS_EV_READY;
    tell(it, event);
    break;
  case RS_DO_ASK:
  case RS_DO_KILL:
    event.kind = RS_EV_EXIT;
    event.a = action->kind == RS_DO_ASK ? RS_WHY_OK : RS_WHY_KILLED;
    tell(it, event);
    break;
  case RS_DO_LOOK:
    event.kind = RS_EV_SEEN;
    tell(it, event);
    break;
  case RS_DO_LOOK_VM:
    event.kind = RS_EV_VM_SEEN;
    event.a = action->a;
    tell(it, event);
    break;
  default: break;
  }
}

static void run(world *it) {
  rs_action batch[BATCH];
  uint32_t count;
  do {
    count = rs_core_run(it->core, it->now, batch, BATCH);
    for (uint32_t i = 0; i < count; i++) answer(it, &batch[i]);
    it->done += count;
  } while (count > 0 && it->done < ACTIONS_MAX);
}

static void wake(world *it, int times) {
  for (; times > 0 && it->done < ACTIONS_MAX; times--) {
    rs_time due = rs_core_due(it->core);
    if (due > LATEST) return;
    if (due > it->now) it->now = due;
    run(it);
  }
}

/* Anything about anyone. */
static void happen(world *it, const uint8_t *byte) {
  uint32_t units = rs_core_units(it->core);
  rs_view view = {0};
  rs_event event = {.kind = 1u + byte[0] % (RS_EV_COUNT + 1u)};
  event.unit = byte[1] == 255 ? RS_NONE : byte[1] % (units + 1);
  rs_core_view(it->core, event.unit, &view);
  event.inc = view.inc + (byte[2] & 3u) - (byte[2] & 4u ? 1 : 0);
  event.a = byte[3] == 255 ? RS_NONE : byte[3] % 12;
  event.b = (int8_t)byte[4];
  event.other = byte[5] == 255 ? RS_NONE : byte[5] % (units + 1);
  event.x = (rs_time)byte[4] * 10000000;
  it->now += (rs_time)byte[2] * 1000000;
  tell(it, event);
  if (byte[2] & 8u) run(it);
  if (byte[2] & 16u) wake(it, 3);
}

static void apply(world *it, const rs_plan *plan, uint32_t number) {
  char why[200];
  uint32_t room = plan->tables[RS_T_UNIT].count + rs_core_units(it->core);
  rs_change_row *rows = malloc((size_t)room * 2 * sizeof *rows);
  rs_core_compare(it->core, plan, rows);
  free(rows);
  if (rs_core_apply(it->core, it->now, plan, number, why, sizeof why) == 0) run(it);
}

static void drive(const rs_plan *plans[2], const uint8_t *events, size_t size) {
  const rs_memory memory = {resize, NULL};
  world it = {.core = rs_core_new(&memory, 1, 0), .now = 1000000000};
  char why[200], path[300];
  size_t half = size / EVENT / 2 * EVENT;
  apply(&it, plans[0], 1);
  for (size_t at = 0; at + EVENT <= half; at += EVENT) happen(&it, events + at);
  for (uint32_t i = 0; i < rs_core_units(it.core) && i < 64; i++)
    rs_core_add(it.core, it.now, i, "added", 5, 0, why, sizeof why);
  apply(&it, plans[1], 2);
  for (size_t at = half; at + EVENT <= size; at += EVENT) happen(&it, events + at);
  wake(&it, 20);
  for (uint32_t i = 0; i < rs_core_units(it.core); i++) {
    rs_view view;
    if (rs_core_view(it.core, i, &view)) rs_core_path(it.core, i, path, sizeof path);
  }
  rs_core_free(it.core);
}

/* Where the plan ends and events begin. */
static size_t plan_size(const uint8_t *bytes, size_t size) {
  rs_plan head;
  if (size < sizeof head) return size;
  memcpy(&head, bytes, sizeof head);
  return head.size < size ? head.size : size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  char why[200];
  if (size <= HEAD) return 0;
  size_t length = plan_size(bytes + HEAD, size - HEAD);
  rs_plan *plan = malloc(length);
  memcpy(plan, bytes + HEAD, length);
  if (rs_plan_check(plan, length, why, sizeof why) == 0) {
    rs_plan *other = fuzz_draft(bytes[0] + 1u, bytes[1] / 2);
    const rs_plan *plans[2] = {plan, other};
    if (bytes[1] & 1) plans[0] = other, plans[1] = plan;
    drive(plans, bytes + HEAD + length, size - HEAD - length);
    free(other);
  } else if (strlen(why) == 0) {
    abort();
  }
  free(plan);
  return 0;
}

/* ---- plans that nearly are some ---- */

static size_t make(uint8_t *bytes, size_t room, unsigned seed) {
  rs_plan *plan = fuzz_draft(seed % SEEDS + 1, seed / SEEDS % 3);
  size_t size = HEAD + plan->size;
  if (size <= room) {
    bytes[0] = (uint8_t)(seed >> 9);
    bytes[1] = (uint8_t)(seed >> 17);
    memcpy(bytes + HEAD, plan, plan->size);
    while (size < room && size % 61 != 0)
      bytes[size++] = (uint8_t)(seed = seed * 69069 + 1);
  }
  free(plan);
  return size <= room ? size : 0;
}

/* A number somewhere in the plan becomes another: all fields are 4 bytes or 8. */
static void tweak(uint8_t *bytes, size_t length, unsigned seed) {
  uint32_t value, place = (seed / 64) % (uint32_t)(length / 4) * 4;
  memcpy(&value, bytes + place, sizeof value);
  switch (seed % 8) {
  case 0: value++; break;
  case 1: value--; break;
  case 2: value = RS_NONE; break;
  case 3: value = 0; break;
  case 4: value = 0x7fffffff; break;
  case 5: value ^= 1u << (seed >> 3) % 32; break;
  case 6: value = (seed >> 16) % 64; break;
  default: value <<= 8; break;
  }
  memcpy(bytes + place, &value, sizeof value);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room,
                               unsigned seed) {
  unsigned turn = seed * 2654435761u;
  if (size < HEAD + sizeof(rs_plan) || turn % 64 == 0)
    return make(bytes, room, turn >> 6);
  size_t length = plan_size(bytes + HEAD, size - HEAD), tail = size - HEAD - length;
  if (turn % 8 < 4 && length >= 8) {
    tweak(bytes + HEAD, length, turn >> 3);
    return size;
  }
  if (turn % 8 < 6 && tail > 0) {
    size_t at = HEAD + length;
    return at + LLVMFuzzerMutate(bytes + at, tail, room - at);
  }
  return LLVMFuzzerMutate(bytes, size, room);
}
