/* draft.h -- plans for the fuzzers: the simulator's drafts, by number.
**
** Layer    spec: fuzzers; above core.
** Owner    fuzz_draft gives memory that the caller frees.
** Thread   one.
** Limits   those of a draft.
** Tested   by its users. */
#ifndef RS_FUZZ_DRAFT_H
#define RS_FUZZ_DRAFT_H

#include "../../host/core/core.h"

/* The bytes of the `version`th plan that the simulator would make of this seed. */
rs_plan *fuzz_draft(uint64_t seed, uint32_t version);

#endif
