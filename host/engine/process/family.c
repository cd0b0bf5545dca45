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

/* The RUNSMITH_UNIT with which a process began its life; within `env`. */
static rs_answer mark_of(pid_t pid, rs_bytes *env, const char **mark) {
  static const char name[] = "RUNSMITH_UNIT=";
  char file[64];
  *mark = NULL;
  snprintf(file, sizeof file, "/proc/%d/environ", (int)pid);
  read_all(file, env);
  for (size_t at = 0; !*mark && at < env->size; at += strlen(env->at + at) + 1)
    if (strncmp(env->at + at, name, sizeof name - 1) == 0)
      *mark = env->at + at + sizeof name - 1;
  if (*mark) return YES;
  return env->size <= 1 && is_in_exec(pid) ? NOT_KNOWN_YET : NO;
}

bool rs_family_has_mark(pid_t pid, const char *mark) {
  const char *has;
  rs_bytes env = {0};
  bool found = mark_of(pid, &env, &has) == YES && (!mark || strcmp(has, mark) == 0);
  rs_bytes_free(&env);
  return found;
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

static void on_again(uv_timer_t *timer) { rs_families_wake(timer->data); }

/* A child of this process that is none of the engine's own: killed where it is of a
** family that is ending. True if that cannot be said yet. */
static bool place(rs_families *families, pid_t pid) {
  rs_kin kin = rs_family_kin(pid);
  if (kin.state == 'X' || kin.state == 'Z') return false;
  rs_bytes env = {0};
  const char *mark;
  bool doubt = mark_of(pid, &env, &mark) == NOT_KNOWN_YET, ours = false;
  for (rs_family *family = families->ending; family; family = family->next) {
    bool is = kin.group == family->leader || kin.session == family->leader ||
              (mark && strcmp(mark, family->mark) == 0);
    family->some = family->some || is;
    ours = ours || is;
  }
  if (ours) kill_below(pid, 1);
  rs_bytes_free(&env);
  return doubt && !ours;
}

static bool place_all(rs_families *families) {
  rs_bytes list = {0};
  bool doubt = false;
  rs_family_children(&list);
  const char *at = list.at;
  for (pid_t pid; (pid = rs_family_next(&at)) > 0;)
    if (!rs_children_find(families->children, pid))
      doubt = place(families, pid) || doubt;
  rs_bytes_free(&list);
  return doubt;
}

/* True if there may be more of it. */
static bool is_left(rs_families *families, rs_family *family, bool doubt) {
  if (family->some || !doubt || family->doubts++ >= DOUBTS_MAX) return family->some;
  uv_timer_start(&families->again, on_again, AGAIN_MS, 0);
  return true;
}

/* One look at each process, however many families end: a thousand that end at the same
** moment are a thousand looks, not a million. */
void rs_families_turn(rs_families *families) {
  if (!families->due) return;
  families->due = false;
  rs_family *gone = NULL;
  for (rs_family *family = families->ending; family; family = family->next)
    family->some = family->group && rs_cgroup_kill(family->group);
  bool doubt = families->ending && place_all(families);
  for (rs_family **at = &families->ending; *at;) {
    rs_family *family = *at;
    if (is_left(families, family, doubt)) {
      at = &family->next;
      continue;
    }
    *at = family->next;
    family->next = gone;
    gone = family;
  }
  while (gone) {
    rs_family *family = gone;
    gone = family->next;
    free(family->mark);
    family->mark = NULL;
    family->gone(family);
  }
}

void rs_families_wake(rs_families *families) { families->due = true; }

void rs_families_begin(rs_families *families, const rs_children *children) {
  families->children = children;
  families->again.data = families;
  uv_timer_init(children->loop, &families->again);
}

void rs_families_end(rs_families *families, rs_family *family) {
  family->next = families->ending;
  families->ending = family;
  rs_families_wake(families);
}
