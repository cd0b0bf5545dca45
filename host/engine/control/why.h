/* why.h -- the chain of causes of a unit's state.
**
** Layer    engine; for the control socket's files alone.
** Owner    nobody: an answer is made at once.
** Thread   the engine's.
** Limits   RS_WHY_MAX entries, the latest first.
** Tested   spec/host/control_status_spec.lua, health_spec.lua. */
#ifndef RS_WHY_H
#define RS_WHY_H

#include "request.h"

enum { RS_WHY_MAX = 64 };

/* {"unit":…,"chain":[{"entry":…,"file":…,"line":…},…]}: how a unit is, and the entries
** that led there, each with the place of its rule. */
void rs_why_take(const rs_request *request);

#endif
