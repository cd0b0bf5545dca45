/* sim_choice.h -- every random decision of a run, each with a name of its own.
**
** Layer    spec: the simulator; above core.
** Owner    rs_choice_init makes, rs_choice_free frees.
** Thread   one.
** Limits   none.
** Tested   by each replay: a shrunk story must fail as the whole one did.
**
** A decision is named by its site and two numbers (whose, which). Its value depends on
** the seed and that name alone, never on the decisions before it; so one can be dropped
** (its value becomes 0, the plainest) and the others stay what they are. */
#ifndef RS_SIM_CHOICE_H
#define RS_SIM_CHOICE_H

#include "../../../host/core/core.h"

/* One list, folded by hand. */
/* clang-format off */
#define RS_SITES(X)                                                                    \
  X(PROFILE)                                                                           \
  X(SIZE)                                                                              \
  X(PRESENT)                                                                           \
  X(KIND)                                                                              \
  X(BACKEND)                                                                           \
  X(TUNE) X(SUPER) X(LIFE) X(AFTER) X(ORDER) X(MUTATE) X(PATCH) X(TICK) X(OP)          \
    X(OP_TARGET) X(TIED) X(START) X(STARTED) X(FAULT) X(FAULT_AT) X(STOP) X(MESSAGE)   \
      X(BEAT) X(STAY) X(EDGE) X(SEND) X(EXIT) X(KILL) X(DOMAIN) X(LATE) X(GARBAGE)     \
        X(ENGINE) X(STARVE) X(UNWIND)
/* clang-format on */

#define X(name) RS_AT_##name,
enum { RS_AT_NOWHERE, RS_SITES(X) RS_AT_COUNT };
#undef X

/* A decision that was not 0. */
typedef struct rs_choice {
  uint64_t key; /* its name */
  uint32_t site, value;
} rs_choice;

typedef struct rs_keys { /* a set of names; open addressing, 0 is an empty place */
  uint64_t *at;
  uint32_t size, used;
} rs_keys;

typedef struct rs_choices {
  uint64_t seed;
  bool record; /* keep what was decided */
  bool replay; /* only those kept may be other than 0 */
  rs_keys kept;
  rs_keys known; /* names in `made` */
  rs_choice *made;
  uint32_t count, room;
} rs_choices;

void rs_choice_init(rs_choices *choices, uint64_t seed);
void rs_choice_free(rs_choices *choices);
void rs_choice_keep(rs_choices *choices, uint64_t key);

/* 0 .. n-1, each as likely. */
uint32_t rs_choice_of(rs_choices *choices, uint32_t site, uint64_t whose,
                      uint64_t which, uint32_t n);

/* True in so many of a thousand cases; false is the plain answer. */
bool rs_choice_chance(rs_choices *choices, uint32_t site, uint64_t whose,
                      uint64_t which, uint32_t per_mille);

/* A span from `least` (the plain answer) to `most`. */
rs_time rs_choice_span(rs_choices *choices, uint32_t site, uint64_t whose,
                       uint64_t which, const rs_time range[2]);

const char *rs_choice_site(uint32_t site);

/* Mixes two numbers into one; never 0. */
uint64_t rs_choice_mix(uint64_t a, uint64_t b);

#endif
