#define _GNU_SOURCE
#include "stray.h"

#include <unistd.h>

#include "../base/json.h"

enum { EXE_ROOM = 512 };

/* One that the fork server is making is this program, and has not said HELLO yet. */
static bool is_own(pid_t pid) {
  char name[64], mine[EXE_ROOM], its[EXE_ROOM];
  snprintf(name, sizeof name, "/proc/%d/exe", (int)pid);
  ssize_t size = readlink("/proc/self/exe", mine, sizeof mine);
  ssize_t other = readlink(name, its, sizeof its);
  return size > 0 && size == other && memcmp(mine, its, (size_t)size) == 0;
}

static bool is_stray(const rs_children *children, const rs_cgroups *groups, pid_t pid) {
  uint32_t unit, number;
  if (rs_children_find(children, pid)) return false; /* most are: nothing is read */
  rs_kin kin = rs_family_kin(pid);
  if (kin.state == 'X' || kin.state == 'Z') return false;
  if (rs_children_find(children, kin.group) || rs_children_find(children, kin.session))
    return false;
  return !rs_cgroup_find(groups, pid, &unit, &number) &&
         !rs_family_has_mark(pid, NULL) && !is_own(pid);
}

void rs_strays_put(const rs_children *children, const rs_cgroups *groups,
                   rs_bytes *out) {
  rs_bytes list = {0}, title = {0};
  uint32_t count = 0;
  rs_family_children(&list);
  const char *at = list.at;
  for (pid_t pid; count < RS_STRAYS_MAX && (pid = rs_family_next(&at)) > 0;) {
    if (!is_stray(children, groups, pid)) continue;
    rs_bytes_text(out, count++ == 0 ? ",\"strays\":[" : ",");
    rs_bytes_print(out, "{\"pid\":%d", (int)pid);
    rs_family_title(pid, &title);
    rs_json_text(out, "command", title.at, title.size);
    rs_bytes_text(out, "}");
  }
  if (count > 0) rs_bytes_text(out, "]");
  rs_bytes_free(&list);
  rs_bytes_free(&title);
}
