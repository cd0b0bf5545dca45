/* memory.c -- rs_memory for specs: counts what is out, and refuses a wrong old size. */
#include <stdlib.h>
#include <string.h>

#include "../../../host/core/core.h"

size_t rs_spec_bytes; /* given and not taken back */

static void *resize(void *ctx, void *old, size_t old_size, size_t size) {
  (void)ctx;
  rs_spec_bytes += size - old_size;
  if (size == 0) {
    free(old);
    return NULL;
  }
  void *bytes = realloc(old, size);
  if (!bytes) abort();
  return bytes;
}

const rs_memory rs_spec_memory = {resize, NULL};
