/* runner.h -- a runner as the engine sees it: its process, its socket, the memory that
** they share, and the engine's own books of who lives there.
**
** Layer    engine.
** Owner    the engine's list; a runner frees itself when its process and all that it
**          started are gone.
** Thread   the engine's.
** Limits   those of host/shm. What waits for a down ring is bounded by the units.
** Tested   spec/host/backends_spec.lua, spec/host/ladder_spec.lua. */
#ifndef RS_RUNNER_H
#define RS_RUNNER_H

#include "../../shm/ctl.h"
#include "../../shm/segment.h"
#include "../process/delay.h"
#include "../state.h"
#include "../journal/stream.h"

/* The book of one slot. */
typedef struct rs_slot_book {
  uint32_t unit; /* RS_NONE: free */
  uint32_t inc;
  uint32_t vm; /* id; of a free one: the next free, or RS_NONE */
} rs_slot_book;

/* The book of one VM. */
typedef struct rs_vm_book {
  bool made;    /* RS_CTL_VM was sent */
  bool own;     /* it has one worker alone */
  bool ended;   /* its thread is gone; its number is free again */
  bool broken;  /* its up ring is not to be read any more */
  bool ring_it; /* the bell is due at the turn's end */
  int bell;
  uint32_t units;  /* how many live in it */
  uint32_t unit;   /* of an own VM: whose it is */
  uint32_t number; /* of a shared one: what the core calls it */
  rs_ring up, down;
  rs_bytes waiting;          /* records that the down ring had no room for */
  rs_delays *delays, *fulls; /* waits for a processor; for room in the up ring */
  rs_time delay_at, delay;   /* the last look at schedstat, and what it said */
} rs_vm_book;

/* A segment and its books. */
typedef struct rs_part {
  rs_segment seg;
  rs_slot_book *slot;
  rs_vm_book *vm;
  uint32_t fresh; /* slots from here on were never used */
  uint32_t free;  /* the first of those that were; RS_NONE */
} rs_part;

struct rs_runner {
  rs_engine *engine;
  rs_runner *next;
  rs_child child;
  rs_family family;
  rs_cgroup group; /* a process worker's with limits */
  rs_watch *ctl, *bell;
  rs_stream *out[2];
  int out_end[2];                   /* where it writes them */
  struct rs_post *post, **post_end; /* messages that wait for HELLO or for room */
  uint32_t place;                   /* RS_PLACE_...; 0: the spare */
  uint32_t owner; /* core id: the domain's supervisor, the process worker */
  uint32_t owner_inc;
  uint32_t backend;   /* row in `plan`, of a custom backend's */
  uint32_t plan, row; /* where the owner is described */
  bool asked;         /* the fork server was told to make it */
  bool hello;
  bool killed; /* SIGKILL is on its way */
  bool dead;
  bool news_left;                /* a ring was not read to its end */
  uint32_t culprit, culprit_inc; /* on whose behalf it was killed; RS_NONE */
  int status;                    /* its end, as wait(2) told */
  rs_time halt_at;               /* the last look at whether it is stopped (SIGSTOP) */
  rs_time halted;                /* since when, as far as was seen; 0: it is not */
  rs_event exit;       /* a process worker's last word; told when the process is gone */
  uv_timer_t *closing; /* what it was asked for (to end, a `kill`) has so long */
  rs_part *part[RS_SEGMENTS_MAX];
  uint32_t part_count;
  uint32_t shared_vms; /* VM 0 and those that the second segment begins with */
  bool bells_due;
  rs_runner *bells_next, *over_next;
  struct rs_use *channels; /* those that it was given */
  uint32_t *plans;         /* the plans that it was given */
  uint32_t plan_count;
};

/* Makes a spare where there is none, now or in a moment; hands it a plan that was
** applied (spare.c). */
void rs_runner_spare(rs_engine *engine);
void rs_runner_spare_later(rs_engine *engine);
void rs_runner_spare_plan(rs_engine *engine, uint32_t plan);

/* Takes the spare and gives it its place; of `owner`: unit, inc, plan, row. NULL, and
** errno: there is none, and none can be made. */
rs_runner *rs_runner_take(rs_engine *engine, uint32_t place, const rs_action *owner);

/* Sends, in order, once there is room; the descriptors stay the caller's. */
void rs_runner_tell(rs_runner *runner, const rs_ctl *ctl, const void *text,
                    const int *fds, uint32_t fd_count);

/* Gives it a plan that it may not have. */
void rs_runner_plan(rs_runner *runner, uint32_t plan);

/* SIGKILL; on behalf of a unit, or RS_NONE. */
void rs_runner_kill(rs_runner *runner, uint32_t culprit, uint32_t inc);

/* Reads what its socket holds; collect: and does nothing about its end. */
void rs_runner_listen(rs_runner *runner);
void rs_runner_collect(rs_runner *runner);

/* Asks the fork server for one, or for all, that it has not made yet. 0, or a negative
** errno: there are no descriptors for its socket. */
int rs_runner_wanted(rs_runner *runner);
void rs_runner_ask(rs_engine *engine);

/* ---- part.c: slots, VMs, rings ---- */

/* A free slot; makes another segment where all are full. RS_NONE: no more can be. */
uint32_t rs_part_slot(rs_runner *runner, uint32_t unit, uint32_t inc, uint32_t vm);
void rs_part_free(rs_runner *runner, uint32_t slot);

/* The shared VM that the core calls `number`, or a new one for one worker; RS_NONE. */
uint32_t rs_part_shared(rs_runner *runner, uint32_t number);
uint32_t rs_part_own(rs_runner *runner, uint32_t unit);

/* The books behind an id; NULL where it is none. */
rs_part *rs_part_of(const rs_runner *runner, uint32_t id);
rs_vm_book *rs_part_vm(const rs_runner *runner, uint32_t vm);
rs_slot_book *rs_part_book(const rs_runner *runner, uint32_t slot);
rs_vm *rs_part_page(const rs_runner *runner, uint32_t vm);
rs_slot *rs_part_memory(const rs_runner *runner, uint32_t slot);

/* A spare's segment, with VM 0; false, and errno: there is none. */
bool rs_part_first(rs_runner *runner);

/* Room for a domain: so many VMs, VM 0 and others up to `shared` of them shared; so
** many slots. */
void rs_part_domain(rs_runner *runner, uint32_t vms, uint32_t shared, uint32_t slots);

/* Rings a VM now. */
void rs_part_ring_now(rs_runner *runner, uint32_t vm);

/* Puts a record into a VM's down ring, or behind those that wait for room. */
void rs_part_put(rs_runner *runner, uint32_t vm, const rs_record *record,
                 const void *text);

/* Room was made: puts what waits. */
void rs_part_flush(rs_runner *runner, uint32_t vm);

/* A VM's bell is due at the turn's end; rings all that are. */
void rs_part_ring(rs_runner *runner, rs_vm_book *book);
void rs_part_bells(rs_engine *engine);

/* Everything is given back. */
void rs_part_end(rs_runner *runner);

/* ---- hear.c: what VMs say ---- */

/* Reads the rings that have news (all: every ring, to its end). */
void rs_hear(rs_runner *runner, bool all);

/* ---- fate.c: how a runner ends ---- */

/* Its process ended: judges and tells the core. */
void rs_fate(rs_runner *runner, int status);

/* Once the core has decided: what those left behind goes, and they with it. */
void rs_fate_sweep(rs_engine *engine);

/* All of it goes; nobody is told. */
void rs_runner_free(rs_runner *runner);

/* Whom a VM runs now, by its page and the books; RS_NONE. */
uint32_t rs_fate_runs(const rs_runner *runner, uint32_t vm);

#endif
