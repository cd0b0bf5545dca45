/* index.c -- an open table; a gap is closed at once, so there are no tombstones. */
#include "index.h"

uint32_t rs_index_hash(uint32_t parent, const char *name, size_t len) {
  return (uint32_t)rs_hash(name, len, parent);
}

uint32_t rs_index_next(const rs_index *index, uint32_t hash, uint32_t *at) {
  if (index->size == 0) return RS_NONE;
  uint32_t mask = index->size - 1;
  for (;;) {
    const rs_index_cell *cell = &index->cells[(*at)++ & mask];
    if (cell->unit == RS_NONE) return RS_NONE;
    if (cell->hash == hash) return cell->unit;
  }
}

void rs_index_put(rs_index *index, uint32_t hash, uint32_t unit) {
  rs_assert(index->used < index->size / 2);
  uint32_t at = hash & (index->size - 1);
  while (index->cells[at].unit != RS_NONE) at = (at + 1) & (index->size - 1);
  index->cells[at] = (rs_index_cell){unit, hash};
  index->used++;
}

void rs_index_drop(rs_index *index, uint32_t hash, uint32_t unit) {
  uint32_t mask = index->size - 1, gap = hash & mask;
  while (index->cells[gap].unit != unit) {
    rs_assert(index->cells[gap].unit != RS_NONE);
    gap = (gap + 1) & mask;
  }
  for (uint32_t at = (gap + 1) & mask;; at = (at + 1) & mask) {
    rs_index_cell cell = index->cells[at];
    if (cell.unit == RS_NONE) break;
    if (((at - cell.hash) & mask) < ((at - gap) & mask))
      continue; /* it is past its home */
    index->cells[gap] = cell;
    gap = at;
  }
  index->cells[gap].unit = RS_NONE;
  index->used--;
}

void rs_index_room(rs_index *index, uint32_t units, const rs_memory *memory) {
  uint32_t size = units > 0 ? 16 : 0;
  while (size / 2 < units + 1 && size > 0) size *= 2;
  if (size <= index->size && units > 0) return;
  rs_index old = *index;
  size_t cell = sizeof *old.cells;
  *index = (rs_index){memory->resize(memory->ctx, NULL, 0, size * cell), size, 0};
  for (uint32_t i = 0; i < size; i++) index->cells[i].unit = RS_NONE;
  for (uint32_t i = 0; i < old.size && size > 0; i++)
    if (old.cells[i].unit != RS_NONE)
      rs_index_put(index, old.cells[i].hash, old.cells[i].unit);
  memory->resize(memory->ctx, old.cells, old.size * cell, 0);
}
