/* abi.h -- runsmith.h as C includes it: with the headers that ffi.cdef has built in.
**
** Layer    core, below everything: types only.
** Owner    nothing.
** Thread   any.
** Limits   none.
** Tested   spec/lua/abi_spec.lua. */
#ifndef RS_ABI_H
#define RS_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../abi/runsmith.h"

#define RS_NEVER INT64_MAX /* no deadline; the end of time */

#endif
