/* stray.h -- processes that came to the engine and that nothing tells apart: they end
** with the host.
**
** Layer    engine.
** Owner    nobody.
** Thread   the engine's: a subreaper, so that orphans are its own children.
** Limits   RS_STRAYS_MAX are told of.
** Tested   spec/host/stray_spec.lua. */
#ifndef RS_STRAY_H
#define RS_STRAY_H

#include "family.h"

enum { RS_STRAYS_MAX = 64 };

/* Adds `,"strays":[{"pid":…,"command":…},…]` where there are any: children of this
** process that nobody here started, in no unit's cgroup, group or session, and without
** RUNSMITH_UNIT. */
void rs_strays_put(const rs_children *children, const rs_cgroups *groups,
                   rs_bytes *out);

#endif
