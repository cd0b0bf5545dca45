/* match.h -- the units that a request's path means; a pattern is tried in pieces.
**
** Layer    engine; for the control socket's files alone.
** Owner    a pattern's search is its client's job.
** Thread   the engine's.
** Limits   RS_MATCH_PIECE units a piece; a path may have two `**`.
** Tested   spec/host/control_order_spec.lua, spec/host/control_glob_spec.lua. */
#ifndef RS_MATCH_H
#define RS_MATCH_H

#include "request.h"

enum { RS_MATCH_PIECE = 512 };

/* What is done with them; `units` is in the tree's order and goes after the call. */
typedef void rs_match_then(const rs_request *request, const uint32_t *units,
                           uint32_t count);

/* Calls `then` now for a path, later for a pattern; where there is no such unit that is
** answered, and it is not called. */
void rs_match_units(const rs_request *request, rs_match_then *then);

/* True if the text is a pattern: it has *, ? or [. */
bool rs_match_is_glob(const char *path);

/* True if the path is one that the pattern means: a part is as for a shell, `**` is any
** number of names. */
bool rs_match_path(const char *pattern, const char *path);

#endif
