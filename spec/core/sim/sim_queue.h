/* sim_queue.h -- what will happen in the simulated world, by time.
**
** Layer    spec: the simulator; above core.
** Owner    rs_queue_free frees what rs_queue_put made.
** Thread   one.
** Limits   none.
** Tested   by every run: time never goes back. */
#ifndef RS_SIM_QUEUE_H
#define RS_SIM_QUEUE_H

#include "../../../host/core/core.h"

enum {                 /* rs_item.kind */
       RS_IT_TELL = 1, /* an event reaches the engine */
       RS_IT_STEP,  /* an actor goes on; who: actor, token: only if still its token */
       RS_IT_FAULT, /* an actor's fault comes; who: actor */
       RS_IT_FREE,  /* who: vm, token: it is no longer blocked */
       RS_IT_DIE,   /* who: domain, token: its generation; ev: the culprit */
       RS_IT_END,   /* an actor ends; who: actor, ev: how */
       RS_IT_OP,    /* an operator acts; who: which op */
       RS_IT_TIED,  /* an operator acts just when who (an actor) starts */
       RS_IT_CALM,  /* the world becomes healthy */
       RS_IT_OVER   /* it is shut down */
};

typedef struct rs_item {
  rs_time at;
  rs_time sent; /* TELL: since when the engine could have read it; 0: not before `at` */
  uint64_t order; /* equal times: first put, first taken */
  uint32_t kind, who, token;
  uint32_t actor; /* TELL: who sent it; RS_NONE */
  rs_event ev;
} rs_item;

typedef struct rs_queue {
  rs_item *at; /* a binary heap */
  uint32_t count, room;
  uint64_t order;
} rs_queue;

void rs_queue_put(rs_queue *queue, rs_item item);
bool rs_queue_take(rs_queue *queue, rs_item *item);
rs_time rs_queue_due(const rs_queue *queue);       /* RS_NEVER: empty */
void rs_queue_shift(rs_queue *queue, rs_time by);  /* the world stood still */
void rs_queue_drain(rs_queue *queue, rs_time now); /* what was sent is read now */
void rs_queue_free(rs_queue *queue);

#endif
