/* due.c -- a four-way heap: shallow, and its comparisons stay in one cache line. */
#include "due.h"

static uint32_t *place_of(const rs_due *due, uint32_t item) {
  uint32_t which = (item & RS_DUE_VM) != 0;
  item &= ~(uint32_t)RS_DUE_VM;
  rs_assert(item < due->rooms[which]);
  return &due->places[which][item];
}

/* Equal moments come in the order of their items, so that siblings wake in list order.
** */
static bool before(rs_due_cell a, rs_due_cell b) {
  return a.at != b.at ? a.at < b.at : a.item < b.item;
}

static void put(rs_due *due, uint32_t at, rs_due_cell cell) {
  due->cells[at] = cell;
  *place_of(due, cell.item) = at;
}

static void rise(rs_due *due, uint32_t at, rs_due_cell cell) {
  while (at > 0) {
    uint32_t up = (at - 1) / 4;
    if (!before(cell, due->cells[up])) break;
    put(due, at, due->cells[up]);
    at = up;
  }
  put(due, at, cell);
}

static void sink(rs_due *due, uint32_t at, rs_due_cell cell) {
  for (;;) {
    uint32_t first = at * 4 + 1;
    if (first >= due->count) break;
    uint32_t end = due->count - first < 4 ? due->count : first + 4;
    uint32_t least = first;
    for (uint32_t i = first + 1; i < end; i++)
      if (before(due->cells[i], due->cells[least])) least = i;
    if (before(cell, due->cells[least])) break;
    put(due, at, due->cells[least]);
    at = least;
  }
  put(due, at, cell);
}

static void drop(rs_due *due, uint32_t at) {
  *place_of(due, due->cells[at].item) = RS_NONE;
  rs_due_cell last = due->cells[--due->count];
  if (at == due->count) return;
  if (at > 0 && before(last, due->cells[(at - 1) / 4])) rise(due, at, last);
  else sink(due, at, last);
}

void rs_due_set(rs_due *due, uint32_t item, rs_time at) {
  uint32_t place = *place_of(due, item);
  if (at == RS_NEVER) {
    if (place != RS_NONE) drop(due, place);
    return;
  }
  rs_due_cell cell = {at, item};
  if (place == RS_NONE) {
    rs_assert(due->count < due->room);
    rise(due, due->count++, cell);
  } else if (before(cell, due->cells[place])) {
    rise(due, place, cell);
  } else {
    sink(due, place, cell);
  }
}

rs_time rs_due_when(const rs_due *due, uint32_t item) {
  uint32_t place = *place_of(due, item);
  return place == RS_NONE ? RS_NEVER : due->cells[place].at;
}

uint32_t rs_due_take(rs_due *due) {
  rs_assert(due->count > 0);
  uint32_t item = due->cells[0].item;
  drop(due, 0);
  return item;
}

static void room_for(rs_due *due, uint32_t which, uint32_t count,
                     const rs_memory *memory) {
  uint32_t **places = &due->places[which];
  size_t old = due->rooms[which] * sizeof **places;
  *places = memory->resize(memory->ctx, *places, old, count * sizeof **places);
  for (uint32_t i = due->rooms[which]; i < count; i++) (*places)[i] = RS_NONE;
  due->rooms[which] = count;
}

void rs_due_room(rs_due *due, uint32_t units, uint32_t vms, const rs_memory *memory) {
  if (units != due->rooms[0]) room_for(due, 0, units, memory);
  if (vms != due->rooms[1]) room_for(due, 1, vms, memory);
  uint32_t room = units + vms;
  if (room == due->room) return;
  rs_assert(room >= due->count || room == 0);
  due->cells = memory->resize(memory->ctx, due->cells, due->room * sizeof *due->cells,
                              room * sizeof *due->cells);
  due->room = room;
}
