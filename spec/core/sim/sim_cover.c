/* sim_cover.c -- the cells of a unit's table, by name. */
#include "sim_cover.h"

#include "../../../host/core/unit.h"

static const char *const lives[] = {"down",  "starting",    "up",
                                    "asked", "interrupted", "killed"};
static const char *const hears[] = {
  "started", "begin",   "enter", "ready", "terminating", "extend", "exit", "protocol",
  "seen",    "verdict", "go",    "ask",   "kill",        "due",    "stall"};

int rs_cover_report(FILE *out) {
  int missed = 0;
  for (uint32_t life = 0; life < RS_LIFE_COUNT; life++) {
    for (uint32_t hear = 0; hear < RS_HEAR_COUNT; hear++) {
      if (rs_unit_reached[life][hear] > 0) continue;
      missed++;
      fprintf(out, "not reached: %s hears %s\n", lives[life], hears[hear]);
    }
  }
  return missed;
}
