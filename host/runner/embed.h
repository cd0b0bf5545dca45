/* embed.h -- the Lua that the program has built in, as host/cmake/embed.c writes it.
**
** Layer    runner.
** Owner    the program's read-only data.
** Thread   any.
** Limits   none.
** Tested   spec/c/runner_vm.c: its schedule is found this way. */
#ifndef RS_EMBED_H
#define RS_EMBED_H

#include <stddef.h>

typedef struct rs_embedded {
  const char *name;           /* the module's; NULL after the last */
  const char *chunk;          /* "@runsmith/life.lua": what tracebacks say */
  const unsigned char *bytes; /* bytecode, or text */
  size_t size;
} rs_embedded;

extern const rs_embedded rs_embed_modules[];
extern const rs_embedded rs_embed_abi; /* host/abi/runsmith.h */

/* By a module's name; NULL. */
const rs_embedded *rs_embed_find(const char *name);

#endif
