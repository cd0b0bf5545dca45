/* What passing 64 bytes from one process to another costs otherwise, in ns an item:
**   bench_channel_floor socket                a Unix socket pair, one write an item
**   bench_channel_floor redis SOCKET DEPTH    a Redis list, DEPTH requests at a time
** Prints two numbers: of a stream, and of a round trip. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64, STREAM = 200000, TRIPS = 20000, ROOM = 1 << 16, DEPTH_MAX = 256 };

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void give(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t done = write(fd, bytes, size);
    if (done <= 0) exit(1);
    bytes += done;
    size -= (size_t)done;
  }
}

static void socket_item(int fd, int out) {
  char item[SIZE] = {0};
  ssize_t done = out ? write(fd, item, SIZE) : read(fd, item, SIZE);
  if (done != SIZE) exit(1);
}

static void of_socket(void) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0) exit(1);
  pid_t pid = fork();
  if (pid == 0) {
    for (int i = 0; i < STREAM; i++) socket_item(fds[1], 1);
    for (int i = 0; i < TRIPS; i++) {
      socket_item(fds[1], 0);
      socket_item(fds[1], 1);
    }
    _exit(0);
  }
  double from = now();
  for (int i = 0; i < STREAM; i++) socket_item(fds[0], 0);
  double stream = (now() - from) / STREAM;
  from = now();
  for (int i = 0; i < TRIPS; i++) {
    socket_item(fds[0], 1);
    socket_item(fds[0], 0);
  }
  printf("%.1f %.1f\n", stream, (now() - from) / TRIPS);
  waitpid(pid, NULL, 0);
}

/* A connection, and what was read of its answers but not looked at. */
typedef struct redis {
  int fd;
  char bytes[ROOM];
  size_t at, size;
} redis;

static void dial(redis *to, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  to->fd = socket(AF_UNIX, SOCK_STREAM, 0);
  to->at = to->size = 0;
  /* Its socket is there a little before it listens. */
  for (int i = 0; connect(to->fd, (struct sockaddr *)&address, sizeof address) != 0;
       i++) {
    if (i == 100) exit(1);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
}

static char next(redis *from) {
  if (from->at == from->size) {
    ssize_t got = read(from->fd, from->bytes, ROOM);
    if (got <= 0) exit(1);
    from->at = 0;
    from->size = (size_t)got;
  }
  return from->bytes[from->at++];
}

/* One answer, whatever it is. */
static void answer(redis *from) {
  char kind = next(from), line[64];
  size_t size = 0;
  for (char c; (c = next(from)) != '\n';)
    if (size < sizeof line - 1) line[size++] = c;
  line[size] = 0;
  long count = strtol(line, NULL, 10);
  if (kind == '-') exit(1);
  for (long i = 0; kind == '*' && i < count; i++) answer(from);
  for (long i = 0; kind == '$' && i < count + 2; i++) next(from);
}

static void ask(redis *to, const char *request, int count, int depth) {
  size_t size = strlen(request);
  char *many = malloc(size * DEPTH_MAX);
  for (int i = 0; i < DEPTH_MAX; i++) memcpy(many + (size_t)i * size, request, size);
  for (int done = 0; done < count; done += depth) {
    give(to->fd, many, size * (size_t)depth);
    for (int i = 0; i < depth; i++) answer(to);
  }
  free(many);
}

static void of_redis(const char *path, int depth) {
  static redis here;
  static const char take[] = "BLPOP there 0\r\n", take_back[] = "BLPOP back 0\r\n";
  char put[128], put_back[128], item[SIZE + 1];
  memset(item, 'x', SIZE);
  item[SIZE] = 0;
  snprintf(put, sizeof put, "RPUSH there %s\r\n", item);
  snprintf(put_back, sizeof put_back, "RPUSH back %s\r\n", item);
  int stream = depth > 1 ? STREAM / depth * depth : STREAM / 4, trips = TRIPS / 4;
  pid_t pid = fork();
  dial(&here, path);
  if (pid == 0) {
    ask(&here, put, stream, depth);
    for (int i = 0; i < trips; i++) {
      ask(&here, take_back, 1, 1);
      ask(&here, put, 1, 1);
    }
    _exit(0);
  }
  double from = now();
  ask(&here, take, stream, depth);
  double each = (now() - from) / stream;
  from = now();
  for (int i = 0; i < trips; i++) {
    ask(&here, put_back, 1, 1);
    ask(&here, take, 1, 1);
  }
  printf("%.1f %.1f\n", each, (now() - from) / trips);
  waitpid(pid, NULL, 0);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "socket") == 0) of_socket();
  else if (argc == 4) {
    int depth = atoi(argv[3]);
    if (depth < 1 || depth > DEPTH_MAX) return 2;
    of_redis(argv[2], depth);
  } else {
    return 2;
  }
  return 0;
}
