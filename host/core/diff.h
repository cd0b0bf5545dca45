/* diff.h -- from one plan to the next: who is new, gone, changed, or only moved.
**
** Layer    core.
** Owner    the core.
** Thread   the core's.
** Limits   linear in both plans.
** Tested   spec/core/reload_spec.lua. */
#ifndef RS_DIFF_H
#define RS_DIFF_H

#include "store.h"

/* A free id for a new unit by a row of the plan that holds, linked as its supervisor's
** last. `name`, where not NULL, is the core's own: the unit is a pool's. */
uint32_t rs_diff_new(rs_core *core, uint32_t parent, uint32_t row, char *name,
                     uint32_t name_len);

/* Puts a child behind those that the plan being applied has placed already. Who is in
** no plan any longer, and a pool's units, so come last. */
void rs_diff_link(rs_core *core, uint32_t parent, uint32_t id);

/* The unit lives by this row of the plan that holds from now on. */
void rs_diff_place(rs_core *core, uint32_t id, uint32_t row);

/* Gets what memory the unit will need to live by this row. */
void rs_diff_reserve(rs_core *core, uint32_t id, uint32_t row);

/* The unit is down and takes over `next_row`. */
void rs_diff_adopt(rs_core *core, uint32_t id);

/* Tells of RS_DO_SIGNAL if that is due. */
void rs_diff_signal(rs_core *core, uint32_t id);

/* Tells the engine that the unit's description has moved. */
void rs_diff_patched(rs_core *core, uint32_t id);

/* The unit is down and to be forgotten. */
void rs_diff_gone(rs_core *core, uint32_t id);

/* Forgets plans by which no unit lives; every patch away from them was told. */
void rs_diff_drop(rs_core *core);

/* Makes room for `more` units. */
void rs_diff_room(rs_core *core, uint32_t more);

/* A child by its name; RS_NONE. */
uint32_t rs_diff_find(const rs_core *core, uint32_t parent, const char *name,
                      size_t len);

#endif
