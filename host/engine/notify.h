/* notify.h -- when the service manager is told how the host is (NOTIFY_SOCKET). The
** witness tells it: a service manager hears its main process alone.
**
** Layer    engine.
** Owner    the engine.
** Thread   the engine's.
** Limits   none.
** Tested   spec/host/notice_spec.lua. */
#ifndef RS_NOTIFY_H
#define RS_NOTIFY_H

#include "state.h"

/* Looks for NOTIFY_SOCKET and WATCHDOG_USEC. */
void rs_notify_begin(rs_engine *engine);

/* READY=1 once the root is ready. */
void rs_notify_look(rs_engine *engine);

/* STOPPING=1. */
void rs_notify_stopping(rs_engine *engine);

#endif
