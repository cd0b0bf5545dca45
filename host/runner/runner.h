/* runner.h -- the process that hosts VMs: what its keeper holds.
**
** Layer    runner: above core and shm; knows nothing of the engine's insides.
** Owner    the process; nothing of it is freed but VMs, segments and plans that are gone.
** Thread   the keeper's, but for what is said to be locked or atomic.
** Limits   RS_SEGMENTS_MAX segments, RS_PLANS_MAX plans at a time.
** Tested   spec/host/runner_vm.c. */
#ifndef RS_RUNNER_H
#define RS_RUNNER_H

#include "../shm/ctl.h"
#include "machine.h"

enum { RS_PLANS_MAX = 64, RS_PATH_TEXT = 4096 };

/* A plan that was handed over. `users` counts the VMs that hold it, `dropped` is the
** engine's word that no more will; unmapped when both say so. Under the plans' lock. */
typedef struct rs_held {
  const rs_plan *plan; /* NULL: the place is free */
  size_t size;
  uint32_t number, users;
  bool dropped;
} rs_held;

struct rs_runner {
  int ctl;  /* to the engine */
  int bell; /* the engine's */
  int wake; /* an eventfd: a VM's thread ends */
  pid_t pid;
  rs_segment segments[RS_SEGMENTS_MAX];
  rs_machine **machines[RS_SEGMENTS_MAX]; /* by segment and index; NULL: none */
  atomic_uint segment_count;              /* written last */
  rs_held plans[RS_PLANS_MAX];
  pthread_mutex_t plans_lock;
  rs_machine *warm; /* the fork server's state, for the first VM */
  uint32_t place;   /* RS_PLACE_...; 0: none yet */
  bool unfit;       /* it could not become what the plan says */
  char path[RS_PATH_TEXT];
};

/* The runner of this process, fresh from the fork server: HELLO is sent, the keeper's
** loop runs until the engine is gone. Never returns. */
_Noreturn void rs_runner_main(int ctl, rs_machine *warm);

/* A slot by its id; NULL: there is none. Any thread. */
rs_slot *rs_runner_slot(const rs_runner *runner, uint32_t id);

/* A VM by its id, from its thread's start to its join; NULL. Keeper. */
rs_machine *rs_runner_machine(const rs_runner *runner, uint32_t id);

/* Applies what RS_CTL_PLACE says. 0, or an errno and a sentence in `why`. */
int rs_runner_place(rs_runner *runner, const rs_ctl_got *got, char *why, size_t size);

/* Plans (held.c). Take maps one: 0 or an errno; the descriptor stays the caller's. */
int rs_held_take(rs_runner *runner, uint32_t number, uint64_t size, int fd);
const rs_plan *rs_held_find(rs_runner *runner, uint32_t number);

/* A VM's: a plan that it holds stays mapped until it lets go. NULL: there is none. */
const rs_plan *rs_held_hold(rs_machine *vm, uint32_t number, size_t *size);
void rs_held_release(rs_machine *vm, uint32_t number);
void rs_held_release_all(rs_machine *vm);

/* The engine's word that no unit uses it. */
void rs_held_drop(rs_runner *runner, uint32_t number);

#endif
