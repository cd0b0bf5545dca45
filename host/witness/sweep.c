#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sweep.h"

/* One look at /proc: who is whose child. */
typedef struct rs_look {
  pid_t pid[RS_SWEEP_MAX], parent[RS_SWEEP_MAX];
  bool below[RS_SWEEP_MAX];
  int count;
} rs_look;

/* The parent of a process that lives; 0 for one that has ended or is a zombie. */
static pid_t parent_of(pid_t pid) {
  char name[64], text[512];
  snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;

  /* The program's name may hold anything, a parenthesis too: the last one ends it. */
  const char *rest = strrchr(text, ')');
  char state = 0;
  int parent = 0;
  if (!rest || sscanf(rest + 1, " %c %d", &state, &parent) != 2) return 0;
  return state == 'Z' || state == 'X' ? 0 : (pid_t)parent;
}

static void look(rs_look *all) {
  all->count = 0;
  DIR *dir = opendir("/proc");
  if (!dir) return;
  for (struct dirent *entry; (entry = readdir(dir)) && all->count < RS_SWEEP_MAX;) {
    pid_t pid = (pid_t)atoi(entry->d_name);
    pid_t parent = pid > 1 ? parent_of(pid) : 0;
    if (parent == 0) continue;
    all->pid[all->count] = pid;
    all->parent[all->count] = parent;
    all->below[all->count++] = false;
  }
  closedir(dir);
}

static bool is_below(const rs_look *all, pid_t pid, pid_t self) {
  if (pid == self) return true;
  for (int i = 0; i < all->count; i++)
    if (all->pid[i] == pid) return all->below[i];
  return false;
}

/* Marks all whose chain of parents leads to this process. */
static void mark(rs_look *all, pid_t spared) {
  pid_t self = getpid();
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < all->count; i++) {
      if (all->below[i] || all->pid[i] == spared) continue;
      if (!is_below(all, all->parent[i], self)) continue;
      all->below[i] = more = true;
    }
  }
}

/* How many were found that could be killed. */
static int kill_below(rs_look *all, pid_t spared) {
  int killed = 0;
  look(all);
  mark(all, spared);
  for (int i = 0; i < all->count; i++)
    if (all->below[i] && kill(all->pid[i], SIGKILL) == 0) killed++;
  return killed;
}

/* Reaps what has ended. */
static void reap(pid_t spared, int *spared_gone) {
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
    if (pid == spared) *spared_gone = 1;
}

/* Until a child ends. What was killed may be no child yet, but its child's: not for
** long. */
static void wait_a_little(void) {
  const struct timespec little = {0, 20000000};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigtimedwait(&child, NULL, &little);
}

int rs_sweep_all(pid_t spared) {
  static rs_look all;
  int spared_gone = 0;
  reap(spared, &spared_gone);
  while (kill_below(&all, spared) > 0) {
    wait_a_little();
    reap(spared, &spared_gone);
  }
  return spared_gone;
}
