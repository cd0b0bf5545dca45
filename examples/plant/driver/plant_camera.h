/* plant_camera.h -- the driver of a camera that there is not: it looks down on a belt
** that carries washers, now and then a bad one.
**
** Layer    example; libc alone.
** Owner    who opened it; plant_camera_close frees it.
** Thread   one camera, one thread.
** Limits   pictures of PLANT_WIDTH by PLANT_HEIGHT grey bytes.
** Tested   examples/plant/plant_spec.lua. */

#ifndef PLANT_CAMERA_H
#define PLANT_CAMERA_H

#include <stddef.h>
#include <stdint.h>

enum { PLANT_WIDTH = 480, PLANT_HEIGHT = 240, PLANT_STEP = 8 };

/* How it can be broken. */
enum {
  PLANT_SLOW = 1, /* the next open takes half a minute */
  PLANT_UNPLUG,   /* wait fails until the camera is opened anew */
  PLANT_STUCK,    /* wait sleeps in a system call, until a signal comes */
  PLANT_HANG,     /* wait sleeps, and goes on sleeping whatever signal comes */
  PLANT_CRASH     /* wait writes where nothing is */
};

typedef struct plant_camera plant_camera;

/* Takes a moment, as real ones do. NULL and errno: it cannot be had. */
plant_camera *plant_camera_open(double fps, int how);

/* Blocks until the next picture has come. 0, or a negative errno. `number` counts the
** belt's steps, so it goes on while no camera is open. */
int plant_camera_wait(plant_camera *camera, uint8_t *pixels, double *number);

void plant_camera_break(plant_camera *camera, int how);
void plant_camera_close(plant_camera *camera);

/* What else goes wrong in C, for the other units. Hanging never returns. */
void plant_hang(void);
void plant_crash(void);
void plant_leak(size_t bytes);

#endif
