#include "plant_camera.h"

#include <stdlib.h>
#include <unistd.h>

void plant_hang(void) {
  for (;;) pause();
}

void plant_crash(void) {
  volatile int *nowhere = NULL;
  *nowhere = 1;
}

/* Forgets what it has asked for; that it is written to makes it memory in use. */
void plant_leak(size_t bytes) {
  enum { PAGE = 4096 };
  volatile char *lost = malloc(bytes);
  if (!lost) return;
  for (size_t at = 0; at < bytes; at += PAGE) lost[at] = 1;
}
