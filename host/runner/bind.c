/* runsmith.host: what a VM's Lua asks of C. Values cross by the C API alone; nothing is
** owned here while an error may be raised. */
#include <lauxlib.h>
#include <string.h>

#include "given.h"
#include "interrupt.h"
#include "limit.h"
#include "runner.h"
#include "state.h"

enum { YIELD = 1, DONE, ERROR, INTERRUPTED }; /* upvalues of host.resume */

static rs_machine *here(lua_State *L) {
  rs_machine *vm = rs_machine_self();
  if (!vm) luaL_error(L, "only the thread of a VM can do that");
  return vm;
}

static rs_task *task_at(lua_State *L, const rs_machine *vm, int arg) {
  lua_Number id = luaL_checknumber(L, arg);
  rs_task *task = NULL;
  if (id >= 1 && id <= RS_TASKS_MAX) task = rs_task_find(&vm->tasks, (uint32_t)id - 1);
  if (!task) luaL_argerror(L, arg, "no open task has this id");
  return task;
}

static uint32_t number_at(lua_State *L, int arg) {
  lua_Number value = luaL_optnumber(L, arg, 0);
  if (!(value >= 0 && value <= UINT32_MAX)) luaL_argerror(L, arg, "not a uint32");
  return (uint32_t)value;
}

/* The next that is for Lua. In a runner that could not take its place, nothing is. */
static int take(rs_machine *vm, rs_record *record) {
  for (;;) {
    int came = rs_ring_take(&vm->down, record, vm->text);
    if (came <= 0) return came;
    if (rs_ring_wanted(&vm->down)) rs_machine_tell(vm);
    if (record->kind == RS_DOWN_PLACE) rs_place_take(vm, record, vm->text);
    else if (atomic_load(&vm->runner->place.stage) != RS_UNFIT) return 1;
  }
}

static int receive(lua_State *L) {
  rs_machine *vm = here(L);
  rs_record record;
  int came = take(vm, &record);
  if (came < 0) luaL_error(L, "the ring from the engine is damaged");
  if (came <= 0) return 0;
  lua_pushnumber(L, record.kind);
  lua_pushnumber(L, record.slot);
  lua_pushnumber(L, record.inc);
  lua_pushnumber(L, record.a);
  lua_pushnumber(L, record.b);
  lua_pushlstring(L, vm->text, record.size);
  return 6;
}

static int open_task(lua_State *L) {
  rs_machine *vm = here(L);
  uint32_t id = number_at(L, 1);
  uint32_t inc = number_at(L, 2);
  rs_slot *slot =
    rs_runner_await_slot(vm->runner, id) ? rs_runner_slot(vm->runner, id) : NULL;
  if (!slot) return luaL_argerror(L, 1, "no such slot");
  rs_task *task = lua_toboolean(L, 3) ? rs_task_join(&vm->tasks, vm->page, slot)
                                      : rs_task_open(&vm->tasks, vm->page, slot);
  if (!task) return luaL_error(L, "no room for another task");
  task->slot_id = id;
  task->inc = inc;
  lua_pushnumber(L, task->id + 1);
  return 1;
}

static int close_task(lua_State *L) {
  rs_machine *vm = here(L);
  rs_task *task = task_at(L, vm, 1);
  if (task == vm->current) return luaL_error(L, "it runs");
  rs_task_close(&vm->tasks, task);
  return 0;
}

static int pointer(lua_State *L) {
  lua_pushlightuserdata(L, task_at(L, here(L), 1));
  return 1;
}

static int stopping(lua_State *L) {
  rs_slot *slot = task_at(L, here(L), 1)->slot;
  uint32_t how = atomic_load_explicit(&slot->stopping, memory_order_relaxed);
  lua_pushboolean(L, how != RS_STOP_NONE);
  lua_pushboolean(L, how == RS_STOP_LEAVE);
  return 2;
}

static int beat(lua_State *L) {
  lua_pushboolean(L, rs_task_beat(task_at(L, here(L), 1)));
  return 1;
}

static const char *text_at(lua_State *co, int index) {
  int type = lua_type(co, index);
  return type == LUA_TSTRING || type == LUA_TNUMBER ? lua_tostring(co, index) : NULL;
}

/* A table's field, without asking a metatable. It stays on the stack. */
static const char *field(lua_State *co, int table, const char *name) {
  lua_pushstring(co, name);
  lua_rawget(co, table);
  return text_at(co, lua_gettop(co));
}

/* An error value as text, without running anything of the worker's: a table's `code`
** and `message`, which std's errors have and many others. */
static void push_message(lua_State *L, lua_State *co) {
  int top = lua_gettop(co);
  bool is_table = lua_istable(co, top) && lua_checkstack(co, 4);
  const char *code = is_table ? field(co, top, "code") : NULL;
  const char *message = is_table ? field(co, top, "message") : NULL;
  if (lua_type(co, top) == LUA_TSTRING) {
    size_t len;
    const char *text = lua_tolstring(co, top, &len);
    lua_pushlstring(L, text, len);
  } else if (code && message) lua_pushfstring(L, "%s: %s", code, message);
  else if (message) lua_pushstring(L, message);
  else if (code) lua_pushfstring(L, "an error that is a table with code %s", code);
  else if (lua_isnumber(co, top)) lua_pushstring(L, lua_tostring(co, top));
  else if (lua_isnil(co, top)) lua_pushliteral(L, "an error that is nil");
  else lua_pushfstring(L, "an error that is a %s", luaL_typename(co, top));
}

static int report(lua_State *L, rs_machine *vm, lua_State *co, int status) {
  if (vm->aim.fired) {
    lua_pushvalue(L, lua_upvalueindex(INTERRUPTED));
    lua_pushstring(L, vm->aim.trace);
    return 2;
  }
  if (status != 0 && status != LUA_YIELD) {
    lua_pushvalue(L, lua_upvalueindex(ERROR));
    push_message(L, co);
    luaL_traceback(L, co, NULL, 0);
    return 3;
  }
  int results = lua_gettop(co);
  luaL_checkstack(L, results + 1, "too many results");
  lua_pushvalue(L, lua_upvalueindex(status == 0 ? DONE : YIELD));
  lua_xmove(co, L, results);
  return results + 1;
}

/* `since` before `slot`, and `busy` before `slot` again at the end: who reads in
** between counts a turn's time twice rather than not at all, which delays a
** judgement. */
static rs_time begin(rs_machine *vm, rs_task *task) {
  rs_vm *page = vm->page;
  rs_machine_wake(vm);
  rs_time now = rs_clock();
  vm->current = task;
  vm->turn++;
  atomic_store_explicit(&task->slot->stalled_from, now, memory_order_relaxed);
  atomic_store_explicit(&page->since, now, memory_order_relaxed);
  atomic_store_explicit(&page->resume, vm->turn, memory_order_relaxed);
  atomic_store_explicit(&page->slot, task->slot_id, memory_order_release);
  atomic_store_explicit(&vm->aim.slot, task->slot_id, memory_order_relaxed);
  atomic_store_explicit(&vm->aim.inc, task->inc, memory_order_relaxed);
  return now;
}

static void add(_Atomic int64_t *sum, rs_time span) {
  int64_t now = atomic_load_explicit(sum, memory_order_relaxed) + span;
  atomic_store_explicit(sum, now, memory_order_relaxed);
}

static void end(rs_machine *vm, rs_task *task, rs_time from) {
  rs_time now = rs_clock(), span = now - from - rs_jam_within(&vm->jam, from, now);
  add(&vm->page->busy, span);
  add(&task->slot->own, span);
  atomic_store_explicit(&vm->page->slot, RS_NONE, memory_order_release);
  atomic_store_explicit(&vm->page->section, 0, memory_order_relaxed);
  vm->current = NULL;
}

static int resume(lua_State *L) {
  rs_machine *vm = here(L);
  rs_task *task = task_at(L, vm, 1);
  lua_State *co = lua_tothread(L, 2);
  if (!co) return luaL_typerror(L, 2, "coroutine");
  if (vm->current) return luaL_error(L, "a worker runs already");
  if (lua_status(co) > LUA_YIELD || (lua_status(co) == 0 && lua_gettop(co) == 0))
    return luaL_argerror(L, 2, "the coroutine is dead");
  int args = lua_gettop(L) - 2;
  if (!lua_checkstack(co, args)) return luaL_error(L, "too many arguments");
  lua_xmove(L, co, args);
  const rs_time limit = vm->limit;
  vm->limit = 0;
  if (limit != 0) rs_limit_begin(vm, limit);
  rs_time from = begin(vm, task);
  int status = rs_interrupt_resume(vm, co, args);
  end(vm, task, from);
  if (limit != 0) rs_limit_end(vm);
  return report(L, vm, co, status);
}

static int arm(lua_State *L) {
  task_at(L, here(L), 1)->armed = true;
  return 0;
}

static int put(lua_State *L) {
  rs_machine *vm = here(L);
  rs_record record = {.kind = number_at(L, 1), .slot = RS_NONE};
  if (!lua_isnoneornil(L, 2)) {
    const rs_task *task = task_at(L, vm, 2);
    record.slot = task->slot_id;
    record.inc = task->inc;
  }
  record.a = number_at(L, 3);
  record.b = number_at(L, 4);
  record.at = rs_clock();
  size_t len;
  const char *text = luaL_optlstring(L, 5, "", &len);
  record.size = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len;
  if (rs_machine_put(vm, &record, text) != 0)
    return luaL_argerror(L, 5, "longer than host.text_max");
  return 0;
}

static int leave_data(lua_State *L) {
  size_t len;
  const rs_task *task = task_at(L, here(L), 1);
  const char *bytes = luaL_checklstring(L, 2, &len);
  int code = rs_given_leave(task, bytes, len);
  if (code != 0) return luaL_error(L, "%s", strerror(code));
  return 0;
}

static rs_time time_at(lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return RS_NEVER;
  lua_Number seconds = luaL_checknumber(L, arg);
  if (!(seconds < 9e9)) return RS_NEVER;
  return seconds > 0 ? (rs_time)(seconds * 1e9) : 0;
}

/* The next resume is interrupted after so many seconds. */
static int limit_next(lua_State *L) {
  rs_machine *vm = here(L);
  lua_Number seconds = luaL_checknumber(L, 1);
  vm->limit = seconds > 0 && seconds < 1e6 ? rs_clock() + (rs_time)(seconds * 1e9) : 0;
  return 0;
}

static int set_timer(lua_State *L) {
  rs_machine *vm = here(L);
  rs_task_timer(&vm->tasks, task_at(L, vm, 1), time_at(L, 2));
  return 0;
}

static int note(lua_State *L) {
  const rs_task *task = task_at(L, here(L), 1);
  atomic_store_explicit(&task->slot->next, time_at(L, 2), memory_order_relaxed);
  atomic_store_explicit(&task->slot->bad, number_at(L, 3), memory_order_relaxed);
  return 0;
}

static int expired(lua_State *L) {
  rs_machine *vm = here(L);
  rs_task *first = rs_task_first(&vm->tasks);
  if (!first || first->due > rs_clock()) return 0;
  rs_task_timer(&vm->tasks, first, RS_NEVER);
  lua_pushnumber(L, first->id + 1);
  return 1;
}

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)rs_clock() / 1e9);
  return 1;
}

static int running(lua_State *L) {
  const rs_task *task = here(L)->current;
  if (!task) return 0;
  lua_pushnumber(L, task->id + 1);
  return 1;
}

static int enter(lua_State *L) {
  rs_interrupt_enter(here(L), L);
  return 0;
}

static int leave(lua_State *L) {
  rs_interrupt_leave(here(L));
  return 0;
}

static int plan(lua_State *L) {
  size_t size = 0;
  const rs_plan *found = rs_held_hold(here(L), number_at(L, 1), &size);
  if (!found) return luaL_argerror(L, 1, "no such plan");
  lua_pushlightuserdata(L, (void *)(uintptr_t)found);
  lua_pushnumber(L, (lua_Number)size);
  return 2;
}

static int drop(lua_State *L) {
  rs_held_release(here(L), number_at(L, 1));
  return 0;
}

static int place(lua_State *L) {
  const rs_place *at = &here(L)->runner->place;
  lua_pushnumber(L, at->kind);
  lua_pushstring(L, at->path);
  return 2;
}

static int loop(lua_State *L) {
  rs_machine *vm = here(L);
  luaL_checktype(L, 1, LUA_TFUNCTION);
  for (;;) {
    lua_pushvalue(L, 1);
    lua_call(L, 0, 1);
    const char *next = lua_tostring(L, -1);
    bool again = next && strcmp(next, "again") == 0;
    bool ends = next && strcmp(next, "close") == 0;
    lua_pop(L, 1);
    if (ends) return 0;
    if (again) rs_machine_look(vm);
    else rs_machine_wait(vm);
  }
}

void rs_state_bind(lua_State *L) {
  static const luaL_Reg functions[] = {{"receive", receive},
                                       {"open", open_task},
                                       {"close", close_task},
                                       {"pointer", pointer},
                                       {"stopping", stopping},
                                       {"beat", beat},
                                       {"arm", arm},
                                       {"put", put},
                                       {"timer", set_timer},
                                       {"expired", expired},
                                       {"now", now},
                                       {"running", running},
                                       {"enter", enter},
                                       {"leave", leave},
                                       {"plan", plan},
                                       {"drop", drop},
                                       {"place", place},
                                       {"loop", loop},
                                       {"hand", leave_data},
                                       {"given", rs_given_get},
                                       {"limit", limit_next},
                                       {"note", note},
                                       {NULL, NULL}};
  for (const luaL_Reg *f = functions; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  lua_pushliteral(L, "yield");
  lua_pushliteral(L, "done");
  lua_pushliteral(L, "error");
  lua_pushliteral(L, "interrupted");
  lua_pushcclosure(L, resume, INTERRUPTED);
  lua_setfield(L, -2, "resume");
}
