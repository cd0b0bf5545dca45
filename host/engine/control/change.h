/* change.h -- another plan for the host, on a client's behalf: reload it, or only say
** what that would do.
**
** Layer    engine; for the control socket's files alone.
** Owner    one in progress; a reload takes the place of what is.
** Thread   the engine's.
** Limits   those of an evaluation.
** Tested   spec/host/control_reload_spec.lua. */
#ifndef RS_CHANGE_H
#define RS_CHANGE_H

#include "request.h"

/* reload, plan. */
void rs_change_take(const rs_request *request);

/* A reload was applied and this is its entry. */
void rs_change_done(rs_engine *engine, const rs_entry *entry);

/* This client waits for nothing any more. */
void rs_change_forget(rs_peer *peer);

#endif
