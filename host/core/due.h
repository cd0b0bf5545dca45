/* due.h -- what is due next: a heap of moments that knows where each item lies.
**
** Layer    core.
** Owner    the core; room comes through rs_due_room alone.
** Thread   the core's.
** Limits   one moment an item; items name units and VMs (RS_DUE_VM).
** Tested   spec/core/unit_spec.lua, and the simulator. */
#ifndef RS_DUE_H
#define RS_DUE_H

#include "base.h"
#include "core.h"

enum { RS_DUE_VM = 1 << 30 }; /* set in an item that is a VM's, not a unit's */

typedef struct rs_due_cell {
  rs_time at;
  uint32_t item;
} rs_due_cell;

typedef struct rs_due {
  rs_due_cell *cells; /* a heap of four-way branches: cells[0] is due first */
  uint32_t count, room;
  uint32_t *places[2]; /* of each unit, of each VM: its cell; RS_NONE: it has none */
  uint32_t rooms[2];
} rs_due;

/* Puts the item in, or moves it; RS_NEVER takes it out. */
void rs_due_set(rs_due *due, uint32_t item, rs_time at);

/* The first moment; RS_NEVER: nothing is ever due. */
static inline rs_time rs_due_first(const rs_due *due) {
  return due->count > 0 ? due->cells[0].at : RS_NEVER;
}

/* When the item is due; RS_NEVER. */
rs_time rs_due_when(const rs_due *due, uint32_t item);

/* Takes out the first item and names it. */
uint32_t rs_due_take(rs_due *due);

/* Makes room for so many units and VMs. At 0, 0: gives all back. */
void rs_due_room(rs_due *due, uint32_t units, uint32_t vms, const rs_memory *memory);

#endif
