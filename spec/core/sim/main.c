/* main.c -- rs_sim: runs seeds, shrinks what fails, repeats what was saved. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shrink.h"
#include "sim_cover.h"

typedef struct rs_options {
  uint64_t first, last;
  uint32_t steps_max;
  bool verbose, cover;
  const char *replay, *save;
} rs_options;

typedef struct rs_progress { /* shared with the child that runs the seeds */
  uint64_t seed, hash, steps;
  rs_sim_result failed;
  bool broke;
} rs_progress;

static rs_sim_result run(uint64_t seed, uint32_t steps_max) {
  rs_choices choices;
  rs_choice_init(&choices, seed);
  rs_sim_result result = rs_sim_run(&choices, steps_max, NULL);
  rs_choice_free(&choices);
  return result;
}

/* Runs seeds until one fails. */
static void run_seeds(const rs_options *options, rs_progress *progress) {
  for (; progress->seed <= options->last; progress->seed++) {
    rs_sim_result result = run(progress->seed, options->steps_max);
    progress->steps += result.steps;
    progress->hash = rs_choice_mix(progress->hash, result.hash);
    if (result.rule[0] == 0 && progress->seed % 10 == 0 &&
        run(progress->seed, options->steps_max).hash != result.hash) {
      snprintf(result.rule, sizeof result.rule, "repeat");
      snprintf(result.text, sizeof result.text, "the same seed, but another hash");
    }
    if (result.rule[0] == 0) continue;
    progress->failed = result;
    progress->broke = true;
    return;
  }
}

static void report(const rs_options *options, const rs_sim_result *result,
                   uint64_t seed) {
  rs_try what = {.seed = seed, .steps_max = options->steps_max};
  printf("seed %llu breaks «%s»: %s\n", (unsigned long long)seed, result->rule,
         result->text);
  printf("repeat: rs_sim --seed %llu --verbose\n", (unsigned long long)seed);
  uint64_t *kept;
  what.count = rs_shrink(&what, result->rule, &kept);
  what.kept = kept;
  char path[64];
  snprintf(path, sizeof path, "sim-%llu.story", (unsigned long long)seed);
  const char *file = options->save ? options->save : path;
  if (!rs_shrink_save(file, &what)) perror(file);
  printf("shrunk to %u decisions; repeat: rs_sim --replay %s\n", what.count, file);
  rs_shrink_try(&what, stdout);
  free(kept);
}

/* Runs all seeds in a child, so that a crash is a finding like any other. */
static int seeds(const rs_options *options) {
  rs_progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *progress = (rs_progress){.seed = options->first, .hash = 1};
  int missed = 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    run_seeds(options, progress);
    missed = options->cover && !progress->broke ? rs_cover_report(stdout) : 0;
    fflush(NULL);
    _exit(progress->broke ? 3 : missed > 0 ? 4 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    printf("seeds %llu..%llu: all well, %llu steps, hash %016llx\n",
           (unsigned long long)options->first, (unsigned long long)options->last,
           (unsigned long long)progress->steps, (unsigned long long)progress->hash);
    return 0;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 4) return 1;
  if (!progress->broke) {
    progress->failed = (rs_sim_result){.rule = "crash"};
    snprintf(progress->failed.text, RS_SIM_TEXT_MAX, "wait status %d", status);
  }
  report(options, &progress->failed, progress->seed);
  return 1;
}

static int one(const rs_options *options, rs_try what) {
  rs_sim_result result = rs_shrink_try(&what, options->verbose ? stdout : NULL);
  printf("seed %llu: %s%s%s, %u steps, hash %016llx\n", (unsigned long long)what.seed,
         result.rule[0] ? result.rule : "all well", result.rule[0] ? ": " : "",
         result.text, result.steps, (unsigned long long)result.hash);
  return result.rule[0] != 0;
}

static int usage(void) {
  fputs("usage: rs_sim --seed N [--steps M] [--verbose]\n"
        "       rs_sim --seeds A..B [--steps M] [--cover] [--save FILE]\n"
        "       rs_sim --shrink N [--steps M]\n"
        "       rs_sim --replay FILE\n",
        stderr);
  return 2;
}

int main(int argc, char **argv) {
  rs_options options = {.steps_max = 20000};
  rs_try what = {0};
  bool single = false, shrink = false;
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(word, "--verbose") == 0) options.verbose = true;
    else if (strcmp(word, "--cover") == 0) options.cover = true;
    else if (value == NULL) return usage();
    else if (strcmp(word, "--save") == 0) options.save = value, i++;
    else if (strcmp(word, "--replay") == 0) options.replay = value, i++;
    else if (strcmp(word, "--steps") == 0)
      options.steps_max = (uint32_t)strtoul(value, NULL, 10), i++;
    else if (strcmp(word, "--seed") == 0 || strcmp(word, "--shrink") == 0) {
      single = true;
      shrink = word[3] == 'h';
      what.seed = strtoull(value, NULL, 10), i++;
    } else if (strcmp(word, "--seeds") == 0) {
      const char *dots = strstr(value, "..");
      if (dots == NULL) return usage();
      options.first = strtoull(value, NULL, 10);
      options.last = strtoull(dots + 2, NULL, 10), i++;
    } else {
      return usage();
    }
  }
  what.steps_max = options.steps_max;
  if (options.replay) {
    if (!rs_shrink_load(options.replay, &what)) return usage();
    options.verbose = true;
    int status = one(&options, what);
    free((void *)(uintptr_t)what.kept);
    return status;
  }
  if (shrink) {
    rs_sim_result result = rs_shrink_try(&what, NULL);
    if (result.rule[0]) report(&options, &result, what.seed);
    return result.rule[0] != 0;
  }
  return single ? one(&options, what) : seeds(&options);
}
