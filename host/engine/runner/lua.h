/* lua.h -- units that live in runners: workers of each backend, and custom ones.
**
** Layer    engine; it knows of Lua that it is in there.
** Owner    a unit's row in the book says where it lives; a slot is its own from
**          start to exit.
** Thread   the engine's.
** Limits   those of runner.h.
** Tested   spec/host/backends_spec.lua, spec/host/ladder_spec.lua. */
#ifndef RS_LUA_H
#define RS_LUA_H

#include "runner.h"

/* The core's orders. */
void rs_lua_start(rs_engine *engine, const rs_action *action);
void rs_lua_ask(rs_engine *engine, const rs_action *action);
void rs_lua_interrupt(rs_engine *engine, const rs_action *action);
void rs_lua_kill(rs_engine *engine, const rs_action *action);
void rs_lua_patch(rs_engine *engine, const rs_action *action);

/* Puts START into the VM's ring; the unit has its slot from now on. False: no room. */
bool rs_lua_place(rs_runner *runner, uint32_t vm, const rs_action *action,
                  const char *text, uint32_t size);

/* The unit of this slot said that it is over. */
void rs_lua_ended(rs_runner *runner, uint32_t slot, rs_event event);

/* Its runner could not make that VM: the start of the worker whose own it is failed.
** False: it is no worker's own. */
bool rs_lua_no_vm(rs_runner *runner, uint32_t id, const char *why);

/* What was waited for came in time. */
void rs_lua_stop_timer(rs_runner *runner);

/* A plan that no unit uses: the runners may forget it. */
void rs_lua_drop_plan(rs_engine *engine, uint32_t plan);

/* Answers RS_DO_LOOK and RS_DO_LOOK_VM (look.c). */
void rs_look(rs_engine *engine, const rs_action *action);
void rs_look_vm(rs_engine *engine, const rs_action *action);

/* ---- custom.c ---- */
void rs_custom_start(rs_engine *engine, const rs_action *action);
void rs_custom_free(rs_custom *custom);

/* It is described elsewhere now, and so is its backend. */
void rs_custom_patch(rs_unit *unit, const rs_action *action);

/* It was told to call the unit's `kill`, and has a while for that. */
void rs_custom_kill(rs_unit *unit);

/* Its status or its handle. */
void rs_custom_tells(rs_engine *engine, uint32_t unit, uint32_t kind, const char *text,
                     uint32_t size);

/* What it last said of itself; NULL for NULL. */
const rs_bytes *rs_custom_status(const rs_custom *custom);

/* The runner of a backend has died: its units go on in another. */
void rs_custom_lost(rs_runner *runner);

#endif
