#include "plant_camera.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "belt.h"

#define SECOND 1000000000LL

struct plant_camera {
  int64_t period; /* nanoseconds between two steps of the belt */
  int64_t ahead;  /* the date's lead over the monotonic clock, when it was opened */
  int64_t next;   /* the step to wait for */
  int how;        /* broken; 0: it is not */
};

static int64_t now_of(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return (int64_t)at.tv_sec * SECOND + at.tv_nsec;
}

static struct timespec span(int64_t ns) {
  return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

plant_camera *plant_camera_open(double fps, int how) {
  struct timespec moment = span(how == PLANT_SLOW ? 30 * SECOND : SECOND / 10);
  while (nanosleep(&moment, &moment) != 0 && errno == EINTR) {
    if (how == PLANT_SLOW) return NULL;
  }
  plant_camera *camera = calloc(1, sizeof *camera);
  if (!camera) return NULL;
  camera->period = (int64_t)((double)SECOND / fps);
  camera->ahead = now_of(CLOCK_REALTIME) - now_of(CLOCK_MONOTONIC);
  camera->next = (now_of(CLOCK_MONOTONIC) + camera->ahead) / camera->period + 1;
  return camera;
}

/* The ways in which nothing comes. */
static int fail(plant_camera *camera) {
  struct timespec long_time = span(1000 * SECOND);
  switch (camera->how) {
  case PLANT_STUCK:
    camera->how = 0;
    return nanosleep(&long_time, NULL) != 0 ? -errno : 0;
  case PLANT_HANG: plant_hang(); break;
  case PLANT_CRASH: plant_crash(); break;
  default: break;
  }
  return -ENODEV;
}

int plant_camera_wait(plant_camera *camera, uint8_t *pixels, double *number) {
  if (camera->how) return fail(camera);
  struct timespec at = span(camera->next * camera->period - camera->ahead);
  int failed = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
  if (failed) return -failed;
  plant_belt_draw(pixels, camera->next);
  *number = (double)camera->next;
  /* What nobody waited for is gone, as with every camera. */
  int64_t passed = (now_of(CLOCK_MONOTONIC) + camera->ahead) / camera->period;
  camera->next = (passed > camera->next ? passed : camera->next) + 1;
  return 0;
}

void plant_camera_break(plant_camera *camera, int how) { camera->how = how; }

void plant_camera_close(plant_camera *camera) { free(camera); }
