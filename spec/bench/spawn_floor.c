/* spawn_floor.c -- the least that a restart of a program can cost: posix_spawn once its
** death was seen through a pidfd in an epoll. Without arguments it supervises itself
** with one; `born` is the supervised program, which says its pid and the time of its
** first statement, on its stdout or in the file that it is given, then waits to be
** killed. Ends when it is killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static _Noreturn void be_born(const char *file) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int out = file ? open(file, O_WRONLY) : 1;
  dprintf(out, "%d %lld\n", (int)getpid(),
          (long long)at.tv_sec * 1000000000 + at.tv_nsec);
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "born") == 0) be_born(argv[2]);
  static char word[] = "born";
  char *child_argv[] = {argv[0], word, NULL};
  int loop = epoll_create1(EPOLL_CLOEXEC);
  if (loop < 0) die("epoll_create1");
  for (;;) {
    pid_t pid;
    if (posix_spawn(&pid, argv[0], NULL, NULL, child_argv, environ) != 0)
      die("posix_spawn");
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct epoll_event event = {.events = EPOLLIN};
    if (fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    if (epoll_wait(loop, &event, 1, -1) < 0) die("epoll_wait");
    siginfo_t info;
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0) die("waitid");
    close(fd);
  }
}
