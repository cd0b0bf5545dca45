/* runner.h -- the process that hosts VMs: what its keeper holds.
**
** Layer    runner: above core and shm; knows nothing of the engine's insides.
** Owner    the process; nothing of it is freed but VMs, segments and plans
**          that are gone.
** Thread   the keeper's, but for what is said to be locked or atomic.
** Limits   RS_SEGMENTS_MAX segments, RS_PLANS_MAX plans at a time.
** Tested   spec/c/runner_vm.c. */
#ifndef RS_RUNNER_H
#define RS_RUNNER_H

#include "../shm/channel.h"
#include "../shm/ctl.h"
#include "machine.h"

enum { RS_PLANS_MAX = 64, RS_PATH_TEXT = 4096 };

/* UNFIT: it could not become what it should. */
enum { RS_UNPLACED, RS_PLACED, RS_UNFIT };

/* Who the runner is. VM 0's thread writes it, the others read it once `stage` has left
** UNPLACED. */
typedef struct rs_place {
  pthread_mutex_t lock;
  pthread_cond_t moved; /* `stage` or `kept` */
  atomic_int stage;     /* written under the lock */
  bool kept;            /* the keeper's thread has its part, too */
  uint32_t kind;        /* RS_PLACE_... */
  bool no_new_privs;    /* what each thread has to ask for by itself */
  bool counted;         /* a control group counts its processes */
  char path[RS_PATH_TEXT];
} rs_place;

/* A plan that was handed over. `users` counts the VMs that hold it, `dropped` is the
** engine's word that no more will; unmapped when both say so. Under the lock. */
typedef struct rs_held {
  const rs_plan *plan; /* NULL: the place is free */
  size_t size;
  uint32_t number, users;
  bool dropped;
} rs_held;

struct rs_runner {
  int ctl;  /* to the engine */
  int bell; /* the engine's */
  int wake; /* an eventfd: a VM's thread ends, or has taken the place */
  pid_t pid;
  rs_segment segments[RS_SEGMENTS_MAX];
  rs_machine **machines[RS_SEGMENTS_MAX]; /* by segment and index; NULL: none */
  atomic_uint segment_count;              /* written last */
  rs_held plans[RS_PLANS_MAX];
  pthread_mutex_t lock; /* of `plans` */
  pthread_cond_t came;  /* a plan or a segment */
  rs_machine *warm;     /* the fork server's state, for the first VM */
  rs_place place;
};

/* The runner of this process, fresh from the fork server: HELLO is sent, the keeper's
** loop runs until the engine is gone. Never returns. */
_Noreturn void rs_runner_main(int ctl, rs_machine *warm);

/* A slot by its id; NULL: there is none. Any thread. */
rs_slot *rs_runner_slot(const rs_runner *runner, uint32_t id);

/* A VM's thread: the ring is faster than the socket, so what START names may still be
** on its way to the keeper. False: it did not come within a second. */
bool rs_runner_await_slot(rs_runner *runner, uint32_t id);

/* A VM by its id, from its thread's start to its join; NULL. Keeper. */
rs_machine *rs_runner_machine(const rs_runner *runner, uint32_t id);

/* Places (place.c). VM 0's thread: applies RS_DOWN_PLACE, tells if that failed. */
void rs_place_take(rs_machine *vm, const rs_record *record, const char *text);

/* Keeper: does its thread's part, once there is a place. */
void rs_place_keep(rs_runner *runner);

/* A VM's thread, any but VM 0's: waits for the place and does its own part. Never
** returns in an unfit runner. */
void rs_place_await(rs_runner *runner);

/* Keeper, in a new runner: likelier a victim than the engine. */
void rs_place_spare(void);

/* Keeper: a channel that the engine hands over (channels.c); takes the descriptors. */
void rs_channels_take(rs_runner *runner, const rs_ctl *ctl, int *fds, const char *text);

/* Plans (held.c). Take maps one: 0 or an errno; the descriptor stays the caller's. */
int rs_held_take(rs_runner *runner, uint32_t number, uint64_t size, int fd);
const rs_plan *rs_held_find(rs_runner *runner, uint32_t number);

/* A VM's: a plan that it holds stays mapped until it lets go. One that is on its way is
** waited for. NULL: there is none. */
const rs_plan *rs_held_hold(rs_machine *vm, uint32_t number, size_t *size);
void rs_held_release(rs_machine *vm, uint32_t number);
void rs_held_release_all(rs_machine *vm);

/* The engine's word that no unit uses it. */
void rs_held_drop(rs_runner *runner, uint32_t number);

#endif
