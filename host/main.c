/* Every command is Lua but for what must be set up before Lua runs, or run without it:
** the limits of an evaluation, the fork server, and the host itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/engine.h"
#include "runner/forkserver.h"
#include "runner/state.h"
#include "witness/notice.h"
#include "witness/witness.h"

enum { OK = 0, FAILED = 1, USAGE = 2 };

enum { EVAL_LAST_FD = 4 }; /* the plan's, the mistakes' */

static const double EVAL_CPU = 5, EVAL_MEMORY = 1024.0 * 1024 * 1024;

/* Calls what `module` returns with a list of the arguments from `first` on; [0] is the
** program. What it returns is the exit status. */
static int run_lua(const char *module, int argc, char **argv, int first) {
  lua_State *L = rs_state_new(NULL);
  if (!L) {
    fputs("runsmith: no memory\n", stderr);
    return FAILED;
  }
  int status = FAILED;
  int code = rs_state_require(L, module);
  if (code == 0) {
    lua_createtable(L, argc, 1);
    lua_pushstring(L, argv[0]);
    lua_rawseti(L, -2, 0);
    for (int i = first; i < argc; i++) {
      lua_pushstring(L, argv[i]);
      lua_rawseti(L, -2, i - first + 1);
    }
    code = rs_state_call(L, 1, 1);
  }
  if (code != 0) fprintf(stderr, "runsmith: %s\n", lua_tostring(L, -1));
  else status = lua_isnil(L, -1) ? OK : (int)lua_tointeger(L, -1);
  lua_close(L);
  return status;
}

/* This program, for the processes that it starts anew: not by its path, where another
** version may lie by then. */
static const char *program(const char *fallback) {
  static const char self[] = "/proc/self/exe";
  return access(self, X_OK) == 0 ? self : fallback;
}

static int run_engine(void *ctx, const rs_witness_ends *ends) {
  rs_engine_options options = *(const rs_engine_options *)ctx;
  options.log_fd = ends->log_fd;
  options.witness_fd = ends->alive_fd;
  options.witness = ends->witness;
  options.notice = rs_notice_ask;
  return rs_engine_main(&options);
}

static int run_host(const char *self) {
  const rs_state_run *asked = &rs_state_asked;
  double cpu = asked->eval_time > 0 ? asked->eval_time : EVAL_CPU;
  double memory = asked->eval_memory > 0 ? asked->eval_memory : EVAL_MEMORY;
  rs_engine_options engine = {.tree = asked->file,
                              .journal = asked->journal,
                              .socket = asked->socket,
                              .program = program(self),
                              .watch = asked->watch,
                              .eval_cpu = cpu,
                              .eval_memory = (uint64_t)memory,
                              .forkserver = rs_forkserver_main};
  rs_witness_options witness = {.program = engine.program,
                                .json = asked->json,
                                .engine = run_engine,
                                .ctx = &engine};
  return rs_witness_main(&witness);
}

/* Where the host itself was started with less, that holds. */
static bool set_limit(__rlimit_resource_t resource, double soft, double hard) {
  struct rlimit had, both = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)hard};
  if (getrlimit(resource, &had) != 0) return false;
  if (both.rlim_max > had.rlim_max) both.rlim_max = had.rlim_max;
  if (both.rlim_cur > both.rlim_max) both.rlim_cur = both.rlim_max;
  return setrlimit(resource, &both) == 0;
}

/* __evaluate FILE --cpu SECONDS --memory BYTES: user code, so the limits come first. A
** second more than asked is the kernel's last word; what is asked raises SIGXCPU. What
** the script starts does not keep open what whoever evaluates it reads to the end. */
static int evaluate(int argc, char **argv) {
  double cpu = EVAL_CPU, memory = EVAL_MEMORY;
  for (int i = 2; i + 1 < argc; i++) {
    if (strcmp(argv[i], "--cpu") == 0) cpu = atof(argv[i + 1]);
    if (strcmp(argv[i], "--memory") == 0) memory = atof(argv[i + 1]);
  }
  if (!(cpu > 0 && memory > 0)) return USAGE;
  double seconds = (double)(long)(cpu + 0.999);
  bool set = set_limit(RLIMIT_CPU, seconds, seconds + 1);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  set = set && set_limit(RLIMIT_AS, memory, memory);
#endif
  if (!set) {
    fprintf(stderr, "runsmith: cannot limit an evaluation: %s\n", strerror(errno));
    return FAILED;
  }
  for (int fd = STDERR_FILENO + 1; fd <= EVAL_LAST_FD; fd++)
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  return run_lua("cli.evaluate", argc, argv, 2);
}

/* Descriptors 0, 1 and 2 are never anything else's, whoever starts this program with
** one of them closed. */
static void fill_descriptors(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) _exit(FAILED);
}

/* What a command printed and could not be written is no success. */
static int tell_unwritten(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "runsmith: cannot write: %s\n", strerror(errno));
  return status == OK ? FAILED : status;
}

int main(int argc, char **argv) {
  fill_descriptors();
  prctl(PR_SET_NAME, "runsmith"); /* it may have been exec'd as "exe" */
  const char *command = argc > 1 ? argv[1] : "";
  if (strcmp(command, "__forkserver") == 0) return rs_forkserver_main(RS_FORKSERVER_FD);
  if (strcmp(command, "__evaluate") == 0) return evaluate(argc, argv);
  if (strcmp(command, "__print") == 0) return run_lua("cli.print", argc, argv, 2);
  int status = run_lua("cli", argc, argv, 1);
  return rs_state_asked.asked ? run_host(argv[0]) : tell_unwritten(status);
}
