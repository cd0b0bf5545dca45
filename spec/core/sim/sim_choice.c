/* sim_choice.c -- decisions by name. */
#include "sim_choice.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
  "NOWHERE", RS_SITES(X)
#undef X
};

uint64_t rs_choice_mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9e3779b97f4a7c15u + (b ^ 0xd1b54a32d192ed03u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return z ? z : 1;
}

static bool has(const rs_keys *keys, uint64_t key) {
  if (keys->size == 0) return false;
  for (uint32_t i = (uint32_t)key & (keys->size - 1); keys->at[i] != 0;
       i = (i + 1) & (keys->size - 1)) {
    if (keys->at[i] == key) return true;
  }
  return false;
}

static void place(rs_keys *keys, uint64_t key) {
  uint32_t i = (uint32_t)key & (keys->size - 1);
  while (keys->at[i] != 0) i = (i + 1) & (keys->size - 1);
  keys->at[i] = key;
  keys->used++;
}

static void add(rs_keys *keys, uint64_t key) {
  if (keys->used * 2 >= keys->size) {
    rs_keys old = *keys;
    keys->size = old.size ? old.size * 2 : 256;
    keys->used = 0;
    keys->at = calloc(keys->size, sizeof *keys->at);
    for (uint32_t i = 0; i < old.size; i++) {
      if (old.at[i] != 0) place(keys, old.at[i]);
    }
    free(old.at);
  }
  if (!has(keys, key)) place(keys, key);
}

void rs_choice_init(rs_choices *choices, uint64_t seed) {
  *choices = (rs_choices){.seed = rs_choice_mix(seed, 0x73696d)};
}

void rs_choice_free(rs_choices *choices) {
  free(choices->kept.at);
  free(choices->known.at);
  free(choices->made);
  *choices = (rs_choices){0};
}

void rs_choice_keep(rs_choices *choices, uint64_t key) {
  choices->replay = true;
  if (key != 0) add(&choices->kept, key);
}

static void note(rs_choices *choices, rs_choice made) {
  if (has(&choices->known, made.key)) return;
  if (choices->count == choices->room && choices->room > 1 << 16) return;
  add(&choices->known, made.key);
  if (choices->count == choices->room) {
    choices->room = choices->room ? choices->room * 2 : 256;
    choices->made = realloc(choices->made, choices->room * sizeof *choices->made);
  }
  choices->made[choices->count++] = made;
}

static uint32_t decide(rs_choices *choices, rs_choice made, uint32_t value) {
  if (value == 0) return 0;
  if (choices->replay && !has(&choices->kept, made.key)) return 0;
  made.value = value;
  if (choices->record) note(choices, made);
  return value;
}

uint32_t rs_choice_of(rs_choices *choices, uint32_t site, uint64_t whose,
                      uint64_t which, uint32_t n) {
  if (n < 2) return 0;
  rs_choice made = {rs_choice_mix(rs_choice_mix(site, whose), which), site, 0};
  uint64_t value = rs_choice_mix(choices->seed, made.key) >> 11;
  return decide(choices, made, (uint32_t)(value % n));
}

bool rs_choice_chance(rs_choices *choices, uint32_t site, uint64_t whose,
                      uint64_t which, uint32_t per_mille) {
  if (per_mille == 0) return false;
  rs_choice made = {rs_choice_mix(rs_choice_mix(site, whose), which ^ 0xc4a9ce), site,
                    0};
  uint64_t value = (rs_choice_mix(choices->seed, made.key) >> 11) % 1000;
  return decide(choices, made, value < per_mille ? 1 : 0) != 0;
}

rs_time rs_choice_span(rs_choices *choices, uint32_t site, uint64_t whose,
                       uint64_t which, const rs_time range[2]) {
  uint32_t steps = rs_choice_of(choices, site, whose, which ^ 0x57a9, 1000);
  return range[0] + (range[1] - range[0]) / 1000 * steps;
}

const char *rs_choice_site(uint32_t site) {
  return site < RS_AT_COUNT ? names[site] : "?";
}
