/* channel_rig.h -- what the tests of a channel's memory have in common: users that
** wait at the bells as a VM does, and a ledger of what became of each item.
**
** Layer    test.
** Owner    the test.
** Thread   the ledger: any, of any process.
** Limits   RIG_PRODUCERS producers.
** Tested   by failing. */
#ifndef RS_CHANNEL_RIG_H
#define RS_CHANNEL_RIG_H

#include <stdio.h>

#include "../../host/shm/channel_parts.h"

#define RS_COUNT(array) (sizeof(array) / sizeof *(array))

enum { RIG_PRODUCERS = 8 };

/* One item, by its producer and number. */
typedef struct rig_item {
  _Atomic uint32_t sent, delivered, acked, rejected;
} rig_item;

typedef struct rs_rig {
  rs_channel channel, rejects; /* as the engine has them */
  uint32_t items;              /* that each producer may try */
  _Atomic uint32_t *next;      /* of each producer: the number to try next */
  rig_item *item;
  _Atomic uint32_t *stop;
  _Atomic uint32_t *wrong; /* what must not be was seen */
} rs_rig;

void rig_make(rs_rig *rig, uint32_t items, uint32_t capacity);
void rig_free(rs_rig *rig);

/* A process's own mapping, known to the lock as `user`. */
void rig_map(rs_channel *mine, const rs_channel *of, uint32_t user);

/* Sends until its numbers are used up. */
void rig_produce(const rs_rig *rig, const rs_channel_use *use, uint32_t producer);

/* Receives and acknowledges until told to stop; every `leave`-th it leaves unacked and
** ends (0: none). */
void rig_consume(const rs_rig *rig, const rs_channel_use *use, uint32_t leave,
                 bool is_reject);

/* Every item that was sent was delivered, none after its acknowledgement; nothing is
** left. The sentence of what is wrong, or NULL. */
const char *rig_judge(const rs_rig *rig);

uint32_t rig_number(const char *name, uint32_t otherwise);

#endif
