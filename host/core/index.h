/* index.h -- finds a child by its supervisor and its name.
**
** Layer    core.
** Owner    the core; room comes through rs_index_room alone.
** Thread   the core's.
** Limits   at most half of it is in use.
** Tested   spec/core/reload_spec.lua, and the simulator. */
#ifndef RS_INDEX_H
#define RS_INDEX_H

#include "base.h"
#include "core.h"

typedef struct rs_index_cell {
  uint32_t unit; /* RS_NONE: empty */
  uint32_t hash;
} rs_index_cell;

typedef struct rs_index {
  rs_index_cell *cells;
  uint32_t size; /* a power of two; 0 before any room was made */
  uint32_t used;
} rs_index;

uint32_t rs_index_hash(uint32_t parent, const char *name, size_t len);

/* The first unit with this hash from *at on; *at begins as the hash and is moved on.
** The caller compares names. RS_NONE: no more. */
uint32_t rs_index_next(const rs_index *index, uint32_t hash, uint32_t *at);

void rs_index_put(rs_index *index, uint32_t hash, uint32_t unit);
void rs_index_drop(rs_index *index, uint32_t hash, uint32_t unit);

/* Makes room for so many units. At 0: gives all back. */
void rs_index_room(rs_index *index, uint32_t units, const rs_memory *memory);

#endif
