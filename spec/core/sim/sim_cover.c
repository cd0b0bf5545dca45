/* sim_cover.c -- the cells of a unit's table, by name. */
#include "sim_cover.h"

#include <stdbool.h>

#include "../../../host/core/unit.h"

static const char *const lives[RS_LIFE_COUNT] = {"down",  "starting",    "up",
                                                 "asked", "interrupted", "killed"};
static const char *const hears[RS_HEAR_COUNT] = {
  "started", "begin",   "enter", "ready", "terminating", "extend", "exit", "protocol",
  "seen",    "verdict", "go",    "ask",   "kill",        "due",    "stall"};

/* What the core itself says, and says only where it makes sense. */
static bool is_unsaid(uint32_t life, uint32_t hear) {
  if (hear == RS_HEAR_GO) return life != RS_LIFE_DOWN;
  if (hear == RS_HEAR_ASK) return life == RS_LIFE_DOWN || life >= RS_LIFE_ASKED;
  if (hear == RS_HEAR_DUE) return life == RS_LIFE_DOWN || life == RS_LIFE_KILLED;
  if (hear == RS_HEAR_KILL || hear == RS_HEAR_STALL) return life == RS_LIFE_DOWN;
  return false;
}

int rs_cover_report(FILE *out) {
  int missed = 0;
  for (uint32_t life = 0; life < RS_LIFE_COUNT; life++) {
    for (uint32_t hear = 0; hear < RS_HEAR_COUNT; hear++) {
      bool reached = rs_unit_reached[life][hear] > 0;
      if (reached != is_unsaid(life, hear)) continue;
      missed++;
      fprintf(out, "%s: %s hears %s\n", reached ? "reached" : "not reached",
              lives[life], hears[hear]);
    }
  }
  return missed;
}
