#include "plant_camera.h"

#include <stdlib.h>
#include <string.h>
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
  void *volatile lost = malloc(bytes);
  if (lost) memset(lost, 1, bytes);
}
