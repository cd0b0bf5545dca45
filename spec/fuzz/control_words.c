/* control_words.c -- what clients say: the mutator puts whole requests where it likes,
** so that the fuzzer need not find JSON by itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);

static const char *const words[] = {
  "{\"op\":\"status\"}\n",
  "{\"id\":1,\"op\":\"status\",\"path\":\"plant\"}\n",
  "{\"id\":1,\"op\":\"status\",\"path\":\"plant/**\"}\n",
  "{\"id\":2,\"op\":\"stop\",\"path\":\"plant/a\"}\n",
  "{\"id\":2,\"op\":\"stop\",\"path\":\"plant/*\",\"wait\":false}\n",
  "{\"id\":3,\"op\":\"start\",\"path\":\"plant/a\"}\n",
  "{\"id\":3,\"op\":\"start\",\"path\":\"plant/**\"}\n",
  "{\"id\":4,\"op\":\"restart\",\"path\":\"plant/b\"}\n",
  "{\"id\":4,\"op\":\"restart\",\"path\":\"plant\"}\n",
  "{\"id\":5,\"op\":\"kill\",\"path\":\"plant/[a-d]\"}\n",
  "{\"id\":6,\"op\":\"add\",\"path\":\"plant/c\",\"name\":\"x\",\"args\":[]}\n",
  "{\"id\":6,\"op\":\"add\",\"path\":\"plant/b\",\"name\":\"y\"}\n",
  "{\"id\":6,\"op\":\"add\",\"path\":\"plant/a\",\"name\":\"x\",\"wait\":false}\n",
  "{\"id\":7,\"op\":\"remove\",\"path\":\"plant/c/x\"}\n",
  "{\"id\":7,\"op\":\"remove\",\"path\":\"plant/*/*\"}\n",
  "{\"id\":8,\"op\":\"shutdown\"}\n",
  "{\"id\":8,\"op\":\"shutdown\",\"now\":true}\n",
  "{\"id\":9,\"op\":\"subscribe\",\"since\":0}\n",
  "{\"id\":9,\"op\":\"subscribe\",\"kind\":\"started\",\"unit\":\"plant/a\"}\n",
  "{\"id\":\"a\",\"op\":\"journal\",\"since\":0}\n",
  "{\"op\":\"journal\",\"from\":\"2026-01-02T03:04:05Z\",\"until\":\"2099-01-01\"}\n",
  "{\"id\":1.5,\"op\":\"why\",\"path\":\"plant/a\"}\n",
  "{\"id\":10,\"op\":\"plan\"}\n",
  "{\"id\":10,\"op\":\"plan\",\"file\":\"x.lua\"}\n",
  "{\"id\":11,\"op\":\"reload\"}\n",
  "{\"id\":11,\"op\":\"reload\",\"confirm\":1}\n",
  "{\"id\":11,\"op\":\"reload\",\"keep\":true}\n",
  "{\"id\":12,\"op\":\"eval\",\"path\":\"plant/a\",\"lua\":\"1\",\"timeout\":1e9}\n",
  "\"since\":",
  "\"wait\":false",
  "\"path\":",
  "\"**/**\"",
  "1e308",
  "-1",
  "\\ud800",
  "\xf8",
  "\xf9",
  "\xfa",
  "\xfb",
  "\xfc",
};

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room,
                               unsigned seed) {
  unsigned turn = seed * 2654435761u >> 4;
  if (turn % 3 == 0 && size > 0) return LLVMFuzzerMutate(bytes, size, room);
  const char *word = words[(turn >> 4) % (sizeof words / sizeof *words)];
  size_t length = strlen(word), at = size == 0 ? 0 : (turn >> 10) % (size + 1);
  if (size + length > room) return LLVMFuzzerMutate(bytes, size, room);
  if (turn % 4) { /* between two lines */
    const uint8_t *line = size > at ? memchr(bytes + at, '\n', size - at) : NULL;
    at = line ? (size_t)(line - bytes) + 1 : size;
  }
  memmove(bytes + at + length, bytes + at, size - at);
  memcpy(bytes + at, word, length);
  return size + length;
}
