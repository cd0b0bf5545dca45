#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_child.h"

enum { FD_HIGH = 64, OOM_CHILD = 200, STACK = 32 << 10, SPARE_MAX = 8 };

/* A launch: the job with its copies of all that it needs, and the child's stack. */
struct rs_launch {
  rs_job job;
  rs_bytes bytes; /* argv, env, paths ... */
  int end;        /* a pipe whose other end is the child's until its exec */
  pid_t pid;
  rs_launch *next; /* among the spare ones */
  _Alignas(16) char stack[STACK];
};

static struct rlimit files_before;
static bool files_raised;
static rs_launch *spares;
static unsigned spare_count;

rs_spawn rs_spawn_default(char *const *argv, char *const *env) {
  rs_spawn spawn = {.argv = argv, .env = env, .stdio = {-1, 1, 2}, .umask = -1};
  spawn.nice = RS_NO_NICE;
  spawn.oom_score_adj = RS_OOM_DEFAULT;
  spawn.cgroup = -1;
  for (int i = 0; i < RS_SPAWN_JOINS; i++) spawn.joins[i] = -1;
  return spawn;
}

void rs_spawn_limit(rs_spawn *spawn, int which, uint64_t value) {
  if (spawn->limit_count == RS_SPAWN_LIMITS) return;
  spawn->limits[spawn->limit_count].which = which;
  spawn->limits[spawn->limit_count++].limit = (struct rlimit){value, value};
}

void rs_spawn_raise_files(void) {
  if (getrlimit(RLIMIT_NOFILE, &files_before) != 0) return;
  struct rlimit raised = {files_before.rlim_max, files_before.rlim_max};
  files_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

static const char *value_of(char *const *env, const char *name) {
  size_t size = strlen(name);
  for (; *env; env++)
    if (strncmp(*env, name, size) == 0 && (*env)[size] == '=') return *env + size + 1;
  return NULL;
}

static size_t text_size(const char *text) { return text ? strlen(text) + 1 : 1; }

static size_t list_size(char *const *list, size_t *count) {
  size_t size = 0;
  for (*count = 0; list[*count]; ++*count) size += strlen(list[*count]) + 1;
  return size + (*count + 1) * sizeof *list;
}

/* Copies into room that is there already: pointers into it stay. */
static char *copy(rs_bytes *room, const void *from, size_t size) {
  char *at = room->at + room->size;
  memcpy(at, from, size);
  room->size += size;
  return at;
}

static char **copy_list(rs_bytes *room, char *const *list, size_t count) {
  char **copied = (char **)(void *)copy(room, list, (count + 1) * sizeof *list);
  return copied;
}

static void copy_strings(rs_bytes *room, char **list) {
  for (; *list; list++) *list = copy(room, *list, strlen(*list) + 1);
}

/* The unit's own PATH says where its program is. */
static size_t find_paths(rs_job *job, char *at, size_t room) {
  const char *name = job->spawn.program ? job->spawn.program : job->spawn.argv[0];
  const char *path = value_of(job->spawn.env, "PATH"), *begin = at;
  if (strchr(name, '/')) path = NULL;
  else if (!path) path = "/usr/local/bin:/usr/bin:/bin";
  if (!path) {
    job->paths[job->path_count++] = at;
    return (size_t)snprintf(at, room, "%s", name) + 1;
  }
  while (*path && job->path_count < RS_PATHS_MAX) {
    int size = (int)strcspn(path, ":");
    const char *folder = size > 0 ? path : ".";
    int used = snprintf(at, room, "%.*s/%s", size > 0 ? size : 1, folder, name);
    job->paths[job->path_count++] = at;
    at += used + 1;
    room -= (size_t)used + 1;
    path += size + (path[size] == ':');
  }
  return (size_t)(at - begin);
}

/* What find_paths needs at most. */
static size_t paths_size(const rs_spawn *spawn) {
  const char *name = spawn->program ? spawn->program : spawn->argv[0];
  const char *path = value_of(spawn->env, "PATH");
  return (strlen(name) + 3) * (RS_PATHS_MAX + 1) + (path ? strlen(path) : 64);
}

/* The options, and copies of what they point to: the child may still need them when the
** caller does not. */
static void take_options(rs_launch *launch, const rs_spawn *spawn) {
  rs_job *job = &launch->job;
  rs_bytes *room = &launch->bytes;
  size_t argc, envc,
    size = list_size(spawn->argv, &argc) + list_size(spawn->env, &envc);
  const char *program = spawn->program;
  size += text_size(program) + text_size(spawn->cwd) + text_size(spawn->user);
  size += paths_size(spawn);
  if (room->room < size) room->at = rs_base_grow(room->at, room->room = size);
  room->size = 0;
  *job = (rs_job){.spawn = *spawn, .parent = getpid()};
  char **argv = copy_list(room, spawn->argv, argc);
  char **env = copy_list(room, spawn->env, envc);
  copy_strings(room, argv);
  copy_strings(room, env);
  job->spawn.argv = argv;
  job->spawn.env = env;
  if (program) job->spawn.program = copy(room, program, text_size(program));
  if (spawn->cwd) job->spawn.cwd = copy(room, spawn->cwd, text_size(spawn->cwd));
  if (spawn->user) job->spawn.user = copy(room, spawn->user, text_size(spawn->user));
  room->size += find_paths(job, room->at + room->size, size - room->size);
  job->fd_base = FD_HIGH;
  for (uint32_t i = 0; i < spawn->fd_count; i++)
    if (spawn->fds[i].to >= job->fd_base) job->fd_base = spawn->fds[i].to + 1;
  /* One that is asked for holds from the program's first instruction on: that takes a
  ** memory of its own before the exec. */
  job->own_memory = spawn->oom_score_adj != RS_OOM_DEFAULT;
  job->oom_size =
    (uint32_t)snprintf(job->oom, sizeof job->oom, "%d", (int)spawn->oom_score_adj);
  job->restore_files = files_raised;
  job->files = files_before;
}

/* The next of numbers with commas between. */
static bool next_number(const char **at, unsigned *number) {
  char *end;
  if (**at < '0' || **at > '9') return false;
  *number = (unsigned)strtoul(*at, &end, 10);
  *at = *end == ',' ? end + 1 : end;
  return true;
}

/* Who it is to be, by numbers: the engine asks no name service, which might be down. */
static void take_user(rs_job *job) {
  const char *groups = job->spawn.group ? job->spawn.group : "";
  const char *user = job->spawn.user ? job->spawn.user : "";
  unsigned number;
  job->group_count = -1;
  while (job->group_count < RS_GROUPS_MAX && next_number(&groups, &number)) {
    if (job->group_count < 0) job->group_count = 0;
    job->groups[job->group_count++] = number;
  }
  if (job->group_count > 0) {
    job->gid = job->groups[0];
    job->set_group = true;
  }
  if (next_number(&user, &number)) {
    job->uid = number;
    job->set_user = true;
  }
  /* Who is no superuser may only stay who he is, and need not be allowed to. */
  bool same = job->set_user && job->uid == geteuid();
  if (geteuid() != 0 && same) job->set_user = job->set_group = false;
  if (geteuid() != 0) job->group_count = -1;
}

static uint64_t ignored_signals(void) {
  uint64_t ignored = 0;
  for (int sig = 1; sig <= 64; sig++) {
    struct sigaction action;
    if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      ignored |= UINT64_C(1) << (sig - 1);
  }
  return ignored;
}

/* Not from the heap: a thousand that are under way at once would leave it full of
** holes. */
static rs_launch *new_launch(void) {
  int flags = MAP_SHARED | MAP_ANONYMOUS; /* a child with a memory of its own tells */
  void *room = mmap(NULL, sizeof(rs_launch), PROT_READ | PROT_WRITE, flags, -1, 0);
  if (room == MAP_FAILED) rs_base_fatal("no memory to start a program");
  return room;
}

static rs_launch *take_launch(void) {
  rs_launch *launch = spares;
  if (!launch) return new_launch();
  spares = launch->next;
  spare_count--;
  return launch;
}

static void give_launch(rs_launch *launch) {
  if (launch->end >= 0) close(launch->end);
  launch->end = -1;
  if (spare_count == SPARE_MAX) {
    rs_bytes_free(&launch->bytes);
    munmap(launch, sizeof *launch);
    return;
  }
  launch->next = spares;
  spares = launch;
  spare_count++;
}

static pid_t clone_it(rs_launch *launch) {
  static uint64_t ignored;
  static bool known;
  sigset_t all, before;
  struct clone_args args = {.exit_signal = SIGCHLD};
  if (!launch->job.own_memory) args.flags = CLONE_VM;
  args.stack = (uint64_t)(uintptr_t)launch->stack;
  args.stack_size = sizeof launch->stack;
  if (launch->job.spawn.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (unsigned)launch->job.spawn.cgroup;
  }
  if (!known) ignored = ignored_signals();
  known = true;
  launch->job.ignored = ignored;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t pid = rs_spawn_clone(&args, &launch->job);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return pid;
}

static pid_t begin(rs_launch *launch, char *why, size_t why_size) {
  rs_job *job = &launch->job;
  int pair[2] = {-1, -1};
  take_user(job);
  job->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  pid_t pid = pipe2(pair, O_CLOEXEC) == 0 ? clone_it(launch) : -errno;
  if (job->null_fd >= 0) close(job->null_fd);
  if (pair[1] >= 0) close(pair[1]);
  launch->end = pair[0];
  launch->pid = pid;
  if (pid < 0)
    snprintf(why, why_size, "cannot make a process for %s: %s", job->spawn.argv[0],
             strerror(-pid));
  return pid;
}

pid_t rs_spawn_begin(const rs_spawn *spawn, rs_launch **launch, char *why,
                     size_t why_size) {
  rs_launch *made = take_launch();
  made->end = -1;
  take_options(made, spawn);
  pid_t pid = begin(made, why, why_size);
  *launch = pid > 0 ? made : NULL;
  if (pid < 0) give_launch(made);
  return pid;
}

int rs_spawn_fd(rs_launch *launch) {
  int fd = launch->end;
  launch->end = -1;
  return fd;
}

/* The usual one; soon is early enough. Not the child's to do: until its exec it shares
** the engine's memory, and the kernel would set it for the engine, too. */
static void set_oom(const rs_launch *launch) {
  char name[64], text[16];
  if (launch->job.own_memory) return;
  snprintf(name, sizeof name, "/proc/%d/oom_score_adj", (int)launch->pid);
  int size = snprintf(text, sizeof text, "%d", OOM_CHILD);
  int fd = open(name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t written = write(fd, text, (size_t)size);
  (void)written; /* who may not raise it is no worse off than the engine */
  close(fd);
}

static void tell(const rs_job *job, char *why, size_t why_size) {
  const char *name = job->at ? job->at : job->spawn.argv[0], *more = "";
  bool ran = strcmp(job->step, "run") == 0;
  if (ran && !job->at && job->path_count == 1) name = job->paths[0];
  if (ran && job->error == ENOENT && job->path_count > 1)
    more = " (looked for in PATH)";
  snprintf(why, why_size, "cannot %s %s: %s%s", job->step, name, strerror(job->error),
           more);
}

int rs_spawn_result(rs_launch *launch, char *why, size_t why_size) {
  const rs_job *job = &launch->job;
  int error = job->step ? job->error : 0;
  if (job->step) tell(job, why, why_size);
  else set_oom(launch);
  give_launch(launch);
  return error;
}

pid_t rs_spawn_start(const rs_spawn *spawn, char *why, size_t why_size) {
  rs_launch *launch = NULL;
  pid_t pid = rs_spawn_begin(spawn, &launch, why, why_size);
  if (pid < 0 || !launch) return pid;
  struct pollfd end = {.fd = launch->end, .events = POLLIN};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) continue;
  int error = rs_spawn_result(launch, why, why_size);
  if (error == 0) return pid;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return -error;
}
