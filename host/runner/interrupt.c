/* How to stop Lua that does not come back.
**
** A hook that lua_sethook sets stops interpreted code at its next instruction, but code
** that LuaJIT compiled does not look at hooks. It looks at the profiler's mark, at each
** line and in each loop, if it was compiled while the profiler's mode was "l". A
** process has one profiler. So:
**
** - `keeper_state`, which runs nothing, owns it with an interval that never comes. A
**   VM's luaJIT_profile_start(L, "l") at birth finds it taken and changes its mode
**   alone.
** - To attack, the keeper hands the profiler to the victim and sends our signal, again
**   and again. The handler, on the victim's thread, sets the hook and raises SIGPROF,
**   whose handler, LuaJIT's, sets the mark. Ours comes first, since it is the one that
**   ends blocking system calls: LuaJIT's has them restarted.
** - The hook raises at every instruction, so no pcall outlasts it. Once the worker's
**   coroutine is dead, the VM's thread clears the hook and gives the profiler back.
**
** Who runs and whom the keeper wants meet in `aim`: the keeper stores `wanted`, then
** reads `running`; the VM's thread stores `running`, then reads `wanted`. One of them
** sees the other, so the profiler is never left with a VM that has gone on. */
#define _GNU_SOURCE
#include "interrupt.h"

#include <lauxlib.h>
#include <luajit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t profiler_lock = PTHREAD_MUTEX_INITIALIZER;
static lua_State *keeper_state; /* owns the profiler when nobody is attacked */
/* Who has it; NULL: keeper_state. Changed under the lock, away from a VM by that
** alone. */
static _Atomic(const rs_machine *) profiler_at;
static const char NEVER_TICKS[] = "i1000000000";

typedef struct attack {
  rs_machine *vm;
  uint64_t turn;
  rs_time until;
} attack;

static attack attacks[RS_ATTACKS_MAX];
static uint32_t attack_count;

static int our_signal(void) { return SIGRTMIN + 7; }

/* LuaJIT asks for a callback; the mark alone is what counts. */
static void unused_sample(void *data, lua_State *L, int samples, int state) {
  (void)data, (void)L, (void)samples, (void)state;
}

static void capture(rs_aim *aim, lua_State *L) {
  luaL_traceback(L, L, NULL, 0);
  size_t len;
  const char *trace = lua_tolstring(L, -1, &len);
  if (len >= sizeof aim->trace) len = sizeof aim->trace - 1;
  memcpy(aim->trace, trace, len);
  aim->trace[len] = '\0';
  lua_pop(L, 1);
}

static void strike_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  rs_aim *aim = &rs_machine_self()->aim;
  if (!aim->fired) {
    aim->fired = 1;
    capture(aim, L);
  }
  lua_pushliteral(L, "interrupted");
  lua_error(L);
}

/* May be called in a signal handler, which is how LuaJIT documents lua_sethook. */
static void set_hook(rs_machine *vm) {
  atomic_store(&vm->aim.hooked, 1);
  int all = LUA_MASKCOUNT | LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE;
  lua_sethook(vm->L, strike_hook, all, 1);
}

static void clear_hook(rs_machine *vm) {
  atomic_store(&vm->aim.hooked, 0);
  lua_sethook(vm->L, NULL, 0, 0);
}

/* The resume that is to be interrupted runs, and in no section that defers it. */
static bool is_due(const rs_machine *vm) {
  uint64_t wanted = atomic_load(&vm->aim.wanted);
  return wanted != 0 && wanted == atomic_load(&vm->aim.running) &&
         atomic_load(&vm->page->section) == 0;
}

static void on_signal(int number) {
  (void)number;
  rs_machine *vm = rs_machine_self();
  if (!vm || !vm->page || !is_due(vm)) return;
  set_hook(vm);
  if (atomic_load(&profiler_at) == vm) pthread_kill(vm->thread, SIGPROF);
}

void rs_interrupt_init(void) {
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGPROF, &ignore, NULL); /* what LuaJIT puts back between two owners */
  struct sigaction ours = {.sa_handler = on_signal}; /* no SA_RESTART: breaks reads */
  sigaction(our_signal(), &ours, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, our_signal());
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_BLOCK, &set, NULL); /* the keeper's and, until birth, a VM's */
  keeper_state = luaL_newstate();
  if (!keeper_state) {
    fputs("runsmith: no memory for the profiler's owner\n", stderr);
    _exit(70);
  }
  luaJIT_profile_start(keeper_state, NEVER_TICKS, unused_sample, NULL);
}

/* Under the lock, on the thread of `vm`, which runs no Lua: compiled code of before is
** dropped, since it has no checks. */
static void switch_checks_on(rs_machine *vm) {
  luaJIT_profile_start(vm->L, "l", unused_sample, NULL);
}

void rs_interrupt_birth(rs_machine *vm) {
  pthread_mutex_lock(&profiler_lock);
  switch_checks_on(vm);
  pthread_mutex_unlock(&profiler_lock);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, our_signal());
  sigaddset(&set, SIGPROF);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void rs_interrupt_begin(rs_machine *vm, uint32_t slot, uint32_t inc, rs_time until) {
  uint64_t turn = atomic_load(&vm->aim.running);
  if (turn == 0 || atomic_load(&vm->aim.slot) != slot) return;
  if (atomic_load(&vm->aim.inc) != inc) return;
  if (atomic_load(&vm->aim.running) != turn) return; /* what was read is of another */
  rs_interrupt_turn(vm, turn, until);
}

void rs_interrupt_turn(rs_machine *vm, uint64_t turn, rs_time until) {
  uint32_t i = 0;
  while (i < attack_count && attacks[i].vm != vm) i++;
  if (i == RS_ATTACKS_MAX) return; /* the engine's next rung ends it */
  if (i == attack_count) attack_count++;
  attacks[i] = (attack){vm, turn, until};
}

/* Under the lock. Of several VMs one has the profiler, the others' compiled code
** waits. */
static void strike(const attack *a) {
  rs_machine *vm = a->vm;
  if (!atomic_load(&profiler_at)) {
    luaJIT_profile_stop(keeper_state);
    luaJIT_profile_start(vm->L, NEVER_TICKS, unused_sample, NULL);
    atomic_store(&profiler_at, vm);
  }
  pthread_kill(vm->thread, our_signal());
}

/* Under the lock. False: its resume is over, or it has had its time. */
static bool goes_on(const attack *a, rs_time now) {
  rs_aim *aim = &a->vm->aim;
  uint64_t before = atomic_exchange(&aim->wanted, a->turn);
  if (atomic_load(&aim->running) == a->turn) return now < a->until;
  /* Ours to take back, unless an earlier strike is still to be settled by its
  ** thread. */
  if (atomic_load(&profiler_at) != a->vm) atomic_store(&aim->wanted, 0);
  else atomic_store(&aim->wanted, before ? before : a->turn);
  return false;
}

bool rs_interrupt_strike(rs_time now) {
  for (uint32_t i = 0; i < attack_count;) {
    pthread_mutex_lock(&profiler_lock);
    bool on = goes_on(&attacks[i], now);
    if (on) strike(&attacks[i]);
    pthread_mutex_unlock(&profiler_lock);
    if (on) i++;
    else attacks[i] = attacks[--attack_count];
  }
  return attack_count > 0;
}

void rs_interrupt_forget(const rs_machine *vm) {
  for (uint32_t i = 0; i < attack_count; i++)
    if (attacks[i].vm == vm) attacks[i--] = attacks[--attack_count];
}

/* After a resume that was wanted. A signal that comes late finds nothing due. */
static void give_back(rs_machine *vm) {
  pthread_mutex_lock(&profiler_lock);
  if (atomic_load(&profiler_at) == vm) {
    luaJIT_profile_stop(vm->L);
    luaJIT_profile_start(keeper_state, NEVER_TICKS, unused_sample, NULL);
    atomic_store(&profiler_at, NULL);
    switch_checks_on(vm);
  }
  atomic_store(&vm->aim.wanted, 0);
  pthread_mutex_unlock(&profiler_lock);
}

int rs_interrupt_resume(rs_machine *vm, lua_State *co, int args) {
  rs_aim *aim = &vm->aim;
  int status;
  aim->fired = 0;
  if (vm->current->armed) {
    vm->current->armed = false;
    aim->trace[0] = '\0';
    set_hook(vm);
  }
  do {
    atomic_store(&aim->running, vm->turn);
    status = lua_resume(co, args);
    atomic_store(&aim->running, 0);
    if (status == LUA_YIELD && atomic_load(&aim->hooked)) lua_settop(co, 0);
    args = 0;
  } while (status == LUA_YIELD && atomic_load(&aim->hooked));
  if (atomic_load(&aim->hooked)) clear_hook(vm);
  if (atomic_load(&aim->wanted) != 0) give_back(vm);
  return status;
}

void rs_interrupt_enter(rs_machine *vm, lua_State *L) {
  atomic_fetch_add(&vm->page->section, 1);
  if (!atomic_load(&vm->aim.hooked)) return;
  atomic_fetch_sub(&vm->page->section, 1);
  strike_hook(L, NULL);
}

void rs_interrupt_leave(rs_machine *vm) {
  if (atomic_load(&vm->page->section) == 0) return;
  atomic_fetch_sub(&vm->page->section, 1);
  if (is_due(vm)) set_hook(vm);
}
