/* segment.h -- the memory that the engine shares with one runner: who lives there, who
** runs, who gave a sign of life.
**
** Layer    shm: above core, below engine and runner.
** Owner    the engine makes a segment (a memfd sealed against resizing) and hands the
**          descriptor over; each side maps it once, unmaps it when the runner is gone.
** Thread   each field has one writer, named below; all are atomic.
** Limits   RS_VMS_MAX VMs and RS_SLOTS_MAX slots a segment, RS_SEGMENTS_MAX a runner.
** Tested   spec/c/runner_shm.c, spec/fuzz. */
/* clang-format off */
#ifndef RS_SEGMENT_H
#define RS_SEGMENT_H

#include <stdatomic.h>

#include "../core/abi.h"
#include "ring.h"

enum {
  RS_VMS_MAX = 1024,
  RS_SLOTS_MAX = 1 << 24,
  RS_SEGMENTS_MAX = 64,
  RS_SEGMENT_SHIFT = 24 /* a slot's or VM's id is (segment << 24) | index */
};

enum { /* not asked to stop; asked; asked, and what it leaves is wanted */
  RS_STOP_NONE = 0, RS_STOP_ASKED = 1, RS_STOP_LEAVE = 2
};

/* A unit's place: a cache line. The engine writes its part before the unit starts. */
typedef struct rs_slot {
  _Atomic int64_t beat;      /* VM: its last sign of life */
  _Atomic int64_t others;    /* VM: rs_vm.busy minus own, when it gave it */
  _Atomic int64_t own;       /* VM: ns that it has run, over all its incarnations */
  _Atomic int64_t stalled_from; /* VM: beat, or the start of its turn when later */
  _Atomic uint32_t unit;     /* engine: core id */
  _Atomic uint32_t inc;      /* engine: incarnation */
  _Atomic uint32_t stopping; /* engine: RS_STOP_... */
  _Atomic uint32_t vm;       /* engine: id of the VM it lives in */
  _Atomic int64_t next;      /* VM: when a probe looks next; 0, RS_NEVER: not known */
  _Atomic uint32_t bad;      /* VM: a probe's bad looks in a row */
  uint8_t spare[4];
} rs_slot;

enum { RS_VM_ABSENT, RS_VM_IDLE, RS_VM_RUNNING, RS_VM_FULL, RS_VM_GONE };

/* A VM's page of the book. */
typedef struct rs_vm {
  _Atomic uint32_t state;   /* VM: RS_VM_... ; FULL: waits for room in its ring */
  _Atomic uint32_t slot;    /* VM: whom it runs; RS_NONE */
  _Atomic uint32_t missed;  /* engine: 1, "I found you idle: ring when you run";
                            ** VM: back to 0 as it rings */
  _Atomic uint32_t section; /* VM: > 0 inside code that defers interrupts */
  _Atomic uint64_t resume;  /* VM: +1 at each resume */
  _Atomic int64_t since;    /* VM: when the present resume began */
  _Atomic int64_t busy;     /* VM: ns in resumes that have ended, but for those
                            ** in which it waited for a processor */
  _Atomic int64_t full;     /* VM: ns waited for room, waits that have ended */
  _Atomic int64_t full_since; /* VM: start of the wait for room in progress; 0 */
  _Atomic int64_t struck;   /* keeper: when it last heeded an interrupt for here */
  _Atomic int32_t tid;      /* VM: its thread, for /proc */
  uint8_t spare[60];
} rs_vm;

/* What the runner's fatal-signal handler leaves for the engine. */
typedef struct rs_fault {
  _Atomic int32_t signal; /* 0: none; written last */
  _Atomic uint32_t vm;    /* whose thread faulted; RS_NONE: the keeper */
  _Atomic uint32_t slot;  /* whom it ran; RS_NONE */
  _Atomic uint32_t inc;
  _Atomic uint64_t address;
} rs_fault;

typedef struct rs_segment_head {
  uint32_t abi, vms, slots, up_size, down_size;
  uint32_t spare;
  rs_fault fault;
  _Atomic uint64_t news[RS_VMS_MAX / 64]; /* runner sets VM i's, rings; engine clears */
} rs_segment_head;

/* A mapped segment. Sizes come from who made it, never from the memory itself. */
typedef struct rs_segment {
  rs_segment_head *head;
  rs_vm *vm;
  rs_slot *slot;
  unsigned char *rings;
  uint32_t vms, slots, up_size, down_size;
  size_t size;
} rs_segment;

/* Makes a sealed memfd for so many VMs, slots and bytes of ring (powers of two) a VM,
** and maps it. The descriptor, or a negative errno. */
int rs_segment_make(rs_segment *segment, uint32_t vms, uint32_t slots, uint32_t up_size,
                    uint32_t down_size);

/* Maps one that was handed over; the sizes are checked against the file's. */
int rs_segment_map(rs_segment *segment, int fd, uint32_t vms, uint32_t slots,
                   uint32_t up_size, uint32_t down_size);

void rs_segment_unmap(rs_segment *segment);

/* The rings of VM `index`: up, what the VM tells; down, what it is told. */
rs_ring rs_segment_up(const rs_segment *segment, uint32_t index);
rs_ring rs_segment_down(const rs_segment *segment, uint32_t index);

#endif
