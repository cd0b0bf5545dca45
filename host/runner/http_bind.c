/* runsmith.http: rs_http for Lua. C calls nothing back: Lua asks for the next event.
**
**   http.parser('request' | 'response', head_max, fields_max)  → parser
**   parser:next([bytes])  takes bytes, then gives the next event:
**       nil                                        what has come is not enough
**       'head', method, target, minor, keep_alive, length, headers     of a request
**       'head', status, reason, minor, keep_alive, length, headers     of a response
**       'body', bytes
**       'end'                                      of a message that has a body
**       false, status, why                         it is refused
**   parser:bodiless()     the next response has no body: it answers a HEAD
**   parser:close()        no more comes: was that the body's end?
**   parser:pending()      bytes that were taken and not given yet
** length: bytes, -1 chunked, -2 until the connection's end. */
#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "http.h"
#include "state.h"

enum { HEAD = 1, BODY, END, COOKIE }; /* upvalues of parser:next */

static const char *const type = "runsmith.http";

static rs_http *http_at(lua_State *L) { return luaL_checkudata(L, 1, type); }

static int new_parser(lua_State *L) {
  static const char *const kinds[] = {"request", "response", NULL};
  bool is_response = luaL_checkoption(L, 1, NULL, kinds) == 1;
  lua_Integer head = luaL_checkinteger(L, 2), fields = luaL_checkinteger(L, 3);
  luaL_argcheck(L, head > 0 && head <= 1 << 24, 2, "out of range");
  luaL_argcheck(L, fields > 0 && fields <= RS_HTTP_FIELDS_MAX, 3, "out of range");
  rs_http *http = lua_newuserdata(L, sizeof *http);
  rs_http_init(http, is_response, (uint32_t)head, (uint32_t)fields);
  luaL_getmetatable(L, type);
  lua_setmetatable(L, -2);
  return 1;
}

static void push_name(lua_State *L, rs_span name) {
  char lower[64];
  if (name.size > sizeof lower) { /* nobody's; as it is */
    lua_pushlstring(L, name.at, name.size);
    return;
  }
  for (size_t i = 0; i < name.size; i++)
    lower[i] = (char)tolower((unsigned char)name.at[i]);
  lua_pushlstring(L, lower, name.size);
}

/* Name → value. Fields of one name are one, as a list: cookies a line each. */
static void push_fields(lua_State *L, const rs_http_head *head) {
  lua_createtable(L, 0, (int)head->count);
  for (uint32_t i = 0; i < head->count; i++) {
    const rs_http_field *field = &head->field[i];
    push_name(L, field->name);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      lua_pushlstring(L, field->value.at, field->value.size);
    } else {
      bool is_cookie = lua_rawequal(L, -2, lua_upvalueindex(COOKIE));
      lua_pushstring(L, is_cookie ? "\n" : ", ");
      lua_pushlstring(L, field->value.at, field->value.size);
      lua_concat(L, 3);
    }
    lua_rawset(L, -3);
  }
}

static int give_head(lua_State *L, const rs_http *http, const rs_http_head *head) {
  lua_pushvalue(L, lua_upvalueindex(HEAD));
  if (http->is_response) lua_pushinteger(L, head->status);
  else lua_pushstring(L, head->method);
  lua_pushlstring(L, head->target.at, head->target.size);
  lua_pushinteger(L, head->minor);
  lua_pushboolean(L, head->keep_alive);
  lua_pushnumber(L, (lua_Number)head->length);
  push_fields(L, head);
  return 7;
}

static int next(lua_State *L) {
  rs_http *http = http_at(L);
  if (!lua_isnoneornil(L, 2)) {
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    if (!rs_http_feed(http, bytes, size)) return luaL_error(L, "no memory");
  }
  rs_http_head head;
  switch (rs_http_next(http, &head)) {
  case RS_HTTP_MORE: return 0;
  case RS_HTTP_HEAD: return give_head(L, http, &head);
  case RS_HTTP_BODY:
    lua_pushvalue(L, lua_upvalueindex(BODY));
    lua_pushlstring(L, http->body.at, http->body.size);
    return 2;
  case RS_HTTP_END: lua_pushvalue(L, lua_upvalueindex(END)); return 1;
  default:
    lua_pushboolean(L, false);
    lua_pushinteger(L, http->status);
    lua_pushstring(L, http->why);
    return 3;
  }
}

static int bodiless(lua_State *L) {
  http_at(L)->bodiless = true;
  return 0;
}

static int close_parser(lua_State *L) {
  lua_pushboolean(L, rs_http_close(http_at(L)));
  return 1;
}

static int pending(lua_State *L) {
  const rs_http *http = http_at(L);
  lua_pushnumber(L, (lua_Number)(http->end - http->at));
  return 1;
}

static int collect(lua_State *L) {
  rs_http_free(http_at(L));
  return 0;
}

static void add_methods(lua_State *L) {
  static const luaL_Reg methods[] = {{"bodiless", bodiless},
                                     {"close", close_parser},
                                     {"pending", pending},
                                     {"__gc", collect},
                                     {NULL, NULL}};
  for (const luaL_Reg *f = methods; f->name; f++) {
    lua_pushcfunction(L, f->func);
    lua_setfield(L, -2, f->name);
  }
  lua_pushliteral(L, "head");
  lua_pushliteral(L, "body");
  lua_pushliteral(L, "end");
  lua_pushliteral(L, "set-cookie");
  lua_pushcclosure(L, next, COOKIE);
  lua_setfield(L, -2, "next");
}

int rs_http_open(lua_State *L) {
  if (luaL_newmetatable(L, type)) {
    add_methods(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushcfunction(L, new_parser);
  lua_setfield(L, -2, "parser");
  return 1;
}
