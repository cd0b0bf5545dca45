/* Whatever a program sends to NOTIFY_SOCKET is read without harm: what is found lies
** within the message, and numbers are within their range. */
#include <stdlib.h>

#include "../../host/engine/command/notify_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  const char *from = (const char *)bytes;
  rs_notify_text said = rs_notify_read(from, size);
  if (said.has & RS_SAYS_STATUS &&
      (said.status < from || said.status + said.status_size > from + size))
    abort();
  if (said.has & RS_SAYS_MAINPID && said.main_pid <= 0) abort();
  if (said.has & RS_SAYS_EXTEND && said.extend <= 0) abort();
  return 0;
}
