/* base.h -- what every file of the core stands on: assertions, time, sentences.
**
** Layer    core, above abi.h.
** Owner    nothing; a sentence is written into the caller's bytes.
** Thread   any; the hook is set once, at start.
** Limits   a moment past the end of time is RS_NEVER.
** Tested   spec/core/plan_spec.lua, and the simulator. */
#ifndef RS_BASE_H
#define RS_BASE_H

#include "abi.h"

/* Our own mistake: ends the process, in every build. Nobody's bytes may get here. */
#define rs_assert(truth)                                                               \
  ((truth) ? (void)0 : rs_assert_fail(__FILE__, __LINE__, #truth))

_Noreturn void rs_assert_fail(const char *file, int line, const char *what);

/* Hears of a failed assertion before the process aborts; the host prints it. */
extern void (*rs_assert_hook)(const char *file, int line, const char *what);

/* A sentence that grows to the right; what does not fit is cut. Always ends in NUL. */
typedef struct rs_say {
  char *at;
  size_t size, len;
} rs_say;

rs_say rs_say_into(char *at, size_t size);
void rs_say_text(rs_say *say, const char *text);
void rs_say_bytes(rs_say *say, const char *bytes, size_t len);
void rs_say_number(rs_say *say, uint64_t number);

static inline rs_time rs_time_add(rs_time at, rs_time span) {
  return span > RS_NEVER - at ? RS_NEVER : at + span;
}

static inline rs_time rs_time_min(rs_time a, rs_time b) { return a < b ? a : b; }

static inline rs_time rs_time_max(rs_time a, rs_time b) { return a > b ? a : b; }

/* True for a name that the contract allows: [A-Za-z0-9_.-]+, at most 255 bytes. */
bool rs_name_ok(const char *name, size_t len);

#endif
