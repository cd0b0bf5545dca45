/* The rest of runsmith.host: numbers, texts and sizes that Lua and C share. */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "../core/core.h"
#include "../shm/ring.h"
#include "embed.h"
#include "state.h"

rs_state_run rs_state_asked;

typedef struct named {
  const char *name;
  double value;
} named;

#define UP(name)                                                                       \
  { #name, RS_UP_##name }
#define DOWN(name)                                                                     \
  { #name, RS_DOWN_##name }
#define WHY(name)                                                                      \
  { #name, RS_WHY_##name }
#define SIZE(name)                                                                     \
  { #name, sizeof(name) }

static const named ups[] = {
  UP(BEGIN), UP(ENTER),   UP(EXIT),   UP(LOG),    UP(OUTPUT),  UP(DROPPED),
  UP(RUNS),  UP(READY),   UP(STATUS), UP(HANDLE), UP(GONE),    UP(REPLY),
  UP(LOOK),  UP(VERDICT), UP(LINES),  UP(TAKEN),  UP(CHANNEL), {NULL, 0}};

static const named downs[] = {
  DOWN(START),     DOWN(ASK),   DOWN(END),  DOWN(EMIT),    DOWN(KILL), DOWN(CLOSE),
  DOWN(DROP_PLAN), DOWN(EVAL),  DOWN(PLAN), DOWN(STATE),   DOWN(UNIT), DOWN(PATCH),
  DOWN(LINE),      DOWN(ENTRY), DOWN(DATA), DOWN(CHANNEL), {NULL, 0}};

static const named whys[] = {WHY(OK),         WHY(ERROR),  WHY(EXCEPTION),
                             WHY(SIGNAL),     WHY(LAUNCH), WHY(INTERRUPTED),
                             WHY(COLLATERAL), WHY(PRE),    WHY(CHILDREN),
                             WHY(KILLED),     {NULL, 0}};

static const named sizes[] = {SIZE(rs_ref),          SIZE(rs_table),
                              SIZE(rs_plan),         SIZE(rs_plan_unit),
                              SIZE(rs_plan_spec),    SIZE(rs_plan_life),
                              SIZE(rs_plan_state),   SIZE(rs_plan_edge),
                              SIZE(rs_plan_exec),    SIZE(rs_plan_module),
                              SIZE(rs_plan_backend), SIZE(rs_plan_probe),
                              SIZE(rs_plan_channel), SIZE(rs_channel_use),
                              SIZE(rs_channel_item), {NULL, 0}};

static void add_names(lua_State *L, const char *field, const named *names) {
  lua_newtable(L);
  for (; names->name; names++) {
    lua_pushnumber(L, names->value);
    lua_setfield(L, -2, names->name);
  }
  lua_setfield(L, -2, field);
}

static void push_embedded(lua_State *L, const rs_embedded *embedded) {
  lua_pushlstring(L, (const char *)embedded->bytes, embedded->size);
}

static int mishap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "runsmith.mishap");
  return 0;
}

static char *text_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  const char *text = lua_tostring(L, -1);
  char *copy = text ? strdup(text) : NULL;
  lua_pop(L, 1);
  return copy;
}

static double number_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

/* Remembers what to run; main runs it when Lua is gone. */
static int run(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  char *log = text_field(L, "log");
  rs_state_asked = (rs_state_run){.file = text_field(L, "file"),
                                  .socket = text_field(L, "socket"),
                                  .journal = text_field(L, "journal"),
                                  .json = log && strcmp(log, "json") == 0,
                                  .eval_time = number_field(L, "eval_time"),
                                  .eval_memory = number_field(L, "eval_memory"),
                                  .asked = true};
  lua_getfield(L, 1, "watch");
  rs_state_asked.watch = lua_toboolean(L, -1);
  lua_pop(L, 1);
  free(log);
  if (!rs_state_asked.file) return luaL_error(L, "run: no file");
  return 0;
}

int rs_state_open_host(lua_State *L) {
  lua_newtable(L);
  rs_state_bind(L);
  lua_pushcfunction(L, mishap);
  lua_setfield(L, -2, "mishap");
  lua_pushcfunction(L, run);
  lua_setfield(L, -2, "run");
  add_names(L, "up", ups);
  add_names(L, "down", downs);
  add_names(L, "why", whys);
  add_names(L, "layout", sizes);
  push_embedded(L, &rs_embed_abi);
  lua_setfield(L, -2, "abi_text");
  lua_pushnumber(L, RS_TEXT_MAX);
  lua_setfield(L, -2, "text_max");
  return 1;
}
