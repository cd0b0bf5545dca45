#define _GNU_SOURCE
#include "sources.h"

#include <cJSON.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confirm.h"
#include "../journal/entry.h"
#include "evaluate.h"

enum { GATHER_MS = 100, GATHER_MOST = RS_SECOND, PATH_ROOM = 4096 };

/* A folder that is watched, and the names in it that count, each with its NUL. */
typedef struct rs_folder {
  struct rs_folder *next;
  rs_sources *sources;
  uv_fs_event_t event;
  char *path;
  rs_bytes names;
  bool over; /* it was moved or removed */
} rs_folder;

struct rs_sources {
  rs_engine *engine;
  rs_folder *folders;
  uint32_t count;
  rs_bytes files; /* absolute paths, each with its NUL */
  uv_timer_t timer;
  rs_time first; /* of the changes that are gathered; 0: there are none */
  bool later;    /* one came while something else went on */
  char name[256];
};

static bool holds(const rs_bytes *list, const char *text) {
  for (size_t at = 0; at < list->size; at += strlen(list->at + at) + 1)
    if (strcmp(list->at + at, text) == 0) return true;
  return false;
}

static void add(rs_bytes *list, const char *text) {
  if (!holds(list, text)) rs_bytes_add(list, text, strlen(text) + 1);
}

static void on_gathered(uv_timer_t *timer);

static void gather(rs_sources *sources) {
  rs_time now = rs_base_now();
  if (sources->first == 0) sources->first = now;
  if (now - sources->first > GATHER_MOST) return; /* it is about to be told */
  uv_update_time(&sources->engine->loop);
  uv_timer_start(&sources->timer, on_gathered, GATHER_MS, 0);
}

static void on_gathered(uv_timer_t *timer) {
  rs_sources *sources = timer->data;
  rs_engine *engine = sources->engine;
  sources->first = 0;
  if (engine->evaluation || rs_confirm_left(engine) > 0) {
    sources->later = true;
    return;
  }
  rs_entry_note(engine, 0, "%s has changed", sources->name);
  rs_evaluate(engine);
}

void rs_sources_wake(rs_engine *engine) {
  rs_sources *sources = engine->sources;
  if (!sources || !sources->later) return;
  sources->later = false;
  gather(sources);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status) {
  rs_folder *folder = event->data;
  const char *slash = strrchr(folder->path, '/');
  (void)events;
  if (status < 0 || !name) return;
  /* What happens to the folder itself comes with its own name. */
  bool own = slash && strcmp(slash + 1, name) == 0;
  if (own) folder->over = access(folder->path, F_OK) != 0;
  if (!folder->over && !holds(&folder->names, name)) return;
  snprintf(folder->sources->name, sizeof folder->sources->name, "%s", name);
  gather(folder->sources);
}

static void on_closed(uv_handle_t *handle) {
  rs_folder *folder = handle->data;
  rs_bytes_free(&folder->names);
  free(folder->path);
  free(folder);
}

/* The folder's watch, made where it is missing; NULL: there is no such folder. */
static rs_folder *folder_of(rs_sources *sources, const char *path) {
  for (rs_folder *folder = sources->folders; folder; folder = folder->next)
    if (strcmp(folder->path, path) == 0 && !folder->over) return folder;
  if (sources->count == RS_SOURCES_FOLDERS) return NULL;
  rs_folder *folder = rs_base_new(sizeof *folder);
  folder->sources = sources;
  folder->path = strdup(path);
  folder->event.data = folder;
  uv_fs_event_init(&sources->engine->loop, &folder->event);
  if (uv_fs_event_start(&folder->event, on_event, path, 0) != 0) {
    uv_close((uv_handle_t *)&folder->event, on_closed);
    return NULL;
  }
  folder->next = sources->folders;
  sources->folders = folder;
  sources->count++;
  return folder;
}

/* A file changed after the evaluation read it and before its folder was watched. */
static bool is_newer(const char *file, const struct timespec *begun) {
  struct stat st;
  if (stat(file, &st) != 0) return false;
  return st.st_mtim.tv_sec > begun->tv_sec ||
         (st.st_mtim.tv_sec == begun->tv_sec && st.st_mtim.tv_nsec > begun->tv_nsec);
}

/* Watches the file's folder, or as much of the way to it as there is. */
static void watch(rs_sources *sources, const char *file, const struct timespec *begun) {
  char path[PATH_ROOM];
  if (strlen(file) >= sizeof path) return;
  strcpy(path, file);
  for (char *slash; (slash = strrchr(path, '/'));) {
    uint32_t count = sources->count;
    *slash = 0;
    rs_folder *folder = folder_of(sources, slash == path ? "/" : path);
    if (folder) {
      add(&folder->names, slash + 1);
      if (sources->count > count && is_newer(file, begun)) gather(sources);
      return;
    }
    if (slash == path) return;
  }
}

static void drop_unused(rs_sources *sources) {
  for (rs_folder **at = &sources->folders; *at;) {
    rs_folder *folder = *at;
    if (folder->names.size > 0 && !folder->over) {
      at = &folder->next;
      continue;
    }
    *at = folder->next;
    sources->count--;
    uv_close((uv_handle_t *)&folder->event, on_closed);
  }
}

static void renew(rs_sources *sources, const struct timespec *begun) {
  for (rs_folder *folder = sources->folders; folder; folder = folder->next)
    folder->names.size = 0;
  for (size_t at = 0; at < sources->files.size;
       at += strlen(sources->files.at + at) + 1) {
    const char *file = sources->files.at + at;
    char *real = realpath(file, NULL);
    watch(sources, file, begun);
    if (real && strcmp(real, file) != 0) watch(sources, real, begun);
    free(real);
  }
  drop_unused(sources);
}

static void take_line(rs_bytes *files, const char *json, size_t size) {
  cJSON *line = cJSON_ParseWithLength(json, size);
  const char *path =
    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "read"));
  char here[PATH_ROOM];
  rs_bytes whole = {0};
  if (path && *path == '/') {
    add(files, path);
  } else if (path && getcwd(here, sizeof here)) {
    while (strncmp(path, "./", 2) == 0) path += 2;
    rs_bytes_text(&whole, here);
    rs_bytes_text(&whole, "/");
    rs_bytes_text(&whole, path);
    rs_bytes_add(&whole, "", 1);
    add(files, whole.at);
    rs_bytes_free(&whole);
  }
  cJSON_Delete(line);
}

void rs_sources_take(rs_engine *engine, rs_bytes *text, bool good,
                     const struct timespec *begun) {
  static const char mark[] = "{\"read\":";
  rs_sources *sources = engine->sources;
  size_t kept = 0;
  if (!sources) return;
  if (good) sources->files.size = 0;
  for (size_t at = 0, size; at < text->size; at += size) {
    const char *line = text->at + at;
    const char *end = memchr(line, '\n', text->size - at);
    size = end ? (size_t)(end - line) + 1 : text->size - at;
    if (size > sizeof mark && strncmp(line, mark, sizeof mark - 1) == 0) {
      take_line(&sources->files, line, size);
    } else {
      memmove(text->at + kept, line, size);
      kept += size;
    }
  }
  text->size = kept;
  renew(sources, begun);
  rs_sources_wake(engine);
}

void rs_sources_begin(rs_engine *engine) {
  rs_sources *sources = rs_base_new(sizeof *sources);
  sources->engine = engine;
  sources->timer.data = sources;
  uv_timer_init(&engine->loop, &sources->timer);
  engine->sources = sources;
}
