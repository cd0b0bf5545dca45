/* shrink.c -- drops decisions as long as the same rule breaks. */
#include "shrink.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MADE_MAX = 1 << 17 };

typedef struct rs_shared { /* what a child leaves behind */
  rs_sim_result result;
  bool done;
  rs_choices choices; /* here, so that what was decided outlives a crash */
  rs_choice made[MADE_MAX];
} rs_shared;

static rs_shared *shared(void) {
  static rs_shared *page;
  if (page == NULL) {
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
  }
  return page;
}

static void child(const rs_try *what, FILE *story, rs_shared *out) {
  rs_choices *choices = &out->choices;
  rs_choice_init(choices, what->seed);
  choices->record = true;
  choices->made = out->made;
  choices->room = MADE_MAX;
  choices->replay = what->kept != NULL;
  for (uint32_t i = 0; what->kept && i < what->count; i++)
    rs_choice_keep(choices, what->kept[i]);
  out->result = rs_sim_run(choices, what->steps_max, story);
  out->done = true;
  if (story) fflush(story);
}

rs_sim_result rs_shrink_try(const rs_try *what, FILE *story) {
  rs_shared *out = shared();
  out->done = false;
  out->choices.count = 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    if (story == NULL && freopen("/dev/null", "w", stderr) == NULL) _exit(2);
    if (story) setvbuf(story, NULL, _IOLBF, 0);
    child(what, story, out);
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!out->done) {
    out->result = (rs_sim_result){.rule = "crash"};
    snprintf(out->result.text, sizeof out->result.text, "wait status %d", status);
  }
  return out->result;
}

static bool breaks(const rs_try *what, const char *rule, const uint64_t *kept,
                   uint32_t count) {
  rs_try one = *what;
  one.kept = kept;
  one.count = count;
  return strcmp(rs_shrink_try(&one, NULL).rule, rule) == 0;
}

/* Without the `size` decisions from `from`. */
static bool without(const rs_try *what, const char *rule, uint64_t *kept,
                    uint32_t *count, const uint32_t cut[2]) {
  uint32_t end = cut[0] + cut[1] < *count ? cut[0] + cut[1] : *count;
  uint64_t *less = malloc((*count + 1) * sizeof *less);
  memcpy(less, kept, cut[0] * sizeof *less);
  memcpy(less + cut[0], kept + end, (*count - end) * sizeof *less);
  uint32_t left = *count - (end - cut[0]);
  bool still = breaks(what, rule, less, left);
  if (still) {
    memcpy(kept, less, left * sizeof *less);
    *count = left;
  }
  free(less);
  return still;
}

uint32_t rs_shrink(const rs_try *what, const char *rule, uint64_t **kept) {
  rs_try all = *what;
  rs_shrink_try(&all, NULL);
  uint32_t count = shared()->choices.count, tries = 0;
  *kept = malloc((count + 1) * sizeof **kept);
  for (uint32_t i = 0; i < count; i++) (*kept)[i] = shared()->made[i].key;
  if (what->kept || !breaks(what, rule, *kept, count)) return count;
  bool less = true;
  while (less && tries < RS_TRIES_MAX) {
    less = false;
    for (uint32_t size = count / 2 + 1; size > 0; size /= 2) {
      for (uint32_t from = 0; from < count && tries < RS_TRIES_MAX; tries++) {
        uint32_t cut[2] = {from, size};
        if (without(what, rule, *kept, &count, cut)) less = true;
        else from += size;
      }
    }
  }
  return count;
}

bool rs_shrink_save(const char *path, const rs_try *what) {
  FILE *out = fopen(path, "w");
  if (out == NULL) return false;
  fprintf(out, "seed %llu\nsteps %u\n", (unsigned long long)what->seed,
          what->steps_max);
  for (uint32_t i = 0; i < what->count; i++)
    fprintf(out, "keep %016llx\n", (unsigned long long)what->kept[i]);
  return fclose(out) == 0;
}

bool rs_shrink_load(const char *path, rs_try *what) {
  FILE *in = fopen(path, "r");
  if (in == NULL) return false;
  unsigned long long seed = 0, key = 0;
  bool good = fscanf(in, "seed %llu steps %u", &seed, &what->steps_max) == 2;
  what->seed = seed;
  what->count = 0;
  uint64_t *kept = malloc((MADE_MAX) * sizeof *kept);
  while (what->count < MADE_MAX && fscanf(in, " keep %llx", &key) == 1)
    kept[what->count++] = key;
  what->kept = kept;
  fclose(in);
  return good;
}
