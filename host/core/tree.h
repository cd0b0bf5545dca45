/* tree.h -- who is whose child, what a child counts for, whether a unit is to be up.
**
** Layer    core.
** Owner    the core.
** Thread   the core's.
** Limits   none.
** Tested   spec/core/strategy_spec.lua. */
#ifndef RS_TREE_H
#define RS_TREE_H

#include "store.h"

/* Makes it the child after `after`; RS_NONE: the first. */
void rs_tree_insert(rs_core *core, uint32_t parent, uint32_t after, uint32_t id);

void rs_tree_unlink(rs_core *core, uint32_t id);

/* The next one in pre-order below `top`; RS_NONE at the end. */
uint32_t rs_tree_below(const rs_core *core, uint32_t top, uint32_t id);

/* True if it is to be up, as far as itself and all above it are concerned. */
bool rs_tree_wanted(const rs_core *core, const rs_unit *u);

/* Brings its supervisor's counts up to date; what comes to zero is looked into. */
void rs_tree_tally(rs_core *core, uint32_t id);

/* True if dependents may start: ready, or completed. */
bool rs_tree_passable(const rs_unit *u);

/* Puts all children in line to be settled, in list order or in reverse. */
void rs_tree_mark(rs_core *core, uint32_t id, bool reverse);

#endif
