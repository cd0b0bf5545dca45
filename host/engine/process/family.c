#define _GNU_SOURCE
#include "family.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEPTH_MAX = 64, TITLE_MAX = 256, ENV_END = 51, DOUBTS_MAX = 50, AGAIN_MS = 1 };

typedef enum { NO, YES, NOT_KNOWN_YET } rs_answer;

/* The whole of a small file of /proc; NUL-terminated. */
static void read_all(const char *name, rs_bytes *out) {
  char part[4096];
  out->size = 0;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  for (ssize_t got; fd >= 0 && (got = read(fd, part, sizeof part)) > 0;)
    rs_bytes_add(out, part, (size_t)got);
  if (fd >= 0) close(fd);
  rs_bytes_add(out, "", 1);
}

/* The children of all threads of a process, NUL-terminated. */
static void children_of(pid_t pid, rs_bytes *out) {
  char name[64], file[512];
  rs_bytes part = {0};
  out->size = 0;
  snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
  DIR *dir = opendir(name);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    snprintf(file, sizeof file, "%s/%s/children", name, entry->d_name);
    read_all(file, &part);
    rs_bytes_add(out, part.at, part.size - 1);
  }
  if (dir) closedir(dir);
  rs_bytes_add(out, "", 1);
  rs_bytes_free(&part);
}

/* This process's. They are all its first thread's: no other starts any, and orphans
** come to the first one that lives. */
void rs_family_children(rs_bytes *out) {
  char name[64];
  snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
  read_all(name, out);
}

pid_t rs_family_next(const char **at) {
  while (isspace((unsigned char)**at)) ++*at;
  char *end;
  long pid = strtol(*at, &end, 10);
  *at = end;
  return (pid_t)pid;
}

rs_kin rs_family_kin(pid_t pid) {
  char name[64];
  rs_kin kin = {.state = 'X'};
  rs_bytes text = {0};
  snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
  read_all(name, &text);
  const char *rest = strrchr(text.at, ')');
  int parent, group, session;
  if (rest &&
      sscanf(rest + 1, " %c %d %d %d", &kin.state, &parent, &group, &session) == 4) {
    kin.parent = parent;
    kin.group = group;
    kin.session = session;
  } else {
    kin.state = 'X';
  }
  rs_bytes_free(&text);
  return kin;
}

static void kill_below(pid_t pid, int depth) {
  rs_bytes list = {0};
  children_of(pid, &list);
  const char *at = list.at;
  for (pid_t child; depth < DEPTH_MAX && (child = rs_family_next(&at)) > 0;)
    kill_below(child, depth + 1);
  rs_bytes_free(&list);
  if (depth > 0) kill(pid, SIGKILL);
}

void rs_family_kill(pid_t leader) {
  kill_below(leader, 0);
  kill(-leader, SIGKILL);
}

void rs_family_kill_children(void) { kill_below(getpid(), 0); }

/* In the middle of an exec a process has no environment yet: where it ends is not known
** either (proc(5), stat: env_end, the 51st field). */
static bool is_in_exec(pid_t pid) {
  char name[64];
  rs_bytes text = {0};
  snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
  read_all(name, &text);
  const char *at = strrchr(text.at, ')');
  bool alive = at && at[1] == ' ' && at[2] != 'Z' && at[2] != 'X';
  for (int field = 2; at && field < ENV_END; field++) {
    at = strchr(at, ' ');
    if (at) at++;
  }
  bool none = at && at[0] == '0' && at[1] == ' ';
  rs_bytes_free(&text);
  return alive && none;
}

static rs_answer marked(pid_t pid, const char *mark) {
  static const char name[] = "RUNSMITH_UNIT=";
  char file[64];
  rs_bytes env = {0};
  bool found = false;
  snprintf(file, sizeof file, "/proc/%d/environ", (int)pid);
  read_all(file, &env);
  bool empty = env.size <= 1;
  for (size_t at = 0; !found && at < env.size; at += strlen(env.at + at) + 1)
    found = strncmp(env.at + at, name, sizeof name - 1) == 0 &&
            (!mark || strcmp(env.at + at + sizeof name - 1, mark) == 0);
  rs_bytes_free(&env);
  if (found) return YES;
  return empty && is_in_exec(pid) ? NOT_KNOWN_YET : NO;
}

bool rs_family_has_mark(pid_t pid, const char *mark) {
  return marked(pid, mark) == YES;
}

void rs_family_title(pid_t pid, rs_bytes *out) {
  char name[64];
  snprintf(name, sizeof name, "/proc/%d/cmdline", (int)pid);
  read_all(name, out);
  while (out->size > 0 && out->at[out->size - 1] == 0) out->size--;
  if (out->size > TITLE_MAX) out->size = TITLE_MAX;
  for (size_t i = 0; i < out->size; i++)
    if (out->at[i] == 0) out->at[i] = ' ';
}

static void on_again(uv_timer_t *timer) { rs_families_look(timer->data); }

static rs_answer belongs(pid_t pid, const rs_family *family) {
  rs_kin kin = rs_family_kin(pid);
  if (kin.state == 'X' || kin.state == 'Z') return NO;
  if (kin.group == family->leader || kin.session == family->leader) return YES;
  return marked(pid, family->mark);
}

/* Kills those of this process's children, as listed, that are of the family. True if
** there may be more of it. */
static bool kill_of(rs_families *families, rs_family *family, const char *list) {
  bool some = false, doubt = false;
  for (pid_t pid; (pid = rs_family_next(&list)) > 0;) {
    if (rs_children_find(families->children, pid)) continue;
    rs_answer answer = belongs(pid, family);
    if (answer == YES) kill_below(pid, 1);
    some = some || answer == YES;
    doubt = doubt || answer == NOT_KNOWN_YET;
  }
  if (some || !doubt || family->doubts++ >= DOUBTS_MAX) return some;
  uv_timer_start(&families->again, on_again, AGAIN_MS, 0);
  return true;
}

void rs_families_look(rs_families *families) {
  if (!families->ending) return;
  rs_bytes list = {0};
  rs_family *gone = NULL;
  rs_family_children(&list);
  for (rs_family **at = &families->ending; *at;) {
    rs_family *family = *at;
    bool some = family->group && rs_cgroup_kill(family->group);
    if (kill_of(families, family, list.at) || some) {
      at = &family->next;
      continue;
    }
    *at = family->next;
    family->next = gone;
    gone = family;
  }
  rs_bytes_free(&list);
  while (gone) {
    rs_family *family = gone;
    gone = family->next;
    free(family->mark);
    family->mark = NULL;
    family->gone(family);
  }
}

void rs_families_begin(rs_families *families, const rs_children *children) {
  families->children = children;
  families->again.data = families;
  uv_timer_init(children->loop, &families->again);
}

void rs_families_end(rs_families *families, rs_family *family) {
  family->next = families->ending;
  families->ending = family;
  rs_families_look(families);
}
