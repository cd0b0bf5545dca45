/* What a worker leaves to its next incarnation travels beside the rings: a sealed memfd
** over the control socket, ahead of the record that speaks of it. */
#define _GNU_SOURCE
#include "given.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

enum { WAIT_S = 5, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL };

/* Data that has come for a worker that is to be started. */
typedef struct given {
  struct given *next;
  uint32_t slot, inc;
  size_t size;
  int fd;
} given;

static given *all; /* under the runner's lock */

int rs_given_take(rs_runner *runner, const rs_ctl *ctl, int fd) {
  given *one = malloc(sizeof *one);
  if (!one) return ENOMEM;
  *one = (given){.slot = ctl->a, .inc = ctl->b, .size = ctl->x, .fd = fd};
  pthread_mutex_lock(&runner->lock);
  one->next = all;
  all = one;
  pthread_cond_broadcast(&runner->came);
  pthread_mutex_unlock(&runner->lock);
  return 0;
}

/* Under the lock. */
static given *unlink_it(uint32_t slot, uint32_t inc) {
  for (given **at = &all; *at; at = &(*at)->next) {
    given *one = *at;
    if (one->slot != slot || one->inc != inc) continue;
    *at = one->next;
    return one;
  }
  return NULL;
}

static given *await(rs_runner *runner, uint32_t slot, uint32_t inc) {
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += WAIT_S;
  int code = 0;
  given *one;
  pthread_mutex_lock(&runner->lock);
  while (!(one = unlink_it(slot, inc)) && code == 0)
    code = pthread_cond_timedwait(&runner->came, &runner->lock, &until);
  pthread_mutex_unlock(&runner->lock);
  return one;
}

int rs_given_get(lua_State *L) {
  rs_machine *vm = rs_machine_self();
  given *one = await(vm->runner, (uint32_t)luaL_checknumber(L, 1),
                     (uint32_t)luaL_checknumber(L, 2));
  if (!one) return 0;
  void *bytes = mmap(NULL, one->size, PROT_READ, MAP_SHARED, one->fd, 0);
  size_t size = one->size;
  close(one->fd);
  free(one);
  if (bytes == MAP_FAILED) return 0;
  lua_pushlstring(L, bytes, size); /* without memory this VM is at its end anyway */
  munmap(bytes, size);
  return 1;
}

static int write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t done = write(fd, bytes, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return done < 0 ? errno : EIO;
    bytes += done;
    size -= (size_t)done;
  }
  return 0;
}

static int send_it(const rs_runner *runner, const rs_task *task, int fd, size_t size) {
  rs_ctl ctl = {.kind = RS_CTL_DATA, .a = task->slot_id, .b = task->inc, .x = size};
  int code;
  while ((code = rs_ctl_send(runner->ctl, &ctl, NULL, &fd, 1)) == -EAGAIN) {
    struct pollfd room = {.fd = runner->ctl, .events = POLLOUT};
    poll(&room, 1, -1);
  }
  return -code;
}

int rs_given_leave(const rs_task *task, const char *bytes, size_t size) {
  int fd = memfd_create("runsmith-data", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno;
  int code = write_all(fd, bytes, size);
  if (code == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0) code = errno;
  if (code == 0) code = send_it(rs_machine_self()->runner, task, fd, size);
  close(fd);
  return code;
}
