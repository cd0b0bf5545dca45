/* notice.h -- what the service manager is told through NOTIFY_SOCKET (sd_notify). It
** hears the process that it started alone, which is the witness; the engine asks it to
** speak by a signal.
**
** Layer    witness: libc alone.
** Owner    the witness; the socket lives as long as it does.
** Thread   the process's only one; rs_notice_ask is for the engine's.
** Limits   a message that cannot be sent at once is dropped.
** Tested   spec/host/notice_spec.lua. */
#ifndef RS_NOTICE_H
#define RS_NOTICE_H

#include <sys/types.h>

enum { RS_NOTICE_READY = 'R', RS_NOTICE_STOPPING = 'S', RS_NOTICE_WATCHDOG = 'W' };

/* The signal that asks; its value is one of these. */
int rs_notice_signal(void);

/* Connects to NOTIFY_SOCKET, if there is one. */
void rs_notice_begin(void);

void rs_notice_send(int what);

/* Has the witness send it. */
void rs_notice_ask(pid_t witness, int what);

#endif
