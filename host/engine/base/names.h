/* names.h -- the journal's names for the numbers of core and system.
**
** Layer    engine.
** Owner    static strings.
** Thread   any.
** Limits   a number without a name is "unknown", or NULL where said so.
** Tested   spec/c/engine_unit.c. */
#ifndef RS_NAMES_H
#define RS_NAMES_H

#include "base.h"

const char *rs_name_kind(uint32_t kind);             /* RS_J_... */
const char *rs_name_backend(uint32_t backend);       /* RS_COROUTINE... */
const char *rs_name_why(uint32_t why);               /* RS_WHY_... */
const char *rs_name_constraint(uint32_t constraint); /* RS_C_... */
const char *rs_name_killed(uint32_t why);            /* RS_K_... */
const char *rs_name_restart(uint32_t why);           /* RS_R_... */
const char *rs_name_state(uint32_t state);     /* RS_STATE_..., of no Lua worker */
const char *rs_name_health(uint32_t health);   /* RS_HEALTHY... */
const char *rs_name_verdict(uint32_t verdict); /* RS_VERDICT_... */
const char *rs_name_level(uint32_t level);     /* 0 debug ... 3 error */

/* "TERM" for SIGTERM; NULL. */
const char *rs_name_signal(int sig);

/* "read"; NULL for a call that the short list lacks. */
const char *rs_name_syscall(long number);

#endif
