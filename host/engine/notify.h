/* notify.h -- tells whoever started the host how it is: NOTIFY_SOCKET (sd_notify).
**
** Layer    engine.
** Owner    the engine.
** Thread   the engine's.
** Limits   a message that cannot be sent at once is dropped.
** Tested   spec/host/engine_process.c. */
#ifndef RS_NOTIFY_H
#define RS_NOTIFY_H

#include "state.h"

/* Looks for NOTIFY_SOCKET and WATCHDOG_USEC. */
void rs_notify_begin(rs_engine *engine);

/* Sends READY=1 once the root is ready. */
void rs_notify_look(rs_engine *engine);

/* Sends STOPPING=1. */
void rs_notify_stopping(rs_engine *engine);

#endif
