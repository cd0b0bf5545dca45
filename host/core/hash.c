/* hash.c -- a 64-bit hash: multiply, fold, eight bytes at a time. */
#include <string.h>

#include "abi.h"

static uint64_t mix(uint64_t h) {
  h ^= h >> 32;
  h *= 0xd6e8feb86659fd93u;
  h ^= h >> 29;
  h *= 0x9e3779b97f4a7c15u;
  return h ^ (h >> 32);
}

uint64_t rs_hash(const void *bytes, size_t size, uint64_t seed) {
  const unsigned char *at = bytes;
  uint64_t h = mix(seed ^ (0x2545f4914f6cdd1du + size));
  for (; size >= 8; size -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    h = mix(h ^ word) + 0x632be59bd9b4e019u;
  }
  uint64_t rest = 0;
  for (size_t i = 0; i < size; i++) rest |= (uint64_t)at[i] << (8 * i);
  return mix(h ^ rest);
}
