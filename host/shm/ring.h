/* ring.h -- a one-way queue of records in shared memory: one writer, one reader, and
** neither trusts the other.
**
** Layer    shm.
** Owner    the segment it lies in.
** Thread   put: the writer's; take: the reader's.
** Limits   a record with its text: RS_RECORD_MAX bytes, and below half the ring.
** Tested   spec/c/runner_shm.c; spec/fuzz takes rings full of garbage. */
/* clang-format off */
#ifndef RS_RING_H
#define RS_RING_H

#include <stdatomic.h>

#include "../core/abi.h"

enum { RS_RECORD_MAX = 16 << 10, RS_TEXT_MAX = RS_RECORD_MAX - 64 };

/* A record's head; `size` bytes of text follow, padded to 8. */
typedef struct rs_record {
  uint32_t size; /* of the text */
  uint32_t kind;
  uint32_t slot; /* whom it is about or for; RS_NONE */
  uint32_t inc;
  uint32_t a, b;
  rs_time at;
} rs_record;

/* What a VM tells the engine. */
enum {
  RS_UP_BEGIN = 1, /* a: edge within the state */
  RS_UP_ENTER,     /* a: state */
  RS_UP_EXIT,      /* a: RS_WHY_OK, ERROR, EXCEPTION, INTERRUPTED or LAUNCH; b: 1 if it
                   ** left data (RS_CTL_DATA); text */
  RS_UP_LOG,       /* a: level (0 debug, 1 info, 2 warn, 3 error); text: JSON
                   ** {"text":..., "fields":{...}} */
  RS_UP_OUTPUT,    /* a: 1 stdout, 2 stderr; text: one line */
  RS_UP_DROPPED,   /* an emitted event that its state lacks; text: its name */
  RS_UP_RUNS,      /* found idle before, it runs again; slot: RS_NONE */
  RS_UP_READY,     /* a custom unit is ready */
  RS_UP_STATUS,    /* text: a custom unit's status */
  RS_UP_HANDLE,    /* text: a custom unit's handle, string.buffer encoding */
  RS_UP_GONE,      /* the VM has ended (a thread's); slot: RS_NONE */
  RS_UP_REPLY,     /* answer to RS_DOWN_EVAL; a: id, b: 1 ok; text */
  /* From the probes' runner, whose slots are probes: */
  RS_UP_LOOK,    /* one is about to look: it asks for its unit */
  RS_UP_VERDICT, /* a: RS_VERDICT_..., b: RS_VERDICT_ACTION_...; text: the probe's name,
                 ** NUL, an event's name or nothing, NUL, detail */
  RS_UP_LINES,   /* it wants the lines that its unit writes */
  RS_UP_TAKEN,   /* a: so many of those lines, or of an on_activity's entries */
  RS_UP_CHANNEL, /* it opens a channel; a: for the answer; text: its name */
  RS_UP_COUNT
};

/* What the engine tells a VM. */
enum {
  RS_DOWN_START = 1, /* slot, inc; a: plan number, b: its row; text: an added unit's
                     ** name, NUL, its args (empty: the plan's); for a custom one its
                     ** handle to go on with */
  RS_DOWN_ASK,       /* stop: wakes it if it waits (its slot says stopping already); a:
                     ** 1 if what it leaves is wanted */
  RS_DOWN_END,       /* end it now: if it is suspended, resume it interrupted */
  RS_DOWN_EMIT,      /* text: an event's name, for its queue */
  RS_DOWN_KILL,      /* a custom unit: call `kill` */
  RS_DOWN_CLOSE,     /* the VM may end: no unit will come */
  RS_DOWN_DROP_PLAN, /* a: plan number that no unit uses any longer */
  RS_DOWN_EVAL,      /* a: id; b: ms that it may take; slot: in whose name; text: Lua */
  RS_DOWN_PLAN,      /* to a spare. a: plan number that its units will begin from */
  RS_DOWN_PLACE,     /* VM 0's alone, once, before any START: who the runner is from now
                     ** on. a: RS_PLACE_..., b: plan number, slot: row of RS_T_EXEC or
                     ** RS_NONE, inc: its spec's flags; text: its path, NUL,
                     ** RUNSMITH_UNIT's value, NUL, the control socket's,
                     ** NUL, and its control groups' folders, as confine.h says */
  RS_DOWN_DATA,      /* ahead of START for its slot and inc: data was sent for it */
  RS_DOWN_CHANNEL,   /* answers UP_CHANNEL; a: as there, b: 1 and text: number, user,
                     ** gen as decimals; b: 0 and text: why not */
  /* To the probes' runner. There START's b is a row of RS_T_PROBE, its incarnation the
  ** unit's. */
  RS_DOWN_STATE, /* a: 1 if its unit is ready; text: the name of that one's state */
  RS_DOWN_UNIT,  /* answers LOOK; text: JSON, the unit as a probe sees it */
  RS_DOWN_PATCH, /* a: plan number, b: row: it is described there now. To workers too */
  RS_DOWN_LINE,  /* a: 1 stdout, 2 stderr, b: lines left out before; text: a line of its
                 ** unit's */
  RS_DOWN_ENTRY, /* a: entries dropped before this one; text: JSON, a journal entry */
  RS_DOWN_COUNT
};

enum { RS_VERDICT_ALIVE = 1, RS_VERDICT_DEAD, RS_VERDICT_UNKNOWN, RS_VERDICT_FAILING };
enum { RS_VERDICT_TELL = 0, RS_VERDICT_RESTART, RS_VERDICT_EMIT };

typedef struct rs_ring_head {
  _Atomic uint64_t tail;   /* writer: bytes ever put */
  uint8_t apart[56];
  _Atomic uint64_t head;   /* reader: bytes ever taken */
  _Atomic uint32_t wanted; /* writer: 1, "ring me when there is room" */
  uint8_t spare[52];
} rs_ring_head;

/* A side's view of a ring. `mine` is this side's own position, kept here and not in the
** shared memory, so that the peer cannot move it. */
typedef struct rs_ring {
  rs_ring_head *head;
  unsigned char *bytes;
  uint32_t size; /* a power of two */
  uint64_t mine;
} rs_ring;

/* 0; -1: no room now (`wanted` is set, and room was looked for once more after that);
** -2: larger than this ring ever takes. */
int rs_ring_put(rs_ring *ring, const rs_record *record, const void *text);

/* Copies out the next record and its text (`text` holds RS_TEXT_MAX bytes): 1; none: 0;
** the bytes are no record: -1, and the ring is not to be read again. */
int rs_ring_take(rs_ring *ring, rs_record *record, void *text);

/* After taking: true if the writer wants to be rung (and forgets that it did). */
bool rs_ring_wanted(rs_ring *ring);

#endif
