/* confirm.h -- `reload --confirm`: the plan before is put back unless what the reload
** started or changed is well when its time is over, or somebody keeps it.
**
** Layer    engine.
** Owner    the plan before, as a descriptor of its own, while one waits.
** Thread   the engine's.
** Limits   one at a time; another reload meanwhile is refused.
** Tested   spec/host/confirm_spec.lua, spec/core/trial_spec.lua. */
#ifndef RS_CONFIRM_H
#define RS_CONFIRM_H

#include "../control/request.h"

enum { RS_CONFIRM_MAX = 86400 }; /* seconds */

/* Ahead of rs_core_apply: remembers what it is about to change. After it: the wait
** begins, or, where nothing was applied, is not to be. */
void rs_confirm_prepare(rs_engine *engine, const rs_plan *plan, double seconds);
void rs_confirm_begin(rs_engine *engine, bool applied);

/* Seconds that a reload waits for yet; 0: none does. */
double rs_confirm_left(const rs_engine *engine);

/* Hears what the core has had done. */
void rs_confirm_hear(rs_engine *engine, const rs_action *action);

/* At a turn's end: judges if something is to be. */
void rs_confirm_look(rs_engine *engine);

/* {"op":"reload","keep":true}; {"op":"reload","await":true}: answered once it is kept
** or put back. */
void rs_confirm_keep(const rs_request *request);
void rs_confirm_await(const rs_request *request);
void rs_confirm_forget(rs_peer *peer);

/* ,"confirm":{…} of the root's status, if one waits. */
void rs_confirm_put(rs_engine *engine, rs_bytes *out);

#endif
