/* belt.h -- what the camera sees: the belt at its n-th step, and what lies on it.
**
** Layer    example; pure.
** Owner    nothing to own.
** Thread   any.
** Limits   none: the same step looks the same for ever.
** Tested   examples/plant/inspect_spec.lua. */

#ifndef PLANT_BELT_H
#define PLANT_BELT_H

#include <stdint.h>

void plant_belt_draw(uint8_t *pixels, int64_t step);

#endif
