#include "belt.h"

#include <math.h>
#include <stdbool.h>

#include "plant_camera.h"

/* Washers lie at about every SPACING pixels of the belt, numbered from its start. */
enum { SPACING = 150, JITTER = 16, RADIUS = 40, HOLE = 15, RAIL = 22, BAD_OF = 4 };

enum { GOOD, CRACKED, CHIPPED, BLIND, SMALL, KINDS };

typedef struct washer {
  double x, y, radius, hole;
  double angle; /* where its fault is */
  int kind;
} washer;

static uint32_t mix(uint32_t n) {
  n = (n ^ 61u) ^ (n >> 16);
  n *= 9u;
  n ^= n >> 4;
  n *= 0x27d4eb2du;
  return n ^ (n >> 15);
}

/* `left`: the belt's pixel at the picture's left edge. */
static washer washer_of(int64_t number, int64_t left) {
  uint32_t dice = mix((uint32_t)number * 7919u + 17u);
  washer w = {.radius = RADIUS, .hole = HOLE, .kind = GOOD};
  w.x = (double)(number * SPACING + (int64_t)(dice % JITTER) - left);
  w.y = PLANT_HEIGHT / 2.0 + (double)((dice >> 8) % 33) - 16.0;
  w.angle = (double)((dice >> 16) % 628) / 100.0;
  if (mix(dice) % BAD_OF == 0) w.kind = (int)(1 + mix(dice + 1) % (KINDS - 1));
  if (w.kind == BLIND) w.hole = 0;
  if (w.kind == SMALL) w.radius = RADIUS - 7;
  return w;
}

static bool is_missing(const washer *w, double dx, double dy, double far) {
  if (far < w->hole) return true;
  double along = dx * cos(w->angle) + dy * sin(w->angle);
  double across = dy * cos(w->angle) - dx * sin(w->angle);
  if (w->kind == CRACKED) return along > 0 && fabs(across + 2 * sin(far / 4)) < 1.8;
  return w->kind == CHIPPED && along > w->radius - 9;
}

static uint8_t clamp(double value) {
  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* A washer shines from the upper left and throws its shadow to the lower right. */
static void draw_washer(uint8_t *pixels, const washer *w) {
  int reach = (int)w->radius + 6;
  for (int y = (int)w->y - reach; y <= (int)w->y + reach; y++) {
    for (int x = (int)w->x - reach; x <= (int)w->x + reach; x++) {
      if (x < 0 || x >= PLANT_WIDTH || y < RAIL || y >= PLANT_HEIGHT - RAIL) continue;
      uint8_t *at = &pixels[y * PLANT_WIDTH + x];
      double dx = x - w->x, dy = y - w->y, far = sqrt(dx * dx + dy * dy);
      if (far <= w->radius && !is_missing(w, dx, dy, far)) {
        double edge = fmin(w->radius - far, far - w->hole + 1);
        double light = 186 - 0.5 * dx - 0.6 * dy + (edge < 3 ? 12 - 8 * edge : 0);
        *at = clamp(light + (double)(mix((uint32_t)(x * 31 + y)) % 9));
      } else if (hypot(dx - 5, dy - 5) <= w->radius) {
        *at = (uint8_t)(*at * 5 / 9);
      }
    }
  }
}

static uint8_t belt_at(int x, int y, int64_t left, uint32_t noise) {
  int64_t along = left + x;
  if (y < RAIL || y >= PLANT_HEIGHT - RAIL) {
    int across = y < RAIL ? RAIL - y : y - (PLANT_HEIGHT - RAIL) + 1;
    double steel = 92 - 3.2 * (across > 11 ? across - 11 : 11 - across);
    return clamp(steel + (x % 96 < 5 && across > 7 && across < 16 ? -40 : 0) +
                 noise % 5);
  }
  double shade = 50 + 10 * sin((double)y * 3.14159 / PLANT_HEIGHT);
  uint32_t weave = mix((uint32_t)along * 4099u + (uint32_t)y);
  double slat = along % 60 < 2 ? -16 : along % 60 == 2 ? 9 : 0;
  return clamp(shade + slat + weave % 11 + noise % 6);
}

void plant_belt_draw(uint8_t *pixels, int64_t step) {
  /* Belts run to the right: later washers come in from the left. */
  int64_t left = -step * PLANT_STEP;
  int64_t wrapped = left % 6000000;
  if (wrapped < 0) wrapped += 6000000;
  uint32_t noise = mix((uint32_t)step);
  for (int y = 0; y < PLANT_HEIGHT; y++) {
    for (int x = 0; x < PLANT_WIDTH; x++) {
      noise = noise * 1664525u + 1013904223u;
      pixels[y * PLANT_WIDTH + x] = belt_at(x, y, wrapped, noise >> 16);
    }
  }
  int64_t first = wrapped / SPACING - 1;
  for (int64_t n = first; n * SPACING < wrapped + PLANT_WIDTH + SPACING; n++) {
    washer w = washer_of(n, wrapped);
    draw_washer(pixels, &w);
  }
}
