/* machine.h -- a Lua VM as its own thread holds it.
**
** Layer    runner.
** Owner    the runner's table of VMs, from rs_machine_new to the join of its thread.
** Thread   the VM's; the keeper reads what is atomic.
** Limits   RS_VMS_MAX a segment.
** Tested   spec/c/runner_vm.c, spec/c/runner_interrupt.c. */
#ifndef RS_MACHINE_H
#define RS_MACHINE_H

#include <lua.h>
#include <pthread.h>
#include <uv.h>

#include "jam.h"
#include "task.h"

typedef struct rs_runner rs_runner;

enum { RS_TRACE_MAX = 4096 };

/* What the keeper, the signal handler and the VM's thread settle an interrupt with. */
typedef struct rs_aim {
  _Atomic uint64_t running;   /* the number of the resume in progress; 0: none */
  _Atomic uint32_t slot, inc; /* whom that resume runs */
  _Atomic uint64_t wanted;  /* the resume to interrupt; 0: none. The profiler's lock */
  _Atomic int hooked;       /* 1: the hook was set for the present resume */
  int fired;                /* the hook has raised at least once */
  char trace[RS_TRACE_MAX]; /* the first hook's traceback */
} rs_aim;

typedef struct rs_machine {
  rs_runner *runner;
  uint32_t id; /* the engine's number for it */
  lua_State *L;
  pthread_t thread;
  int bell;          /* the engine rings it */
  atomic_bool ended; /* the thread has nothing more to do but end */
  rs_vm *page;
  rs_ring up, down;
  _Atomic uint64_t *news; /* the word of its bit */
  uint64_t bit;
  uv_loop_t loop;
  uv_poll_t poll;
  uv_timer_t timer;
  bool idle;        /* as published */
  bool placed;      /* it took the place, and the keeper is still to be told */
  uint64_t turn;    /* resumes so far */
  rs_time limit;    /* when the next resume is to be interrupted; 0: never */
  uint64_t held;    /* bit i: it holds the runner's plan i */
  rs_task *current; /* whom it runs; NULL */
  rs_jam jam;
  rs_tasks tasks;
  rs_aim aim;
  char text[RS_TEXT_MAX]; /* of the record last taken */
} rs_machine;

/* A machine with a warm Lua state and no place yet; NULL: no memory. `why` (of `size`
** bytes) then says so. */
rs_machine *rs_machine_new(char *why, size_t size);
void rs_machine_free(rs_machine *vm);

/* The calling thread's machine; NULL where it has none. */
rs_machine *rs_machine_self(void);

/* Gives it its place in the shared memory: what the engine said. */
void rs_machine_place(rs_machine *vm, uint32_t id, int bell);

/* Makes its loop, once it has its place; 0, or a negative errno. Close: undoes that for
** one whose thread never began. */
int rs_machine_open(rs_machine *vm);
void rs_machine_close(rs_machine *vm);

/* The thread's function; takes the machine. */
void *rs_machine_main(void *machine);

/* Says that the VM runs, if it said idle before. Call before any Lua of others runs. */
void rs_machine_wake(rs_machine *vm);

/* Puts a record, waits for room if need be. 0; -2: larger than the ring takes. */
int rs_machine_put(rs_machine *vm, const rs_record *record, const void *text);

/* Rings the engine: there is something in a ring of this VM's for it. */
void rs_machine_tell(rs_machine *vm);

/* Tells the keeper that there is a place, if it was not told yet. */
void rs_machine_placed(rs_machine *vm);

/* Waits for the bell, a handle or the next timer. */
void rs_machine_wait(rs_machine *vm);

/* Lets the loop's handles have their turn, without waiting. */
void rs_machine_look(rs_machine *vm);

#endif
