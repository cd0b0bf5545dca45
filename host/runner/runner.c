/* The keeper: a runner's first thread. It runs no Lua, so that whatever its VMs do, the
** engine is heard. */
#define _GNU_SOURCE
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fault.h"
#include "given.h"
#include "interrupt.h"
#include "limit.h"

enum { INDEX = (1 << RS_SEGMENT_SHIFT) - 1, STACK_SIZE = 1 << 20, WHY = 512 };

static rs_runner the_runner = {
  .ctl = -1,
  .bell = -1,
  .wake = -1,
  .lock = PTHREAD_MUTEX_INITIALIZER,
  .came = PTHREAD_COND_INITIALIZER,
  .place = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER}};
static rs_ctl_got got;

rs_slot *rs_runner_slot(const rs_runner *runner, uint32_t id) {
  uint32_t segment = id >> RS_SEGMENT_SHIFT;
  if (segment >= atomic_load(&runner->segment_count)) return NULL;
  const rs_segment *seg = &runner->segments[segment];
  return (id & INDEX) < seg->slots ? &seg->slot[id & INDEX] : NULL;
}

static rs_machine **place_of(const rs_runner *runner, uint32_t id) {
  uint32_t segment = id >> RS_SEGMENT_SHIFT;
  if (segment >= atomic_load(&runner->segment_count)) return NULL;
  if ((id & INDEX) >= runner->segments[segment].vms) return NULL;
  return &runner->machines[segment][id & INDEX];
}

rs_machine *rs_runner_machine(const rs_runner *runner, uint32_t id) {
  rs_machine **place = place_of(runner, id);
  return place ? *place : NULL;
}

/* The engine's next message says no more than that it failed; who is gone needs
** none. */
static void tell(const rs_runner *runner, uint32_t kind, uint32_t a, const char *text) {
  rs_ctl ctl = {.kind = kind, .a = a, .size = text ? (uint32_t)strlen(text) : 0};
  while (rs_ctl_send(runner->ctl, &ctl, text, NULL, 0) == -EAGAIN) {
    struct pollfd room = {.fd = runner->ctl, .events = POLLOUT};
    poll(&room, 1, -1);
  }
}

static void tell_failed(const rs_runner *runner, const rs_ctl *what, int code,
                        const char *text) {
  char sentence[2 * WHY];
  rs_ctl ctl = {
    .kind = RS_CTL_FAILED, .a = what->kind, .b = (uint32_t)code, .c = what->a};
  ctl.size =
    (uint32_t)snprintf(sentence, sizeof sentence, "%s: %s", text, strerror(code));
  rs_ctl_send(runner->ctl, &ctl, sentence, NULL, 0);
}

static int take_segment(rs_runner *runner, char *why) {
  uint32_t number = atomic_load(&runner->segment_count);
  snprintf(why, WHY, "cannot map segment %u", got.ctl.a);
  if (got.ctl.a != number || number == RS_SEGMENTS_MAX) return EINVAL;
  if (got.fd_count != (number == 0 ? 2 : 1)) return EBADF;
  runner->machines[number] = calloc(got.ctl.b, sizeof(rs_machine *));
  if (!runner->machines[number]) return ENOMEM;
  rs_segment *seg = &runner->segments[number];
  int code = rs_segment_map(seg, got.fds[0], got.ctl.b, got.ctl.c, (uint32_t)got.ctl.x,
                            (uint32_t)got.ctl.y);
  if (code != 0) {
    free(runner->machines[number]);
    return -code;
  }
  if (number == 0) {
    runner->bell = got.fds[1];
    got.fds[1] = -1; /* ours to keep */
    rs_fault_init(&seg->head->fault);
    rs_fault_stack();
  }
  pthread_mutex_lock(&runner->lock);
  atomic_store(&runner->segment_count, number + 1);
  pthread_cond_broadcast(&runner->came);
  pthread_mutex_unlock(&runner->lock);
  return 0;
}

static int take_output(char *why) {
  snprintf(why, WHY, "cannot take stdout and stderr");
  if (got.fd_count != 2) return EBADF;
  if (dup2(got.fds[0], STDOUT_FILENO) < 0) return errno;
  return dup2(got.fds[1], STDERR_FILENO) < 0 ? errno : 0;
}

static int take_vm(rs_runner *runner, char *why) {
  rs_machine **place = place_of(runner, got.ctl.a);
  snprintf(why, WHY, "cannot start VM %u", got.ctl.a);
  if (atomic_load(&runner->place.stage) == RS_UNFIT) return ECANCELED;
  if (!place || *place || got.fd_count != 1) return EINVAL;
  rs_machine *vm = runner->warm;
  runner->warm = NULL;
  if (!vm) vm = rs_machine_new(why, WHY);
  if (!vm) return ENOMEM;
  vm->runner = runner;
  rs_machine_place(vm, got.ctl.a, got.fds[0]);
  got.fds[0] = -1;
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, STACK_SIZE);
  int code = -rs_machine_open(vm);
  if (code == 0) {
    code = pthread_create(&vm->thread, &attr, rs_machine_main, vm);
    if (code != 0) rs_machine_close(vm);
  }
  pthread_attr_destroy(&attr);
  if (code == 0) {
    *place = vm;
    return 0;
  }
  lua_close(vm->L);
  rs_machine_free(vm);
  return code;
}

static void interrupt(const rs_runner *runner) {
  const rs_slot *slot = rs_runner_slot(runner, got.ctl.a);
  if (!slot) return;
  rs_machine *vm = rs_runner_machine(runner, atomic_load(&slot->vm));
  rs_time until = rs_clock() + (rs_time)got.ctl.y;
  if (!vm) return;
  rs_interrupt_begin(vm, got.ctl.a, got.ctl.b, until);
  if (vm->page) atomic_store(&vm->page->struck, rs_clock());
}

static int take_data(rs_runner *runner, char *why) {
  snprintf(why, WHY, "cannot take what a worker is to be given");
  if (got.fd_count != 1) return EBADF;
  int code = rs_given_take(runner, &got.ctl, got.fds[0]);
  if (code == 0) got.fds[0] = -1;
  return code;
}

static int obey(rs_runner *runner, char *why) {
  switch (got.ctl.kind) {
  case RS_CTL_SEGMENT: return take_segment(runner, why);
  case RS_CTL_PLAN:
    snprintf(why, WHY, "cannot map plan %u", got.ctl.a);
    if (got.fd_count != 1) return EBADF;
    return rs_held_take(runner, got.ctl.a, got.ctl.x, got.fds[0]);
  case RS_CTL_OUTPUT: return take_output(why);
  case RS_CTL_VM: return take_vm(runner, why);
  case RS_CTL_INTERRUPT: interrupt(runner); return 0;
  case RS_CTL_DATA: return take_data(runner, why);
  case RS_CTL_CHANNEL:
    snprintf(why, WHY, "cannot take channel %u", got.ctl.a);
    if (got.fd_count != (got.ctl.x ? 4 : 3)) return EBADF;
    rs_channels_take(runner, &got.ctl, got.fds, got.text);
    return 0;
  case RS_CTL_DROP_PLAN: rs_held_drop(runner, got.ctl.a); return 0;
  default: snprintf(why, WHY, "message %u is none", got.ctl.kind); return EPROTO;
  }
}

/* All that has come. A runner without an engine has nobody to live for. A message whose
** descriptors found no room here has come without them. */
static void hear(rs_runner *runner) {
  int came;
  while ((came = rs_ctl_receive(runner->ctl, &got)) == 1 || came == -EMFILE) {
    char why[WHY] = "";
    int code = obey(runner, why);
    if (came == -EMFILE) code = EMFILE;
    for (uint32_t i = 0; i < got.fd_count; i++)
      if (got.fds[i] >= 0) close(got.fds[i]);
    if (code != 0) tell_failed(runner, &got.ctl, code, why);
  }
  if (came != -EAGAIN) _exit(0);
}

/* VMs whose threads have ended, or are about to. */
static void bury(rs_runner *runner) {
  uint64_t count;
  ssize_t unused = read(runner->wake, &count, sizeof count);
  (void)unused;
  for (uint32_t s = 0; s < atomic_load(&runner->segment_count); s++)
    for (uint32_t i = 0; i < runner->segments[s].vms; i++) {
      rs_machine *vm = runner->machines[s][i];
      if (!vm || !atomic_load(&vm->ended)) continue;
      pthread_join(vm->thread, NULL);
      rs_interrupt_forget(vm);
      runner->machines[s][i] = NULL;
      tell(runner, RS_CTL_JOINED, vm->id, NULL);
      rs_machine_free(vm);
    }
}

void rs_runner_main(int ctl, rs_machine *warm) {
  rs_runner *runner = &the_runner;
  runner->ctl = ctl;
  runner->pid = getpid();
  runner->warm = warm;
  runner->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (runner->wake < 0) _exit(70);
  rs_interrupt_init();
  rs_place_spare();
  tell(runner, RS_CTL_HELLO, 0, NULL);
  struct pollfd ends[2] = {{.fd = ctl, .events = POLLIN},
                           {.fd = runner->wake, .events = POLLIN}};
  bool striking = false;
  for (int next = -1;;) {
    int came = poll(ends, 2, striking ? RS_ATTACK_EVERY_MS : next);
    if (came > 0 && ends[0].revents) hear(runner);
    if (came > 0 && ends[1].revents) {
      rs_place_keep(runner);
      bury(runner);
    }
    next = rs_limit_look(rs_clock());
    striking = rs_interrupt_strike(rs_clock());
  }
}
