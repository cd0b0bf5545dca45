/* runner_rig.h -- an engine's part, played for one runner: fork server, segment, rings.
**
** Layer    test.
** Owner    the rig: all that rig_end gives back.
** Thread   one.
** Limits   RIG_SLOTS workers, RIG_VMS VMs.
** Tested   by what uses it. */
#ifndef RS_RUNNER_RIG_H
#define RS_RUNNER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../host/runner/clock.h"
#include "../../host/shm/ctl.h"
#include "../../host/shm/segment.h"

enum { RIG_SLOTS = 64, RIG_VMS = 4, RIG_RING = 64 << 10 };

typedef struct rig {
  pid_t server, runner;
  int server_ctl, ctl;
  rs_segment seg;
  int seg_fd, bell, vm_bell[RIG_VMS];
  rs_ring up[RIG_VMS], down[RIG_VMS];
  uint64_t resumed[RIG_VMS]; /* resumes of a VM before its last start */
  char text[RS_TEXT_MAX + 1];
} rig;

/* A fork server and one runner with a segment and VM 0; begin: and a place. */
void rig_fork(rig *r, uint32_t ring_size);
void rig_begin(rig *r, uint32_t ring_size);
void rig_vm(rig *r, uint32_t vm);

/* The runner's place: a row of a plan's RS_T_EXEC, its spec's flags. */
void rig_place(rig *r, uint32_t plan, uint32_t row, uint32_t flags);

/* Kills what is left and checks that nothing is. */
void rig_end(rig *r);

/* Waits for the runner's end; its wait status. */
int rig_wait(rig *r);

/* Starts a worker, whose Lua is `code`, in a slot of a VM. */
void rig_start(rig *r, uint32_t vm, uint32_t slot, uint32_t inc, const char *code);
void rig_tell(rig *r, uint32_t vm, const rs_record *record, const char *text);

/* The next record of a VM within `ms`; false: none came. Its text is in r->text. */
bool rig_hear(rig *r, uint32_t vm, rs_record *record, int ms);

/* The next exit of `slot`; fails where none comes. */
uint32_t rig_exit(rig *r, uint32_t vm, uint32_t slot);

/* Has `code` run in slot 5 of VM 0; it must return `answer`. */
void rig_answers(rig *r, const char *code, const char *answer);

/* Both ways at once, as the engine does it. */
void rig_interrupt(rig *r, uint32_t vm, uint32_t slot, uint32_t inc, int ms);

/* Waits until `slot` is what its VM runs; false after 2 s. */
bool rig_runs(rig *r, uint32_t vm, uint32_t slot);
bool rig_idle(rig *r, uint32_t vm);

/* Waits until what was started last has run and waits now. */
bool rig_waits(rig *r, uint32_t vm);

/* The next ctl message within `ms`; false: none. */
bool rig_message(rig *r, rs_ctl *ctl, int ms);

void rig_sleep(int ms);

#endif
