/* notify_text.h -- what a program says through NOTIFY_SOCKET, read.
**
** Layer    engine.
** Owner    the result points into the caller's bytes.
** Thread   any.
** Limits   RS_NOTIFY_MAX bytes a message. Unknown assignments, empty lines and numbers
**          out of range are nothing.
** Tested   spec/c/engine_notify.c, spec/fuzz/notify.c. */
#ifndef RS_NOTIFY_TEXT_H
#define RS_NOTIFY_TEXT_H

#include "../base/base.h"

enum { RS_NOTIFY_MAX = 4096 };

enum { /* rs_notify_text.has */
       RS_SAYS_READY = 1,
       RS_SAYS_RELOADING = 2,
       RS_SAYS_STOPPING = 4,
       RS_SAYS_WATCHDOG = 8,
       RS_SAYS_STATUS = 16,
       RS_SAYS_EXTEND = 32,
       RS_SAYS_MAINPID = 64,
       RS_SAYS_BARRIER = 128,
       RS_SAYS_TRIGGER = 256
};

typedef struct rs_notify_text {
  uint32_t has;
  const char *status; /* not NUL-terminated */
  size_t status_size;
  rs_time extend; /* from now */
  int main_pid;
} rs_notify_text;

/* Lines of NAME=VALUE; of one said twice the last counts. */
rs_notify_text rs_notify_read(const char *bytes, size_t size);

#endif
