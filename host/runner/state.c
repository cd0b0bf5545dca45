/* A searcher for what is built in stands before those for files, so that a program that
** lies about is never mixed with the Lua of another version. */
#include "state.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <luv/luv.h>
#include <stdio.h>
#include <string.h>

#include "embed.h"
#include "machine.h"

const rs_embedded *rs_embed_find(const char *name) {
  for (const rs_embedded *m = rs_embed_modules; m->name; m++)
    if (strcmp(m->name, name) == 0) return m;
  return NULL;
}

static int search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const rs_embedded *module = rs_embed_find(name);
  if (!module) {
    lua_pushfstring(L, "\n\tnothing built in is called '%s'", name);
    return 1;
  }
  const char *bytes = (const char *)module->bytes;
  if (luaL_loadbuffer(L, bytes, module->size, module->chunk) != 0) return lua_error(L);
  return 1;
}

/* package.loaders = { preload, ours, ... } */
static void add_searcher(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaders");
  for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

static int no_profiler(lua_State *L) {
  return luaL_error(L, "LuaJIT has one profiler, and the host needs it for interrupts");
}

static void preload(lua_State *L, const char *name, lua_CFunction open) {
  lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

/* What luv calls every callback with: an error in one must not end the process. It goes
** to the function that host.mishap was given. */
static int call_back(lua_State *L, int args, int results, int flags) {
  (void)flags;
  rs_machine *vm = rs_machine_self();
  if (vm) rs_machine_wake(vm);
  int below = lua_gettop(L) - args - 1;
  if (rs_state_call(L, args, results) == 0)
    return results == LUA_MULTRET ? lua_gettop(L) - below : results;
  lua_getfield(L, LUA_REGISTRYINDEX, "runsmith.mishap");
  lua_insert(L, -2);
  if (!lua_isfunction(L, -2) || rs_state_call(L, 1, 0) != 0)
    fprintf(stderr, "runsmith: %s\n", lua_tostring(L, -1));
  lua_settop(L, below);
  return -LUA_ERRRUN;
}

static int open_all(lua_State *L) {
  luaL_openlibs(L);
  add_searcher(L);
  preload(L, "luv", luaopen_luv);
  preload(L, "runsmith.host", rs_state_open_host);
  preload(L, "runsmith.http", rs_http_open);
  preload(L, "runsmith.tls", rs_tls_open);
  preload(L, "jit.profile", no_profiler);
  return 0;
}

lua_State *rs_state_new(uv_loop_t *loop) {
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  if (lua_cpcall(L, open_all, NULL) != 0) {
    lua_close(L);
    return NULL;
  }
  if (loop) {
    luv_set_loop(L, loop);
    luv_set_callback(L, call_back);
  }
  return L;
}

static int traceback(lua_State *L) {
  if (!lua_isstring(L, 1)) {
    if (!luaL_callmeta(L, 1, "__tostring"))
      lua_pushfstring(L, "an error that is a %s", luaL_typename(L, 1));
    lua_replace(L, 1);
  }
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

int rs_state_call(lua_State *L, int args, int results) {
  int func = lua_gettop(L) - args;
  lua_pushcfunction(L, traceback);
  lua_insert(L, func);
  int status = lua_pcall(L, args, results, func);
  lua_remove(L, func);
  return status == 0 ? 0 : -1;
}

int rs_state_require(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  return rs_state_call(L, 1, 1);
}
