/* floor.c -- the least that a restart can cost: a child that is forked without exec,
** seen dying through a pidfd in an epoll. Each child says its pid and the time of its
** first statement, then waits to be killed. Usage: bench_floor, which runs until its
** end. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static _Noreturn void child(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dprintf(1, "%d %lld\n", (int)getpid(),
          (long long)at.tv_sec * 1000000000 + at.tv_nsec);
  for (;;) pause();
}

int main(void) {
  int loop = epoll_create1(EPOLL_CLOEXEC);
  if (loop < 0) die("epoll_create1");
  for (;;) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) child();
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) die("pidfd_open");
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    if (epoll_wait(loop, &event, 1, -1) < 0) die("epoll_wait");
    siginfo_t info;
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0) die("waitid");
    close(fd);
  }
}
