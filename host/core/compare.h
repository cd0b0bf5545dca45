/* compare.h -- what a plan would do to the units that there are, and why.
**
** Layer    core: nothing changes.
** Owner    the caller's array.
** Thread   the core's.
** Limits   linear in plan and units.
** Tested   spec/host/control_reload_spec.lua. */
#ifndef RS_COMPARE_H
#define RS_COMPARE_H

#include "core.h"

enum { /* what becomes of a unit */
       RS_CHANGE_START = 1,
       RS_CHANGE_STOP,
       RS_CHANGE_RESTART,
       RS_CHANGE_PATCH,
       RS_CHANGE_KEEP,
       RS_CHANGE_COUNT
};

enum { /* where the descriptions differ */
       RS_DIFFERS_BACKEND = 1,
       RS_DIFFERS_ARGS = 2,
       RS_DIFFERS_CODE = 4,
       RS_DIFFERS_LIFE = 8,
       RS_DIFFERS_EXEC = 16,
       RS_DIFFERS_PLACE = 32,  /* its fault domain, or its VM there */
       RS_DIFFERS_RULES = 64,  /* limits and rules of supervision */
       RS_DIFFERS_AFTER = 128, /* whom it comes after */
       RS_DIFFERS_KIND = 256,
       RS_DIFFERS_OTHER = 512,
       RS_DIFFERS_ENV = 1 << 10, /* of its process, from here on */
       RS_DIFFERS_CWD = 1 << 11,
       RS_DIFFERS_USER = 1 << 12,
       RS_DIFFERS_UMASK = 1 << 13,
       RS_DIFFERS_NICE = 1 << 14,
       RS_DIFFERS_LIMITS = 1 << 15,
       RS_DIFFERS_READY = 1 << 16,
       RS_DIFFERS_OUTPUT = 1 << 17,
       RS_DIFFERS_STEPS = 1 << 18,
       RS_DIFFERS_PROBES = 1 << 19, /* what lives on by another rule, from here on */
       RS_DIFFERS_ACTIVITY = 1 << 20,
       RS_DIFFERS_STOP = 1 << 21,  /* the signal */
       RS_DIFFERS_FILES = 1 << 22, /* their contents, too */
       RS_DIFFERS_ORDER = 1 << 23, /* of a supervisor's children */
       RS_DIFFERS_CHANNELS = 1 << 24
};

typedef struct rs_change_row {
  uint32_t what; /* RS_CHANGE_... */
  uint32_t why;  /* RS_DIFFERS_... */
  uint32_t unit; /* RS_NONE: there is none yet */
  uint32_t row;  /* of the plan; RS_NONE: not in it */
} rs_change_row;

/* What rs_core_apply would do now. `rows` holds twice as many as the plan's units and
** rs_core_units together. How many were written: first by the plan's rows, then those
** that it lacks. */
uint32_t rs_core_compare(const rs_core *core, const rs_plan *plan, rs_change_row *rows);

/* Which of the fields that make a process differ; rows of RS_T_EXEC or RS_NONE. */
uint32_t rs_compare_exec(const rs_plan *old, uint32_t before, const rs_plan *plan,
                         uint32_t row);

/* Which differ of what a unit lives on with; `row` is the plan's that it would have. */
uint32_t rs_compare_rules(const rs_core *core, uint32_t unit, const rs_plan *plan,
                          uint32_t row);

/* The same bytes. */
bool rs_compare_bytes(const rs_plan *a, rs_ref x, const rs_plan *b, rs_ref y);

#endif
