#define _GNU_SOURCE
#include "env.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const host_only[] = {
  "NOTIFY_SOCKET", "WATCHDOG_USEC",  "WATCHDOG_PID",  "LISTEN_FDS",
  "LISTEN_PID",    "LISTEN_FDNAMES", "RUNSMITH_UNIT",
};

static size_t name_size(const char *entry) { return strcspn(entry, "="); }

static char *copy_of(const char *entry) {
  return strcpy(rs_base_grow(NULL, strlen(entry) + 1), entry);
}

static bool has_name(const char *entry, const char *name, size_t size) {
  return strncmp(entry, name, size) == 0 && (entry[size] == '=' || entry[size] == 0);
}

void rs_env_put(rs_env *env, const char *entry) {
  size_t size = name_size(entry), kept = 0;
  for (size_t i = 0; i < env->count; i++) {
    if (has_name(env->at[i], entry, size)) free(env->at[i]);
    else env->at[kept++] = env->at[i];
  }
  env->count = kept;
  env->at = rs_base_grow(env->at, (kept + 2) * sizeof *env->at);
  if (entry[size] == '=') env->at[env->count++] = copy_of(entry);
  env->at[env->count] = NULL;
}

void rs_env_set(rs_env *env, const char *name, const char *value) {
  rs_bytes entry = {0};
  rs_bytes_text(&entry, name);
  rs_bytes_add(&entry, "=", 1);
  rs_bytes_add(&entry, value, strlen(value) + 1);
  rs_env_put(env, entry.at);
  rs_bytes_free(&entry);
}

rs_env rs_env_host(void) {
  rs_env env = {0};
  size_t count = 0;
  while (environ[count]) count++;
  env.at = rs_base_grow(NULL, (count + 1) * sizeof *env.at);
  /* As it is: to look for each name among those before would take too long. */
  for (; env.count < count; env.count++)
    env.at[env.count] = copy_of(environ[env.count]);
  env.at[count] = NULL;
  for (size_t i = 0; i < RS_COUNT_OF(host_only); i++) rs_env_put(&env, host_only[i]);
  return env;
}

void rs_env_free(rs_env *env) {
  for (size_t i = 0; i < env->count; i++) free(env->at[i]);
  free(env->at);
  *env = (rs_env){0};
}

char **rs_env_list(const char *bytes, uint32_t size, size_t *count) {
  size_t strings = 0;
  for (uint32_t at = 0; at < size; at++) strings += bytes[at] == 0;
  char **list = rs_base_new((strings + 1) * sizeof *list);
  size_t used = 0;
  for (uint32_t at = 0; used < strings; at += (uint32_t)strlen(bytes + at) + 1)
    list[used++] = (char *)(uintptr_t)(bytes + at);
  if (count) *count = used;
  return list;
}
