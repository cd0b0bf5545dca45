/* ctl.h -- the socket between the engine, the fork server and the runners: descriptors,
** and the few things that cannot go through a VM's ring.
**
** Layer    shm.
** Owner    who receives a descriptor closes it.
** Thread   a runner's keeper; the engine's loop.
** Limits   a message: RS_CTL_MAX bytes, RS_CTL_FDS descriptors. SOCK_SEQPACKET.
** Tested   spec/c/runner_shm.c, spec/fuzz. */
/* clang-format off */
#ifndef RS_CTL_H
#define RS_CTL_H

#include <sys/types.h>

#include "../core/abi.h"

enum { RS_CTL_MAX = 60 << 10, RS_CTL_FDS = 4, RS_HANDOVER_MAX = 16 << 20 };

enum {
  /* engine -> fork server */
  RS_CTL_FORK = 1, /* fd: the new runner's end of its own ctl socket */
  /* runner -> engine */
  RS_CTL_HELLO,  /* it runs; its pid comes with the message's credentials */
  RS_CTL_FAILED, /* a: which ctl kind failed, 0: RS_DOWN_PLACE; b: errno, c: the
                 ** `a` of what failed, text: a sentence */
  RS_CTL_JOINED, /* a: vm id: that VM's thread has ended */
  /* engine -> runner */
  RS_CTL_SEGMENT, /* a: number, b: vms, c: slots, x: up_size, y: down_size; fd: memfd,
                  ** and with the first one the bell to ring (eventfd) */
  RS_CTL_PLAN,    /* a: number; x: size; fd: the sealed memfd */
  RS_CTL_OUTPUT,  /* fds: its stdout and stderr. Sent once, before any VM */
  RS_CTL_VM,      /* a: vm id; fd: the VM's bell (eventfd). All but VM 0, which is a
                  ** spare's too, wait for the place (RS_DOWN_PLACE) */
  RS_CTL_INTERRUPT, /* a: slot id, b: incarnation: if its VM runs just that, interrupt
                    ** it; again and again for y ns */
  RS_CTL_DROP_PLAN, /* a: number */
  RS_CTL_DATA,      /* either way. a: slot id, b: incarnation; x: size, up to
                    ** RS_HANDOVER_MAX; fd: the sealed memfd. What a worker leaves,
                    ** ahead of its exit; what it is given, ahead of its start */
  RS_CTL_CHANNEL,   /* a: number, b: user, c: gen, as which it takes the lock; text: its
                    ** name; fds: memfd, bells for items and for room; x: 1 if it is
                    ** durable: then NUL and its file's path, and that file */
  RS_CTL_COUNT
};

enum { /* of RS_DOWN_PLACE */
  RS_PLACE_DOMAIN = 1, /* coroutine and thread workers of one fault domain */
  RS_PLACE_PROCESS,    /* one process worker */
  RS_PLACE_BACKEND,    /* the functions of one rs.backend */
  RS_PLACE_PROBES      /* probes and callbacks */
};

typedef struct rs_ctl {
  uint32_t kind;
  uint32_t a, b, c;
  uint64_t x, y;
  uint32_t size; /* of the text that follows */
  uint32_t spare;
} rs_ctl;

/* What was received: descriptors that the caller now owns, and the sender's pid. */
typedef struct rs_ctl_got {
  rs_ctl ctl;
  int fds[RS_CTL_FDS];
  uint32_t fd_count;
  pid_t pid;
  char text[RS_CTL_MAX + 1]; /* NUL-terminated */
} rs_ctl_got;

/* 0, or a negative errno (-EAGAIN: full). The descriptors stay the caller's. */
int rs_ctl_send(int fd, const rs_ctl *ctl, const void *text, const int *fds,
                uint32_t fd_count);

/* 1; 0: the peer is gone; a negative errno (-EAGAIN: nothing there; -EPROTO: not a
** message; -EMFILE: a message, but not all of its descriptors found room; those that
** did were closed). All descriptors are close-on-exec. */
int rs_ctl_receive(int fd, rs_ctl_got *got);

/* A pair with SO_PASSCRED on both ends, close-on-exec. 0 or a negative errno. */
int rs_ctl_pair(int fds[2]);

#endif
