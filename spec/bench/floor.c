/* floor.c -- the least that a restart can cost: a child is born once the death of the
** one before was seen through a pidfd in an epoll. Usage: bench_floor, whose child is
** forked without exec; bench_floor spawn, whose child is this program by posix_spawn.
** Such a child, `born`, says its pid and the time of its first statement, on its stdout
** or in the file that it is given, then waits to be killed. Runs until it is killed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
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

static pid_t bear(char *program, bool spawns) {
  static char word[] = "born";
  char *argv[] = {program, word, NULL};
  pid_t pid;
  if (spawns) {
    if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0) die("posix_spawn");
    return pid;
  }
  pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) be_born(NULL);
  return pid;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "born") == 0) be_born(argv[2]);
  bool spawns = argc > 1 && strcmp(argv[1], "spawn") == 0;
  int loop = epoll_create1(EPOLL_CLOEXEC);
  if (loop < 0) die("epoll_create1");
  for (;;) {
    int fd = (int)syscall(SYS_pidfd_open, bear(argv[0], spawns), 0);
    if (fd < 0) die("pidfd_open");
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
    if (epoll_wait(loop, &event, 1, -1) < 0) die("epoll_wait");
    siginfo_t info;
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0) die("waitid");
    close(fd);
  }
}
