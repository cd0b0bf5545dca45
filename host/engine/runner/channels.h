/* channels.h -- the tree's channels: who uses each, who of these is dead.
**
** Layer    engine.
** Owner    a channel is the plan's that has it, by its supervisor's path and its own
**          name: restarts below it change nothing. It is freed once nobody uses it.
** Thread   the engine's.
** Limits   those of host/shm/channel.h.
** Tested   spec/host/channel_spec.lua. */
#ifndef RS_CHANNELS_H
#define RS_CHANNELS_H

#include "../../shm/channel.h"
#include "runner.h"

/* One incarnation's use; or, of no unit, a runner's. */
typedef struct rs_channel_user {
  uint32_t unit, inc;
  uint32_t gen;      /* of who has the number now, or will have it next */
  uint32_t next;     /* while it is free: the next free one; RS_NONE */
  rs_runner *runner; /* NULL: it is free */
} rs_channel_user;

typedef struct rs_chan {
  struct rs_chan *next;
  rs_channel map;
  char *at, *name; /* at: its supervisor's path; of a durable one, map.durable */
  rs_channel_user *user;
  uint32_t count, free; /* free: the first free user; RS_NONE */
  uint32_t living;      /* incarnations and runners that have it */
  uint32_t uses;        /* rs_use that name it */
  bool due;             /* its bells, at the turn's end */
  bool told;            /* the journal has been told why it cannot be had */
  bool kept;            /* the plan that is being applied has it */
} rs_chan;

/* A unit's uses, and a runner's channels. */
typedef struct rs_use {
  struct rs_use *next;
  rs_chan *chan;
  uint32_t user, gen;
} rs_use;

/* A plan holds: makes, changes and closes what it says. */
void rs_channels_apply(rs_engine *engine, uint32_t plan);

/* A unit asks for one by its name; answered through its VM's ring. */
void rs_channels_open(rs_runner *runner, uint32_t slot, const rs_event *event,
                      const char *name, size_t size);

/* A unit's incarnation has ended; a runner has died. */
void rs_channels_left(rs_engine *engine, uint32_t unit);
void rs_channels_lost(rs_runner *runner);

/* The turn's end: those who wait look again. */
void rs_channels_flush(rs_engine *engine);

/* A supervisor's `channels`, as JSON; nothing where it has none. */
void rs_channels_status(rs_engine *engine, rs_bytes *out, const char *path);

#endif
