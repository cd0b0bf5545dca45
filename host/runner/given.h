/* given.h -- a worker's data on its way to its next incarnation.
**
** Layer    runner.
** Owner    what came and was not asked for yet is the process's.
** Thread   said at each call.
** Limits   RS_HANDOVER_MAX bytes, as the engine sees to.
** Tested   spec/host/migrate_spec.lua. */
#ifndef RS_GIVEN_H
#define RS_GIVEN_H

#include "../shm/ctl.h"
#include "machine.h"

/* Keeper: RS_CTL_DATA; 0, and the descriptor is taken, or an errno. */
int rs_given_take(rs_runner *runner, const rs_ctl *ctl, int fd);

/* host.given(slot, inc): the bytes; nothing if they did not come. A VM's thread. */
int rs_given_get(lua_State *L);

/* Sends the engine what this task leaves: 0 or an errno. A VM's thread. */
int rs_given_leave(const rs_task *task, const char *bytes, size_t size);

#endif
