/* state.h -- a Lua state of this program: standard libraries, what is built in, luv.
**
** Layer    runner; main uses it for the command line.
** Owner    the caller closes it.
** Thread   the one that uses the state.
** Limits   none.
** Tested   spec/c/runner_vm.c, and by every command. */
#ifndef RS_STATE_H
#define RS_STATE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* A state whose `require` looks among the built-in modules first; NULL: no memory. With
** a `loop`, `require 'luv'` uses it, which need not be initialised yet; without, luv
** makes one of its own. */
lua_State *rs_state_new(uv_loop_t *loop);

/* Requires a module, leaves its value on the stack: 0. Or -1, and the error's text. */
int rs_state_require(lua_State *L, const char *name);

/* lua_pcall with a traceback: the results, or -1 and the error's text on the stack. */
int rs_state_call(lua_State *L, int args, int results);

/* What `require('runsmith.host').run{...}` was told, for main. */
typedef struct rs_state_run {
  char *file, *socket, *journal; /* malloc'd; NULL: not given */
  bool json, watch, asked;       /* asked: it was called */
  double eval_time, eval_memory; /* 0: not given */
} rs_state_run;

extern rs_state_run rs_state_asked;

/* The C part of `runsmith.host` (bind.c, hostlib.c): fills the table on the stack's
** top. */
void rs_state_bind(lua_State *L);
int rs_state_open_host(lua_State *L);

/* The modules runsmith.http and runsmith.tls (http_bind.c, tls_bind.c), which std has
** its wire formats from. */
int rs_http_open(lua_State *L);
int rs_tls_open(lua_State *L);

#endif
