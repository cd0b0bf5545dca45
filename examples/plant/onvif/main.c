/* plant_onvif PORT FAULTS: answers WS-Discovery's probes on the loopback interface.
** Files in the folder FAULTS break it; see faults.lua. */

#include "onvif.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_MS = 100, TOLD_TURNS = 5 };

static volatile sig_atomic_t stopping;
static bool is_mute;
static unsigned long answered;

static void on_term(int number) {
  (void)number;
  stopping = 1;
}

/* Whether a fault is switched on: for good, or once, which takes the file away. */
static bool is_due(const char *folder, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/onvif-%s.once", folder, name);
  if (unlink(path) == 0) return true;
  snprintf(path, sizeof path, "%s/onvif-%s.on", folder, name);
  return access(path, F_OK) == 0;
}

/* A descendant that leaves session and group, and survives whoever started it. */
static void leave_orphan(void) {
  if (fork() != 0) return;
  setsid();
  if (fork() == 0) {
    signal(SIGTERM, SIG_IGN);
    for (;;) pause();
  }
  _exit(0);
}

static void break_down(const char *folder) {
  volatile int *nowhere = NULL;
  is_mute = is_due(folder, "mute") || is_mute;
  if (is_due(folder, "stubborn")) signal(SIGTERM, SIG_IGN);
  if (is_due(folder, "hang"))
    for (;;) pause();
  if (is_due(folder, "crash")) *nowhere = 1;
  if (is_due(folder, "orphan")) {
    leave_orphan();
    exit(4);
  }
  if (is_due(folder, "exit")) {
    fputs("plant_onvif: told to give up\n", stderr);
    exit(3);
  }
}

static void serve(int fd) {
  static char probe[PLANT_DATAGRAM], out[PLANT_DATAGRAM];
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  ssize_t length = recvfrom(fd, probe, sizeof probe - 1, MSG_DONTWAIT,
                            (struct sockaddr *)&from, &size);
  if (length <= 0 || is_mute) return;
  probe[length] = '\0';
  size_t answer = plant_answer(probe, out, sizeof out);
  if (answer == 0) return;
  if (sendto(fd, out, answer, MSG_DONTWAIT, (struct sockaddr *)&from, size) >= 0)
    answered++;
}

static int listen_at(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0) return fd;
  perror("plant_onvif");
  exit(1);
}

static void tell(void) {
  char text[64];
  snprintf(text, sizeof text, "WATCHDOG=1\nSTATUS=%lu probes answered", answered);
  plant_notify(text);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fputs("usage: plant_onvif PORT FAULTS\n", stderr);
    return 2;
  }
  struct sigaction on = {.sa_handler = on_term};
  sigaction(SIGTERM, &on, NULL);
  int fd = listen_at(atoi(argv[1]));
  plant_notify("READY=1");
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  for (unsigned turn = 0; !stopping; turn++) {
    if (poll(&poller, 1, TURN_MS) > 0) serve(fd);
    break_down(argv[2]);
    if (turn % TOLD_TURNS == 0) tell();
  }
  return 0;
}
