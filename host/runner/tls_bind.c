/* runsmith.tls: rs_tls for Lua.
**
**   tls.context { server =, cert =, key =, ca =, insecure = }  → context; nil, why
**   context:session([peer])  → session; nil, why
**   session:handshake()      true; nil, 'want'; nil, why
**   session:feed(bytes)      what the peer sent
**   session:take()           what to send to the peer; nil: nothing
**   session:read()           bytes; nil, 'want' | 'closed' | why
**   session:write(bytes, from)   how many of them, from there on, were taken; nil, why
**   session:close()          says that this side ends; `take` has the words
** 'want': it can go on once the peer has sent more. */
#include <lauxlib.h>
#include <string.h>

#include "state.h"
#include "tls.h"

enum { WHY_MAX = 256, PART_MAX = 16384 };

static const char *const context_type = "runsmith.tls.context";
static const char *const session_type = "runsmith.tls.session";

static rs_tls *session_at(lua_State *L) {
  rs_tls *tls = luaL_checkudata(L, 1, session_type);
  if (!tls->ssl) luaL_argerror(L, 1, "it has ended");
  return tls;
}

static int failed(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

static int outcome(lua_State *L, int code, const char *why) {
  if (code == RS_TLS_WANT) return failed(L, "want");
  return failed(L, code == RS_TLS_CLOSED ? "closed" : why);
}

/* Stays on the stack, so that it stays where it is. */
static const char *text_field(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  return lua_tostring(L, -1);
}

static bool is_set(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  bool is = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is;
}

static int new_context(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  char why[WHY_MAX];
  rs_tls_options options = {.is_server = is_set(L, "server"),
                            .insecure = is_set(L, "insecure"),
                            .cert = text_field(L, "cert"),
                            .key = text_field(L, "key"),
                            .ca = text_field(L, "ca")};
  rs_tls_context **context = lua_newuserdata(L, sizeof(void *) * 2);
  context[0] = NULL;
  context[1] = options.is_server || options.insecure ? NULL : (void *)context;
  luaL_getmetatable(L, context_type);
  lua_setmetatable(L, -2);
  context[0] = rs_tls_context_new(&options, why, sizeof why);
  return context[0] ? 1 : failed(L, why);
}

static int free_context(lua_State *L) {
  rs_tls_context **context = luaL_checkudata(L, 1, context_type);
  if (context[0]) rs_tls_context_free(context[0]);
  context[0] = NULL;
  return 0;
}

static int new_session(lua_State *L) {
  rs_tls_context **context = luaL_checkudata(L, 1, context_type);
  const char *peer = luaL_optstring(L, 2, NULL);
  rs_tls *tls = lua_newuserdata(L, sizeof *tls);
  *tls = (rs_tls){0};
  luaL_getmetatable(L, session_type);
  lua_setmetatable(L, -2);
  if (rs_tls_begin(tls, context[0], peer, context[1] != NULL) == 0) return 1;
  return failed(L, "a TLS session cannot be made");
}

static int free_session(lua_State *L) {
  rs_tls_free(luaL_checkudata(L, 1, session_type));
  return 0;
}

static int handshake(lua_State *L) {
  char why[WHY_MAX];
  int code = rs_tls_handshake(session_at(L), why, sizeof why);
  if (code != 0) return outcome(L, code, why);
  lua_pushboolean(L, 1);
  return 1;
}

static int feed(lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  if (!rs_tls_feed(session_at(L), bytes, size)) return luaL_error(L, "no memory");
  return 0;
}

static int take(lua_State *L) {
  rs_tls *tls = session_at(L);
  char part[PART_MAX];
  size_t size = rs_tls_take(tls, part, sizeof part);
  if (size == 0) return 0;
  luaL_Buffer all;
  luaL_buffinit(L, &all);
  do luaL_addlstring(&all, part, size);
  while ((size = rs_tls_take(tls, part, sizeof part)) > 0);
  luaL_pushresult(&all);
  return 1;
}

static int read_plain(lua_State *L) {
  char why[WHY_MAX], part[PART_MAX];
  int size = rs_tls_read(session_at(L), part, sizeof part, why, sizeof why);
  if (size < 0) return outcome(L, size, why);
  lua_pushlstring(L, part, (size_t)size);
  return 1;
}

static int write_plain(lua_State *L) {
  rs_tls *tls = session_at(L);
  char why[WHY_MAX];
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  lua_Integer from = luaL_optinteger(L, 3, 1);
  luaL_argcheck(L, from >= 1 && (size_t)from <= size, 3, "out of range");
  size_t skip = (size_t)from - 1;
  int took = rs_tls_write(tls, bytes + skip, size - skip, why, sizeof why);
  if (took < 0) return outcome(L, took, why);
  lua_pushinteger(L, took);
  return 1;
}

static int close_session(lua_State *L) {
  rs_tls_close(session_at(L));
  return 0;
}

static void add_class(lua_State *L, const char *type, const luaL_Reg *methods) {
  if (luaL_newmetatable(L, type)) {
    for (; methods->name; methods++) {
      lua_pushcfunction(L, methods->func);
      lua_setfield(L, -2, methods->name);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

int rs_tls_open(lua_State *L) {
  static const luaL_Reg context[] = {
    {"session", new_session}, {"__gc", free_context}, {NULL, NULL}};
  static const luaL_Reg session[] = {{"handshake", handshake}, {"feed", feed},
                                     {"take", take},           {"read", read_plain},
                                     {"write", write_plain},   {"close", close_session},
                                     {"__gc", free_session},   {NULL, NULL}};
  add_class(L, context_type, context);
  add_class(L, session_type, session);
  lua_newtable(L);
  lua_pushcfunction(L, new_context);
  lua_setfield(L, -2, "context");
  return 1;
}
