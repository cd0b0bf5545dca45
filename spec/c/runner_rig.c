#define _GNU_SOURCE
#include "runner_rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "../../host/runner/forkserver.h"

static rs_ctl_got got;
static rig *open; /* begun and not ended */
static pid_t opened_by;

void rig_sleep(int ms) { poll(NULL, 0, ms); }

static bool readable(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, ms) > 0;
}

static void receive(int fd) {
  assert_true(readable(fd, 5000));
  assert_int_equal(rs_ctl_receive(fd, &got), 1);
}

static void fork_server(rig *r) {
  int pair[2];
  assert_int_equal(rs_ctl_pair(pair), 0);
  r->server = fork();
  assert_true(r->server >= 0);
  if (r->server == 0) {
    close(pair[0]);
    _exit(rs_forkserver_main(pair[1]));
  }
  close(pair[1]);
  r->server_ctl = pair[0];
}

static void fork_runner(rig *r) {
  int pair[2];
  assert_int_equal(rs_ctl_pair(pair), 0);
  rs_ctl ask = {.kind = RS_CTL_FORK};
  assert_int_equal(rs_ctl_send(r->server_ctl, &ask, NULL, &pair[1], 1), 0);
  close(pair[1]);
  r->ctl = pair[0];
  receive(r->ctl);
  assert_int_equal(got.ctl.kind, RS_CTL_HELLO);
  r->runner = got.pid;
}

void rig_vm(rig *r, uint32_t vm) {
  r->vm_bell[vm] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  r->up[vm] = rs_segment_up(&r->seg, vm);
  r->down[vm] = rs_segment_down(&r->seg, vm);
  rs_ctl ctl = {.kind = RS_CTL_VM, .a = vm};
  assert_int_equal(rs_ctl_send(r->ctl, &ctl, NULL, &r->vm_bell[vm], 1), 0);
}

void rig_fork(rig *r, uint32_t ring_size) {
  if (open && opened_by == getpid()) rig_end(open); /* its test failed */
  open = r;
  opened_by = getpid();
  memset(r, 0, sizeof *r);
  memset(r->vm_bell, -1, sizeof r->vm_bell);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  fork_server(r);
  fork_runner(r);
  r->seg_fd = rs_segment_make(&r->seg, RIG_VMS, RIG_SLOTS, ring_size, RIG_RING);
  assert_true(r->seg_fd >= 0);
  r->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  rs_ctl ctl = {.kind = RS_CTL_SEGMENT,
                .b = RIG_VMS,
                .c = RIG_SLOTS,
                .x = ring_size,
                .y = RIG_RING};
  int fds[2] = {r->seg_fd, r->bell};
  assert_int_equal(rs_ctl_send(r->ctl, &ctl, NULL, fds, 2), 0);
  rig_vm(r, 0);
}

void rig_begin(rig *r, uint32_t ring_size) {
  rig_fork(r, ring_size);
  rig_place(r, 0, RS_NONE, 0);
}

void rig_place(rig *r, uint32_t plan, uint32_t row, uint32_t flags) {
  static const char text[] = "plant/edge\0plant/edge#3";
  rs_record place = {.kind = RS_DOWN_PLACE, .slot = row, .inc = flags};
  place.a = RS_PLACE_DOMAIN;
  place.b = plan;
  place.size = sizeof text;
  rig_tell(r, 0, &place, text);
}

int rig_wait(rig *r) {
  int status = 0;
  pid_t done = 0;
  for (int i = 0; i < 500 && (done = waitpid(r->runner, &status, WNOHANG)) == 0; i++)
    rig_sleep(10);
  assert_int_equal(done, r->runner);
  r->runner = 0;
  return status;
}

void rig_end(rig *r) {
  open = NULL;
  if (r->runner > 0) {
    kill(-r->runner, SIGKILL); /* what it started is in its group */
    rig_wait(r);
  }
  close(r->server_ctl);
  assert_int_equal(waitpid(r->server, NULL, 0), r->server);
  while (waitpid(-1, NULL, 0) > 0) continue;
  assert_int_equal(errno, ECHILD);
  close(r->ctl);
  close(r->seg_fd);
  close(r->bell);
  for (int i = 0; i < RIG_VMS; i++)
    if (r->vm_bell[i] >= 0) close(r->vm_bell[i]);
  rs_segment_unmap(&r->seg);
}

void rig_tell(rig *r, uint32_t vm, const rs_record *record, const char *text) {
  const uint64_t one = 1;
  assert_int_equal(rs_ring_put(&r->down[vm], record, text), 0);
  assert_int_equal(write(r->vm_bell[vm], &one, sizeof one), sizeof one);
}

void rig_start(rig *r, uint32_t vm, uint32_t slot, uint32_t inc, const char *code) {
  atomic_store(&r->seg.slot[slot].vm, vm);
  atomic_store(&r->seg.slot[slot].inc, inc);
  atomic_store(&r->seg.slot[slot].stopping, 0);
  r->resumed[vm] = atomic_load(&r->seg.vm[vm].resume);
  rs_record start = {
    .kind = RS_DOWN_START, .slot = slot, .inc = inc, .size = (uint32_t)strlen(code)};
  rig_tell(r, vm, &start, code);
}

bool rig_hear(rig *r, uint32_t vm, rs_record *record, int ms) {
  rs_time until = rs_clock() + (rs_time)ms * RS_MS;
  for (;;) {
    uint64_t rung;
    ssize_t unused = read(r->bell, &rung, sizeof rung);
    (void)unused;
    atomic_store(&r->seg.head->news[0], 0);
    int came = rs_ring_take(&r->up[vm], record, r->text);
    assert_true(came >= 0);
    if (came == 1) {
      r->text[record->size] = '\0';
      return true;
    }
    rs_time left = until - rs_clock();
    if (left <= 0 || !readable(r->bell, (int)(left / RS_MS) + 1)) return false;
  }
}

uint32_t rig_exit(rig *r, uint32_t vm, uint32_t slot) {
  rs_record record;
  for (;;) {
    if (!rig_hear(r, vm, &record, 5000)) fail_msg("slot %u does not end", slot);
    if (record.kind == RS_UP_EXIT && record.slot == slot) return record.a;
  }
}

void rig_answers(rig *r, const char *code, const char *answer) {
  rig_start(r, 0, 5, 0, code);
  uint32_t why = rig_exit(r, 0, 5);
  assert_string_equal(r->text, answer);
  assert_int_equal(why, 1);
}

void rig_interrupt(rig *r, uint32_t vm, uint32_t slot, uint32_t inc, int ms) {
  rs_ctl ctl = {
    .kind = RS_CTL_INTERRUPT, .a = slot, .b = inc, .y = (uint64_t)ms * RS_MS};
  assert_int_equal(rs_ctl_send(r->ctl, &ctl, NULL, NULL, 0), 0);
  rs_record end = {.kind = RS_DOWN_END, .slot = slot, .inc = inc};
  rig_tell(r, vm, &end, NULL);
}

bool rig_runs(rig *r, uint32_t vm, uint32_t slot) {
  for (int i = 0; i < 2000; i++) {
    if (atomic_load(&r->seg.vm[vm].slot) == slot) return true;
    rig_sleep(1);
  }
  return false;
}

bool rig_idle(rig *r, uint32_t vm) {
  for (int i = 0; i < 2000; i++) {
    if (atomic_load(&r->seg.vm[vm].state) == RS_VM_IDLE) return true;
    rig_sleep(1);
  }
  return false;
}

bool rig_waits(rig *r, uint32_t vm) {
  for (int i = 0; i < 2000; i++) {
    bool ran = atomic_load(&r->seg.vm[vm].resume) != r->resumed[vm];
    if (ran && atomic_load(&r->seg.vm[vm].state) == RS_VM_IDLE) return true;
    rig_sleep(1);
  }
  return false;
}

bool rig_message(rig *r, rs_ctl *ctl, int ms) {
  if (!readable(r->ctl, ms) || rs_ctl_receive(r->ctl, &got) != 1) return false;
  *ctl = got.ctl;
  for (uint32_t i = 0; i < got.fd_count; i++) close(got.fds[i]);
  return true;
}
