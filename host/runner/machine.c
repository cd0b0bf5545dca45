/* A VM's thread: its loop, and what it publishes. Before it waits it says so, and only
** then looks at its ring a last time: whoever puts something in afterwards sees that it
** waits, and rings. */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <luv/lhandle.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "interrupt.h"
#include "runner.h"
#include "state.h"

static _Thread_local rs_machine *self;

rs_machine *rs_machine_self(void) { return self; }

rs_machine *rs_machine_new(char *why, size_t size) {
  rs_machine *vm = calloc(1, sizeof *vm);
  if (vm) {
    rs_task_init(&vm->tasks);
    vm->bell = -1;
    vm->L = rs_state_new(&vm->loop);
  }
  if (vm && vm->L) return vm;
  free(vm);
  snprintf(why, size, "no memory for a Lua state");
  return NULL;
}

void rs_machine_free(rs_machine *vm) {
  rs_task_free(&vm->tasks);
  if (vm->bell >= 0) close(vm->bell);
  free(vm);
}

void rs_machine_place(rs_machine *vm, uint32_t id, int bell) {
  uint32_t index = id & ((1u << RS_SEGMENT_SHIFT) - 1);
  const rs_segment *seg = &vm->runner->segments[id >> RS_SEGMENT_SHIFT];
  vm->id = id;
  vm->bell = bell;
  fcntl(bell, F_SETFL, O_NONBLOCK); /* heard twice, it would block the loop */
  vm->page = &seg->vm[index];
  /* Where the VM that had this place before stopped writing and reading. */
  vm->up = rs_segment_up(seg, index);
  vm->up.mine = atomic_load(&vm->up.head->tail);
  vm->down = rs_segment_down(seg, index);
  vm->down.mine = atomic_load(&vm->down.head->head);
  vm->news = &seg->head->news[index / 64];
  vm->bit = (uint64_t)1 << index % 64;
}

static void ring(int bell) {
  const uint64_t one = 1;
  while (write(bell, &one, sizeof one) < 0 && errno == EINTR) continue;
}

void rs_machine_placed(rs_machine *vm) {
  if (!vm->placed) return;
  vm->placed = false;
  ring(vm->runner->wake);
}

/* The engine clears the bit after it has read its bell and before it reads the ring. */
void rs_machine_tell(rs_machine *vm) {
  if ((atomic_fetch_or(vm->news, vm->bit) & vm->bit) == 0) ring(vm->runner->bell);
  rs_machine_placed(vm);
}

static void silence(rs_machine *vm) {
  uint64_t rung;
  while (read(vm->bell, &rung, sizeof rung) < 0 && errno == EINTR) continue;
}

/* Blocks the thread until the engine has made room: this VM may say nothing else. */
static int put_waiting(rs_machine *vm, const rs_record *record, const void *text) {
  rs_time from = rs_clock();
  uint32_t before = atomic_load(&vm->page->state);
  atomic_store(&vm->page->full_since, from);
  atomic_store(&vm->page->state, RS_VM_FULL);
  int code;
  while ((code = rs_ring_put(&vm->up, record, text)) == -1) {
    struct pollfd wait = {.fd = vm->bell, .events = POLLIN};
    rs_machine_tell(vm);
    if (poll(&wait, 1, -1) > 0) silence(vm);
  }
  atomic_fetch_add(&vm->page->full, rs_clock() - from);
  atomic_store(&vm->page->full_since, 0);
  atomic_store(&vm->page->state, before);
  return code;
}

int rs_machine_put(rs_machine *vm, const rs_record *record, const void *text) {
  int code = rs_ring_put(&vm->up, record, text);
  if (code == -1) code = put_waiting(vm, record, text);
  if (code == 0) rs_machine_tell(vm);
  return code;
}

void rs_machine_wake(rs_machine *vm) {
  if (!vm->idle) return;
  vm->idle = false;
  rs_jam_woke(&vm->jam);
  atomic_store(&vm->page->state, RS_VM_RUNNING);
  if (atomic_load(&vm->page->missed) == 0) return;
  atomic_store(&vm->page->missed, 0);
  rs_record runs = {.kind = RS_UP_RUNS, .slot = RS_NONE, .at = rs_clock()};
  rs_machine_put(vm, &runs, NULL);
}

/* True: something has come into the ring since it was last found empty. */
static bool has_mail(const rs_machine *vm) {
  return atomic_load(&vm->down.head->tail) != vm->down.mine;
}

/* A turn of the loop runs timers before it waits, too: one that is due by then would be
** gone, and the wait without an end. */
static void on_timer(uv_timer_t *timer) { uv_stop(timer->loop); }

static void on_bell(uv_poll_t *poll_handle, int status, int events) {
  (void)status, (void)events;
  silence(poll_handle->data);
}

/* The loop counts whole milliseconds: rounded up, so that it never wakes too early. */
static void set_timer(rs_machine *vm) {
  const rs_task *first = rs_task_first(&vm->tasks);
  if (!first) {
    uv_timer_stop(&vm->timer);
    return;
  }
  rs_time left = first->due - rs_clock();
  if (left < 0) left = 0;
  uv_update_time(&vm->loop);
  uv_timer_start(&vm->timer, on_timer, (uint64_t)(left + RS_MS - 1) / RS_MS, 0);
}

void rs_machine_wait(rs_machine *vm) {
  if (has_mail(vm)) return;
  rs_machine_placed(vm);
  set_timer(vm);
  vm->idle = true;
  atomic_store(&vm->page->state, RS_VM_IDLE);
  if (!has_mail(vm)) uv_run(&vm->loop, UV_RUN_ONCE);
  rs_machine_wake(vm);
}

void rs_machine_look(rs_machine *vm) { uv_run(&vm->loop, UV_RUN_NOWAIT); }

/* luv's handles are closed by its own method, which lets go of what they refer to. */
static void close_handle(uv_handle_t *handle, void *machine) {
  rs_machine *vm = machine;
  if (uv_is_closing(handle)) return;
  if (handle == (uv_handle_t *)&vm->poll || handle == (uv_handle_t *)&vm->timer) {
    uv_close(handle, NULL);
    return;
  }
  lua_rawgeti(vm->L, LUA_REGISTRYINDEX, ((luv_handle_t *)handle->data)->ref);
  lua_getfield(vm->L, -1, "close");
  lua_insert(vm->L, -2);
  rs_state_call(vm->L, 1, 0);
  lua_settop(vm->L, 0);
}

/* The loop first, and what its thread pool still does: both refer to the Lua state. */
static void tear_down(rs_machine *vm) {
  lua_settop(vm->L, 0);
  do uv_walk(&vm->loop, close_handle, vm);
  while (uv_run(&vm->loop, UV_RUN_ONCE) != 0);
  lua_close(vm->L);
  uv_loop_close(&vm->loop);
  rs_held_release_all(vm);
  rs_fault_unstack();
  atomic_store(&vm->ended, true);
  ring(vm->runner->wake);
}

static void say_gone(rs_machine *vm) {
  rs_record gone = {.kind = RS_UP_GONE, .slot = RS_NONE, .at = rs_clock()};
  rs_machine_put(vm, &gone, NULL);
  atomic_store(&vm->page->state, RS_VM_GONE);
}

/* A host whose own Lua fails is not to be trusted with workers. */
static _Noreturn void give_up(const char *what) {
  fprintf(stderr, "runsmith: a VM cannot go on: %s\n", what ? what : "no memory");
  _exit(70);
}

int rs_machine_open(rs_machine *vm) {
  int code = uv_loop_init(&vm->loop);
  if (code != 0) return code;
  code = uv_poll_init(&vm->loop, &vm->poll, vm->bell);
  if (code != 0) {
    uv_loop_close(&vm->loop);
    return code;
  }
  vm->poll.data = vm;
  uv_timer_init(&vm->loop, &vm->timer);
  return uv_poll_start(&vm->poll, UV_READABLE, on_bell);
}

void rs_machine_close(rs_machine *vm) {
  uv_close((uv_handle_t *)&vm->poll, NULL);
  uv_close((uv_handle_t *)&vm->timer, NULL);
  uv_run(&vm->loop, UV_RUN_DEFAULT);
  uv_loop_close(&vm->loop);
}

static void set_up(rs_machine *vm) {
  char name[16];
  snprintf(name, sizeof name, "vm %u", vm->id & ((1u << RS_SEGMENT_SHIFT) - 1));
  prctl(PR_SET_NAME, name);
  rs_fault_stack();
  atomic_store(&vm->page->tid, (int32_t)syscall(SYS_gettid));
  atomic_store(&vm->page->slot, RS_NONE);
  atomic_store(&vm->page->state, RS_VM_RUNNING);
  rs_interrupt_birth(vm);
}

void *rs_machine_main(void *machine) {
  rs_machine *vm = machine;
  self = vm;
  set_up(vm);
  if (vm->id != 0) rs_place_await(vm->runner);
  lua_State *L = vm->L;
  if (rs_state_require(L, "runsmith.vm.schedule") != 0) give_up(lua_tostring(L, -1));
  lua_getfield(L, -1, "run");
  if (rs_state_call(L, 0, 0) != 0) give_up(lua_tostring(L, -1));
  say_gone(vm);
  tear_down(vm);
  return NULL;
}
