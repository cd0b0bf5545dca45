/* command_program.c -- a program that does what its arguments say, one after another;
** the specs of commands start it. `wait` at the end: until it is killed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static _Noreturn void die(const char *what) {
  perror(what);
  exit(99);
}

static void say(const char *text, int fd) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const char *name = getenv("NOTIFY_SOCKET");
  union {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  if (!name) die("NOTIFY_SOCKET");
  size_t size = strlen(name);
  memcpy(to.sun_path, name, size);
  if (name[0] == '@') to.sun_path[0] = 0;
  struct iovec part = {(void *)(size_t)text, strlen(text)};
  struct msghdr head = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
  head.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
  if (fd >= 0) {
    head.msg_control = &control;
    head.msg_controllen = sizeof control;
    struct cmsghdr *c = CMSG_FIRSTHDR(&head);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendmsg(from, &head, 0) < 0) die("sendmsg");
  close(from);
}

/* Waits until the host has heard all that was said before. */
static void barrier(void) {
  int pair[2];
  if (pipe(pair) < 0) die("pipe");
  say("BARRIER=1", pair[1]);
  close(pair[1]);
  struct pollfd end = {.fd = pair[0]};
  printf("barrier %s\n", poll(&end, 1, 20000) == 1 ? "passed" : "stuck");
  close(pair[0]);
}

static void wait_for(const char *seconds) {
  double span = atof(seconds);
  struct timespec left = {(time_t)span, (long)((span - (double)(time_t)span) * 1e9)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/* A descendant that nothing but a cgroup, or the host's own reaping, finds. */
static void hide(bool keep_env) {
  static char *none[] = {NULL};
  static char name[] = "sleep", span[] = "1000";
  char *argv[] = {name, span, NULL};
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      signal(SIGTERM, SIG_IGN);
      execve("/bin/sleep", argv, keep_env ? environ : none);
      die("sleep");
    }
    _exit(0);
  }
  wait(NULL);
}

/* The child goes on with what follows; the parent names it and goes. */
static void hand_over(void) {
  char text[64];
  pid_t pid = fork();
  if (pid == 0) return;
  snprintf(text, sizeof text, "MAINPID=%d\nREADY=1", (int)pid);
  say(text, -1);
  exit(0);
}

static void flood(long lines) {
  for (long i = 1; i <= lines; i++) printf("line %ld\n", i);
}

static void long_line(long bytes) {
  for (long i = 0; i < bytes; i++) putchar('x');
  putchar('\n');
}

static void show(void) {
  char cwd[512], oom[32] = "";
  struct rlimit limit;
  FILE *file = fopen("/proc/self/oom_score_adj", "r");
  mode_t mask = umask(0);
  umask(mask);
  getrlimit(RLIMIT_NOFILE, &limit);
  if (!getcwd(cwd, sizeof cwd) || !file || !fgets(oom, sizeof oom, file)) die("show");
  fclose(file);
  printf("uid=%d gid=%d groups=%d umask=%03o nice=%d files=%llu cwd=%s oom=%d fds=",
         (int)getuid(), (int)getgid(), getgroups(0, NULL), (unsigned)mask,
         getpriority(PRIO_PROCESS, 0), (unsigned long long)limit.rlim_cur, cwd,
         atoi(oom));
  for (int fd = 0; fd < 256; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  putchar('\n');
}

static void on_hup(int sig) {
  (void)sig;
  static const char text[] = "told\n";
  ssize_t done = write(1, text, sizeof text - 1);
  (void)done;
}

static void eat(long bytes) {
  volatile char *memory = malloc((size_t)bytes);
  for (long at = 0; memory && at < bytes; at += 1024) memory[at] = 1;
  puts(memory ? "eaten" : "refused");
}

static void breed(long count) {
  long made = 0;
  for (pid_t pid; made < count && (pid = fork()) >= 0; made++)
    if (pid == 0) {
      for (;;) pause();
    }
  printf("bred %ld\n", made);
}

static void act(const char *word) {
  const char *value = strchr(word, ':');
  size_t size = value ? (size_t)(value++ - word) : strlen(word);
  char name[32];
  snprintf(name, sizeof name, "%.*s", (int)size, word);
  if (strcmp(name, "say") == 0) say(value, -1);
  else if (strcmp(name, "barrier") == 0) barrier();
  else if (strcmp(name, "sleep") == 0) wait_for(value);
  else if (strcmp(name, "print") == 0) puts(value);
  else if (strcmp(name, "part") == 0) fputs(value, stdout);
  else if (strcmp(name, "error") == 0) fprintf(stderr, "%s\n", value);
  else if (strcmp(name, "hide") == 0) hide(true);
  else if (strcmp(name, "vanish") == 0) hide(false);
  else if (strcmp(name, "handover") == 0) hand_over();
  else if (strcmp(name, "flood") == 0) flood(atol(value));
  else if (strcmp(name, "long") == 0) long_line(atol(value));
  else if (strcmp(name, "show") == 0) show();
  else if (strcmp(name, "eat") == 0) eat(atol(value));
  else if (strcmp(name, "breed") == 0) breed(atol(value));
  else if (strcmp(name, "deaf") == 0) signal(SIGTERM, SIG_IGN);
  else if (strcmp(name, "hup") == 0) signal(SIGHUP, on_hup);
  else if (strcmp(name, "mute") == 0) fclose(stdout), fclose(stderr);
  else if (strcmp(name, "pid") == 0) printf("pid %d\n", (int)getpid());
  else if (strcmp(name, "binary") == 0) fwrite("a\0b\xff\x01\n", 1, 6, stdout);
  else if (strcmp(name, "stop") == 0) fflush(stdout), raise(SIGSTOP);
  else if (strcmp(name, "die") == 0) fflush(stdout), raise(atoi(value));
  else if (strcmp(name, "exit") == 0) exit(atoi(value));
  else if (strcmp(name, "line") == 0) dprintf(atoi(value), "up\n");
  else if (strcmp(name, "shut") == 0) close(atoi(value));
  else if (strcmp(name, "wait") == 0)
    for (;;) pause();
  else exit(98);
  fflush(stdout);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (int i = 1; i < argc; i++) act(argv[i]);
  return 0;
}
