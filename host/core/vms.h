/* vms.h -- VMs that may be stalled: who lives in which, when to look at one.
**
** Layer    core.
** Owner    the core.
** Thread   the core's.
** Limits   a VM is looked at once in the shortest `stall` of those who live there.
** Tested   spec/core/unit_spec.lua, and the simulator. */
#ifndef RS_VMS_H
#define RS_VMS_H

#include "store.h"

/* Gives an isolating supervisor so many VMs. */
void rs_vms_make(rs_core *core, uint32_t domain, uint32_t vms);

/* A worker with a VM of its own has, or no longer has, a stall limit. */
void rs_vms_own(rs_core *core, uint32_t id, bool watched);

/* Takes back all that the supervisor or worker has. */
void rs_vms_free(rs_core *core, uint32_t owner);

/* The VM of the domain in which the next coroutine worker is to live. */
uint32_t rs_vms_pick(rs_core *core, uint32_t domain);

/* A unit starts: its VM is watched from now on. */
void rs_vms_start(rs_core *core, uint32_t id);

/* The unit's limit changed while it may be running: its VM is looked at now. */
void rs_vms_again(rs_core *core, uint32_t id);

/* The VM's moment has come. */
void rs_vms_due(rs_core *core, uint32_t watch);

/* RS_EV_VM_SEEN and RS_EV_VM_RUNS. */
void rs_vms_hear(rs_core *core, const rs_event *ev);

/* The domain's runner is dead: nothing runs in its VMs. */
void rs_vms_dead(rs_core *core, uint32_t domain);

#endif
