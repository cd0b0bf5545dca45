#define _GNU_SOURCE
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, FILE_ROOM = 16 << 10 };

static const char prefix[] = "runsmith-";

/* The whole of a small file; NUL-terminated, cut to the room. */
static bool read_file(const char *path, char *text, size_t room) {
  size_t size = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (ssize_t got; fd >= 0 && size < room - 1; size += (size_t)got)
    if ((got = read(fd, text + size, room - 1 - size)) <= 0) break;
  text[size] = 0;
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int write_file(const char *folder, const char *name, const char *text) {
  char path[PATH_ROOM];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
    return -ENAMETOOLONG;
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int code = write(fd, text, strlen(text)) < 0 ? -errno : 0;
  close(fd);
  return code;
}

static char *join(const char *folder, const char *name) {
  size_t size = strlen(folder) + strlen(name) + 2;
  char *path = rs_base_new(size);
  snprintf(path, size, "%s/%s", folder, name);
  return path;
}

/* True if a list whose items are parted by `by` has the word. */
static bool has_word(const char *list, const char *word, const char *by) {
  size_t size = strlen(word);
  for (; *list; list += strspn(list, by)) {
    size_t here = strcspn(list, by);
    if (here == size && strncmp(list, word, size) == 0) return true;
    list += here;
  }
  return false;
}

/* Where a hierarchy is mounted: by its type, and a version 1 controller. "ID PARENT DEV
** ROOT POINT OPTIONS ... - TYPE SOURCE SUPER" */
static bool find_mount(const char *mounts, const char *controller, char *root,
                       char *point) {
  for (const char *line = mounts; *line;
       line += strcspn(line, "\n"), line += *line != 0) {
    char type[32], super[1024];
    const char *end = line + strcspn(line, "\n"), *rest = strstr(line, " - ");
    if (!rest || rest > end) continue;
    if (sscanf(line, "%*s %*s %*s %1023s %1023s", root, point) != 2) continue;
    if (sscanf(rest, " - %31s %*s %1023s", type, super) != 2) continue;
    bool unified = strcmp(type, "cgroup2") == 0, old = strcmp(type, "cgroup") == 0;
    if (controller ? old && has_word(super, controller, ",") : unified) return true;
  }
  return false;
}

/* This process's group in a hierarchy. "ID:CONTROLLERS:PATH" */
static bool find_own(const char *own, const char *controller, char *path) {
  for (const char *line = own; *line; line += strcspn(line, "\n"), line += *line != 0) {
    char names[256] = "";
    const char *colon = strchr(line, ':');
    if (!colon) continue;
    const char *second = strchr(colon + 1, ':');
    if (!second || sscanf(second, ":%1023[^\n]", path) != 1) continue;
    snprintf(names, sizeof names, "%.*s", (int)(second - colon - 1), colon + 1);
    if (controller ? has_word(names, controller, ",") : *names == 0) return true;
  }
  return false;
}

/* The folder of this process's group; NULL. */
static char *own_folder(const char *mounts, const char *own, const char *controller) {
  char root[1024], point[1024], path[1024];
  if (!find_mount(mounts, controller, root, point)) return NULL;
  if (!find_own(own, controller, path)) return NULL;
  const char *rest = path;
  size_t size = strlen(root);
  /* A container sees its part of the tree as if it were the whole. */
  if (strcmp(root, "/") != 0 && strncmp(path, root, size) == 0) rest = path + size;
  while (*rest == '/') rest++;
  return *rest ? join(point, rest) : strdup(point);
}

static void remove_tree(const char *folder) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    char *inner = join(folder, entry->d_name);
    rmdir(inner);
    free(inner);
  }
  if (dir) closedir(dir);
  rmdir(folder);
}

/* A host that was killed could not tidy up. Nothing is removed that has a process in
** it. */
static void sweep(const char *folder) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0) continue;
    pid_t pid = (pid_t)strtol(entry->d_name + sizeof prefix - 1, NULL, 10);
    if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    char *left = join(folder, entry->d_name);
    remove_tree(left);
    free(left);
  }
  if (dir) closedir(dir);
}

/* The host's own folder in one hierarchy; NULL and the reason. */
static char *make_base(const char *mounts, const char *own, const char *controller,
                       char *why, size_t why_size) {
  char name[64];
  char *folder = own_folder(mounts, own, controller);
  if (!folder) {
    snprintf(why, why_size, "there is no cgroup version 2 here");
    return NULL;
  }
  sweep(folder);
  snprintf(name, sizeof name, "%s%d", prefix, (int)getpid());
  char *base = join(folder, name);
  if (mkdir(base, 0755) != 0) {
    snprintf(why, why_size, "cannot make %s: %s", base, strerror(errno));
    free(base);
    base = NULL;
  }
  free(folder);
  return base;
}

void rs_cgroup_begin(rs_cgroups *groups) {
  static char mounts[64 << 10];
  char own[FILE_ROOM], why[256], *probe;
  if (groups->tried) return;
  groups->tried = true;
  if (!read_file("/proc/self/mountinfo", mounts, sizeof mounts) ||
      !read_file("/proc/self/cgroup", own, sizeof own)) {
    snprintf(groups->why, sizeof groups->why, "there is no /proc");
    return;
  }
  char **at = groups->at;
  at[RS_CG_UNIFIED] = make_base(mounts, own, NULL, groups->why, sizeof groups->why);
  at[RS_CG_MEMORY] = make_base(mounts, own, "memory", why, sizeof why);
  at[RS_CG_PIDS] = make_base(mounts, own, "pids", why, sizeof why);
  if (!at[RS_CG_UNIFIED]) return;
  probe = join(at[RS_CG_UNIFIED], "cgroup.kill");
  if (access(probe, W_OK) != 0) { /* Linux before 5.14 */
    snprintf(groups->why, sizeof groups->why, "this kernel has no cgroup.kill");
    rmdir(at[RS_CG_UNIFIED]);
    free(at[RS_CG_UNIFIED]);
    at[RS_CG_UNIFIED] = NULL;
  } else {
    const char *base = at[RS_CG_UNIFIED];
    groups->limits = write_file(base, "cgroup.subtree_control", "+memory +pids") == 0;
  }
  free(probe);
}

void rs_cgroup_end(rs_cgroups *groups) {
  rs_cgroup_tidy(groups);
  for (int i = 0; i < RS_CG_COUNT; i++) {
    if (groups->at[i]) remove_tree(groups->at[i]);
    free(groups->at[i]);
    groups->at[i] = NULL;
  }
}

static char *make_in(const char *base, const char *name) {
  char *folder = join(base, name);
  if (mkdir(folder, 0755) == 0 || errno == EEXIST) return folder;
  free(folder);
  return NULL;
}

static void forget(char **folder) {
  if (*folder) rmdir(*folder);
  free(*folder);
  *folder = NULL;
}

static bool set(const char *folder, const char *file, uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  return folder && write_file(folder, file, text) == 0;
}

/* A folder takes longer to make than a process does. */
static bool reuse(rs_cgroups *groups, rs_cgroup *group, uint32_t unit) {
  for (uint32_t i = 0; i < groups->retired_count; i++) {
    rs_cgroup *old = &groups->retired[i];
    bool fit = old->at[RS_CG_UNIFIED] && old->empty && !old->killed && !old->limited;
    if (old->unit != unit || !fit) continue;
    *group = *old;
    *old = groups->retired[--groups->retired_count];
    return true;
  }
  return false;
}

void rs_cgroup_make(rs_cgroups *groups, rs_cgroup *group, uint32_t unit,
                    uint32_t number, uint64_t memory, uint64_t processes) {
  char name[64];
  char *const *base = groups->at;
  char **at = group->at;
  bool limited = memory > 0 || processes > 0;
  if (!limited && reuse(groups, group, unit)) return;
  *group = (rs_cgroup){.unit = unit, .number = number, .limited = limited};
  snprintf(name, sizeof name, "%u.%u", unit, number);
  if (base[RS_CG_UNIFIED]) at[RS_CG_UNIFIED] = make_in(base[RS_CG_UNIFIED], name);
  if (groups->limits && at[RS_CG_UNIFIED]) {
    if (memory > 0) set(at[RS_CG_UNIFIED], "memory.max", memory);
    if (processes > 0) set(at[RS_CG_UNIFIED], "pids.max", processes);
    return;
  }
  if (memory > 0 && base[RS_CG_MEMORY]) {
    at[RS_CG_MEMORY] = make_in(base[RS_CG_MEMORY], name);
    if (!set(at[RS_CG_MEMORY], "memory.limit_in_bytes", memory))
      forget(&at[RS_CG_MEMORY]);
  }
  if (processes > 0 && base[RS_CG_PIDS]) {
    at[RS_CG_PIDS] = make_in(base[RS_CG_PIDS], name);
    if (!set(at[RS_CG_PIDS], "pids.max", processes)) forget(&at[RS_CG_PIDS]);
  }
}

bool rs_cgroup_limit_memory(const rs_cgroups *groups, const rs_cgroup *group,
                            uint64_t memory) {
  char text[32];
  bool old = group->at[RS_CG_MEMORY], unified = groups->limits;
  const char *folder = old ? group->at[RS_CG_MEMORY] : group->at[RS_CG_UNIFIED];
  if (!folder || !(old || unified)) return true;
  snprintf(text, sizeof text, "%llu", (unsigned long long)memory);
  if (memory == 0) snprintf(text, sizeof text, old ? "-1" : "max");
  int code = write_file(folder, old ? "memory.limit_in_bytes" : "memory.max", text);
  return code != -EBUSY;
}

bool rs_cgroup_has_memory(const rs_cgroups *groups, const rs_cgroup *group) {
  return group->at[RS_CG_MEMORY] || (groups->limits && group->at[RS_CG_UNIFIED]);
}

bool rs_cgroup_has_pids(const rs_cgroups *groups, const rs_cgroup *group) {
  return group->at[RS_CG_PIDS] || (groups->limits && group->at[RS_CG_UNIFIED]);
}

bool rs_cgroup_kill(rs_cgroup *group) {
  char path[PATH_ROOM], events[256];
  const char *folder = group->at[RS_CG_UNIFIED];
  if (!folder) return false;
  snprintf(path, sizeof path, "%s/cgroup.events", folder);
  read_file(path, events, sizeof events);
  group->empty = strstr(events, "populated 0") != NULL;
  if (!strstr(events, "populated 1")) return false;
  group->killed = true;
  write_file(folder, "cgroup.kill", "1");
  return true;
}

void rs_cgroup_drop(rs_cgroup *group) {
  for (int i = 0; i < RS_CG_COUNT; i++) forget(&group->at[i]);
}

void rs_cgroup_retire(rs_cgroups *groups, rs_cgroup *group) {
  bool any =
    group->at[RS_CG_UNIFIED] || group->at[RS_CG_MEMORY] || group->at[RS_CG_PIDS];
  if (any && groups->retired_count < RS_CG_RETIRED_MAX) {
    groups->retired[groups->retired_count++] = *group;
    *group = (rs_cgroup){0};
  }
  rs_cgroup_drop(group);
}

void rs_cgroup_tidy(rs_cgroups *groups) {
  while (groups->retired_count > 0)
    rs_cgroup_drop(&groups->retired[--groups->retired_count]);
}

bool rs_cgroup_find(const rs_cgroups *groups, int pid, uint32_t *unit,
                    uint32_t *number) {
  char path[64], text[FILE_ROOM];
  if (!groups->at[RS_CG_UNIFIED]) return false;
  snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
  if (!read_file(path, text, sizeof text)) return false;
  const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
  const char *name = strrchr(groups->at[RS_CG_UNIFIED], '/');
  if (!line) return false;
  line += *line == '\n';
  size_t size = strcspn(line, "\n"), skip = strlen(name);
  const char *found = memmem(line, size, name, skip);
  return found && sscanf(found + skip, "/%u.%u", unit, number) == 2;
}
