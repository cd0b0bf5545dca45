/* channel.h -- a bounded queue in memory shared by all runners that use it: where its
** items lie, and who of its users is dead.
**
** Layer    shm: above core, below engine and runner.
** Owner    the engine makes the memory (a memfd sealed against resizing) and hands out
**          descriptors; each side maps what it needs.
** Thread   any thread of any runner, under the lock that lies in it; the engine takes
**          no lock: it alone writes the book, and reads numbers of the head.
** Limits   RS_CHANNEL_SLOTS_MAX items, RS_CHANNEL_USERS_MAX users at a time, a value of
**          RS_CHANNEL_VALUE_MAX bytes. All that is read is checked: a stray write by
**          another worker costs items, never a crash.
** Tested   spec/host/channel_*.c, spec/host/channel_spec.lua. */
/* clang-format off */
#ifndef RS_CHANNEL_H
#define RS_CHANNEL_H

#include <stdatomic.h>

#include "../core/abi.h"

enum {
  RS_CHANNEL_VALUE_MAX = (1 << 20) + 5, /* as it travels: a string of 1 MiB, its head */
  RS_CHANNEL_AREA = (1 << 20) + 4096,   /* whole pages of a slot's large value */
  RS_CHANNEL_INLINE = 192, /* bytes of a value that lie beside the item's head */
  RS_CHANNEL_USERS_MAX = 1 << 16,
  RS_CHANNEL_GENS = 1 << 26,
  RS_CHANNEL_SLOTS_MAX = 1 << 25,
  RS_CHANNEL_UNACKED = 64, /* so many may be taken, or `capacity` if that is more */
  RS_CHANNEL_CHUNK = 4096  /* slots that are mapped at a time */
};

/* The engine's part; runners have it mapped for reading alone. */
typedef struct rs_channel_book {
  _Atomic uint32_t capacity, overflow;
  _Atomic uint32_t attempts; /* deliveries of an item; 0: no limit */
  _Atomic uint32_t rejects;  /* the channel for those above it; 0: they are dropped */
  _Atomic uint32_t closed;   /* 1: the tree has it no more */
  _Atomic uint32_t peak;     /* the largest capacity that it ever had */
  _Atomic uint32_t deaths;   /* +1 after each change of `gen` */
  uint32_t spare;
  _Atomic uint32_t gen[RS_CHANNEL_USERS_MAX]; /* the user's living incarnation; all
                                              ** others of that number are dead */
} rs_channel_book;

/* How often something happens: of the last whole second or more, and since then. */
typedef struct rs_channel_rate {
  _Atomic int64_t since;
  _Atomic uint64_t count; /* in all */
  _Atomic uint64_t base;  /* of `count` at `since` */
  _Atomic uint32_t last;  /* a second, of the span before */
  uint32_t spare;
} rs_channel_rate;

/* Under the lock; the engine reads what is atomic. Lists and counts follow from the
** slots' states: who finds a lock whose owner died makes them anew. */
typedef struct rs_channel_head {
  _Atomic uint32_t lock; /* the owner; 0: free */
  uint32_t torn;         /* 1: lists and counts are to be made anew */
  uint32_t fresh;        /* slots from here on were never used */
  uint32_t free;         /* the first of those that were; RS_NONE */
  uint32_t first, last;  /* ready ones, the oldest first; RS_NONE */
  uint32_t doomed;       /* the first of those to be moved away; RS_NONE */
  uint32_t seen;         /* rs_channel_book.deaths that the lists know of */
  uint64_t next_seq;
  uint32_t behind; /* 1: not all rows of a durable one found room yet */
  _Atomic uint32_t loaded; /* 1: its rows were read */
  _Atomic uint64_t want_items, want_room; /* which VM waits; 0, or RS_CHANNEL_MANY */
  _Atomic uint32_t polls[2]; /* VMs that watch the descriptors: items, room */
  _Atomic uint32_t ready, taken;
  _Atomic int64_t oldest;    /* when the oldest ready one was sent; 0 */
  rs_channel_rate sent, acked;
  _Atomic uint64_t dropped, rejected, redelivered;
} rs_channel_head;

#define RS_CHANNEL_MANY UINT64_MAX

enum { /* kinds of rs_channel_slot.state */
  RS_CHANNEL_FREE, RS_CHANNEL_READY, RS_CHANNEL_TAKEN,
  RS_CHANNEL_PENDING /* attempt 0: on its way in from another channel; else: doomed */
};

/* An item: it is what `state` says, and becomes something else by one store to it. */
typedef struct rs_channel_slot {
  _Atomic uint64_t state; /* kind, attempt, user, gen */
  uint64_t seq;
  int64_t at;    /* when it was sent */
  uint32_t next; /* in its list */
  uint32_t size;
  uint32_t tried, origin;
  uint64_t origin_seq;
  uint32_t origin_slot;
  uint32_t spare[3];
  unsigned char bytes[RS_CHANNEL_INLINE];
} rs_channel_slot;

typedef struct rs_channel_store rs_channel_store;

/* A channel as a process has it. The engine has no chunks. */
struct rs_channel {
  rs_channel_book *book;
  rs_channel_head *head;
  _Atomic(rs_channel_slot *) *chunk;
  int fd, bell[2];    /* items, room */
  uint32_t number;    /* not 0 */
  uint32_t user, gen; /* the process, as the owner of the lock */
  rs_channel *(*find)(uint32_t number);
  void (*waits)(bool begins); /* told about waiting for the lock; NULL */
  char *name;
  char *durable; /* the path of its file; NULL: it is not */
  int owner;     /* a descriptor of that file, locked as long as it is open; -1 */
  struct rs_channel_store *store;
  struct rs_channel *next;
};

/* Makes the memory and the bells, and maps the engine's part: 0 or a negative errno. */
int rs_channel_make(rs_channel *channel, uint32_t number);

/* Maps one that was handed over: fd, bell, number, user and gen are set. 0 or an
** errno. */
int rs_channel_map(rs_channel *channel);
void rs_channel_unmap(rs_channel *channel);

/* The engine: an incarnation that had this number is dead, `gen` is the living one. */
void rs_channel_bury(rs_channel *channel, uint32_t user, uint32_t gen);

/* The engine: whoever waits looks again. */
void rs_channel_ring(rs_channel *channel);

/* The engine: nobody has it any more; its memory is given back. */
void rs_channel_close(rs_channel *channel);

/* A second, now. */
double rs_channel_speed(const rs_channel_rate *rate, rs_time now);

#endif
