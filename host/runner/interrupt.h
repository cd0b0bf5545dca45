/* interrupt.h -- stops Lua that does not come back, compiled or not.
**
** Layer    runner.
** Owner    the process's one profiler (LuaJIT has no more), lent to the VM under
**          attack.
** Thread   said at each call.
** Limits   RS_ATTACKS_MAX VMs at a time; one of them has the profiler, the others wait
**          for it and are stopped meanwhile where they are not in compiled code.
** Tested   spec/c/runner_interrupt.c: 24 ways to be stuck. */
#ifndef RS_INTERRUPT_H
#define RS_INTERRUPT_H

#include "machine.h"

enum { RS_ATTACKS_MAX = 64, RS_ATTACK_EVERY_MS = 1 };

/* Once, by the keeper, before any VM's thread: the signals, the profiler's owner. */
void rs_interrupt_init(void);

/* A VM's thread, before its first user code: has LuaJIT put checks into compiled
** code. */
void rs_interrupt_birth(rs_machine *vm);

/* Keeper: attacks what `vm` runs, if that is `slot` at `inc`, until it is out or
** `until` has come. */
void rs_interrupt_begin(rs_machine *vm, uint32_t slot, uint32_t inc, rs_time until);

/* Keeper: likewise, that resume and no other. */
void rs_interrupt_turn(rs_machine *vm, uint64_t turn, rs_time until);

/* Keeper: strikes once more at each. Returns true while there are any. */
bool rs_interrupt_strike(rs_time now);

/* Keeper: forgets a VM whose thread has ended. */
void rs_interrupt_forget(const rs_machine *vm);

/* The VM's thread: runs `co` (with `args` values on it) as resume number `turn`, whose
** interruption is honoured; returns as lua_resume does. A coroutine that yields though
** it is interrupted is resumed until it is dead. */
int rs_interrupt_resume(rs_machine *vm, lua_State *co, int args);

/* The VM's thread: a section that interrupts wait for. Enter raises where one has
** struck already; leave lets the waiting one strike. */
void rs_interrupt_enter(rs_machine *vm, lua_State *L);
void rs_interrupt_leave(rs_machine *vm);

#endif
