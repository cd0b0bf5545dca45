#define _GNU_SOURCE
#include "channels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../journal/entry.h"

enum { PATH_ROOM = 4096 };

static rs_chan *find(const rs_engine *engine, const char *at, const char *name,
                     size_t size) {
  for (rs_chan *chan = engine->channels; chan; chan = chan->next)
    if (strcmp(chan->at, at) == 0 && strlen(chan->name) == size &&
        memcmp(chan->name, name, size) == 0)
      return chan;
  return NULL;
}

/* The folders above a file, if they are not there: nothing else could make them before
** the tree runs. Opening the file tells what became of it. */
static void make_folders(const char *file) {
  char path[PATH_ROOM];
  if (snprintf(path, sizeof path, "%s", file) >= (int)sizeof path) return;
  for (char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
    *end = 0;
    mkdir(path, 0755);
    *end = '/';
  }
}

/* Its file is this host's: runners have the lock, too, so that it lasts until the last
** of them is gone, whatever becomes of the engine. NULL, or why not. */
static const char *own(rs_chan *chan) {
  rs_channel *map = &chan->map;
  if (!map->book) return "there is no memory for it";
  if (!map->durable || map->owner >= 0) return NULL;
  make_folders(map->durable);
  int fd = open(map->durable, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return strerror(errno);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const char *why =
      errno == EWOULDBLOCK ? "another host has its file" : strerror(errno);
    close(fd);
    return why;
  }
  map->owner = fd;
  return NULL;
}

/* ---- users ---- */

static uint32_t add_user(rs_chan *chan, rs_runner *runner, uint32_t unit,
                         uint32_t inc) {
  uint32_t number = chan->free;
  if (number != RS_NONE) {
    chan->free = chan->user[number].next;
  } else {
    if (chan->count == RS_CHANNEL_USERS_MAX) return RS_NONE;
    number = chan->count++;
    if ((number & (number - 1)) == 0)
      chan->user =
        rs_base_grow(chan->user, (number ? number * 2 : 1) * sizeof *chan->user);
    chan->user[number] = (rs_channel_user){.gen = 1};
    atomic_store(&chan->map.book->gen[number], 1);
  }
  rs_channel_user *user = &chan->user[number];
  user->unit = unit;
  user->inc = inc;
  user->runner = runner;
  chan->living++;
  return number;
}

static void bury(rs_engine *engine, rs_chan *chan, uint32_t number) {
  rs_channel_user *user = &chan->user[number];
  user->gen = user->gen + 1 < RS_CHANNEL_GENS ? user->gen + 1 : 1;
  user->runner = NULL;
  user->next = chan->free;
  chan->free = number;
  chan->living--;
  chan->due = true;
  engine->channels_due = true;
  rs_channel_bury(&chan->map, number, user->gen);
}

static bool lives(const rs_use *use) {
  const rs_channel_user *user = &use->chan->user[use->user];
  return user->runner && user->gen == use->gen;
}

static rs_use *find_use(rs_use *use, const rs_chan *chan) {
  while (use && use->chan != chan) use = use->next;
  return use;
}

/* ---- opening ---- */

static rs_chan *by_number(const rs_engine *engine, uint32_t number) {
  rs_chan *chan = engine->channels;
  while (chan && chan->map.number != number) chan = chan->next;
  return chan;
}

static bool attach(rs_runner *runner, rs_chan *chan) {
  if (find_use(runner->channels, chan)) return true;
  if (own(chan)) return false;
  uint32_t user = add_user(chan, runner, RS_NONE, 0);
  if (user == RS_NONE) return false;
  rs_use *use = rs_base_new(sizeof *use);
  *use = (rs_use){runner->channels, chan, user, chan->user[user].gen};
  chan->uses++;
  runner->channels = use;
  rs_ctl ctl = {.kind = RS_CTL_CHANNEL, .a = chan->map.number, .b = user};
  ctl.c = use->gen;
  const char *file = chan->map.durable;
  int fds[4] = {chan->map.fd, chan->map.bell[0], chan->map.bell[1], chan->map.owner};
  rs_bytes text = {0};
  rs_bytes_text(&text, chan->name);
  if (file) rs_bytes_add(&text, "", 1);
  if (file) rs_bytes_text(&text, file);
  ctl.x = file != NULL;
  ctl.size = (uint32_t)text.size;
  rs_runner_tell(runner, &ctl, text.at, fds, file ? 4 : 3);
  rs_bytes_free(&text);
  return true;
}

/* Who has a channel also has those with which it exchanges items, and has these before:
** what is doomed goes with the first call. */
static bool attach_all(rs_runner *runner, rs_chan *chan) {
  const rs_engine *engine = runner->engine;
  uint32_t own = chan->map.number, to = atomic_load(&chan->map.book->rejects);
  rs_chan *rejects = to == 0 ? NULL : by_number(engine, to);
  bool good = !rejects || attach(runner, rejects);
  for (rs_chan *other = engine->channels; good && other; other = other->next) {
    uint32_t of = atomic_load(&other->map.book->rejects);
    if (of == own || (of != 0 && of == to && other != chan))
      good = attach(runner, other);
  }
  return good && attach(runner, chan);
}

/* The nearest of that name above the unit. */
static rs_chan *seen_from(const rs_engine *engine, uint32_t unit, const char *name,
                          size_t size) {
  rs_view view;
  char path[PATH_ROOM];
  while (rs_core_view(engine->core, unit, &view) && view.parent != RS_NONE) {
    unit = view.parent;
    if (rs_core_path(engine->core, unit, path, sizeof path) >= sizeof path) return NULL;
    rs_chan *chan = find(engine, path, name, size);
    if (chan) return chan;
  }
  return NULL;
}

static void answer(rs_runner *runner, uint32_t slot, const rs_event *event,
                   const char *text, bool good) {
  rs_record record = {.kind = RS_DOWN_CHANNEL, .slot = slot, .inc = event->inc};
  record.a = event->a;
  record.b = good;
  record.size = (uint32_t)strlen(text);
  rs_part_put(runner, rs_part_book(runner, slot)->vm, &record, text);
}

/* The incarnation's use of it, be it an old one; NULL: it has too many users. */
static rs_use *use_of(rs_runner *runner, rs_chan *chan, const rs_event *event) {
  rs_engine *engine = runner->engine;
  rs_unit *unit = rs_engine_unit(engine, event->unit);
  rs_use *use = find_use(unit->uses, chan);
  if (use && lives(use)) return use;
  uint32_t user = add_user(chan, runner, event->unit, event->inc);
  if (user == RS_NONE) return NULL;
  if (!use) {
    use = rs_base_new(sizeof *use);
    use->next = unit->uses;
    use->chan = chan;
    chan->uses++;
    unit->uses = use;
  }
  use->user = user;
  use->gen = chan->user[user].gen;
  return use;
}

void rs_channels_open(rs_runner *runner, uint32_t slot, const rs_event *event,
                      const char *name, size_t size) {
  char text[128];
  if (runner->dead || runner->killed) return;
  rs_chan *chan = seen_from(runner->engine, event->unit, name, size);
  if (!chan) {
    answer(runner, slot, event, "no channel of this name is seen from here", false);
    return;
  }
  const char *why = own(chan);
  if (why) {
    answer(runner, slot, event, why, false);
    return;
  }
  const rs_use *use = attach_all(runner, chan) ? use_of(runner, chan, event) : NULL;
  if (!use) {
    answer(runner, slot, event, "it, or where its rejects go, cannot be had", false);
    return;
  }
  snprintf(text, sizeof text, "%u %u %u", chan->map.number, use->user, use->gen);
  answer(runner, slot, event, text, true);
}

/* ---- ends ---- */

void rs_channels_left(rs_engine *engine, uint32_t unit) {
  rs_unit *book = rs_engine_unit(engine, unit);
  while (book->uses) {
    rs_use *use = book->uses;
    book->uses = use->next;
    if (lives(use)) bury(engine, use->chan, use->user);
    use->chan->uses--;
    free(use);
  }
}

void rs_channels_lost(rs_runner *runner) {
  while (runner->channels) {
    rs_use *use = runner->channels;
    rs_chan *chan = use->chan;
    runner->channels = use->next;
    for (uint32_t i = 0; i < chan->count; i++)
      if (chan->user[i].runner == runner) bury(runner->engine, chan, i);
    chan->uses--;
    free(use);
  }
}

void rs_channels_flush(rs_engine *engine) {
  if (!engine->channels_due) return;
  engine->channels_due = false;
  for (rs_chan *chan = engine->channels; chan; chan = chan->next) {
    if (chan->due) rs_channel_ring(&chan->map);
    chan->due = false;
  }
}

/* ---- plans ---- */

static rs_chan *make(rs_engine *engine, const char *at, const char *name, size_t size) {
  rs_chan *chan = rs_base_new(sizeof *chan), **end = &engine->channels;
  chan->at = strdup(at);
  chan->name = strndup(name, size);
  chan->free = RS_NONE;
  rs_channel_make(&chan->map, ++engine->channel_last); /* if not, `own` says so */
  while (*end) end = &(*end)->next;
  *end = chan;
  return chan;
}

static void set(rs_chan *chan, const rs_plan_channel *row) {
  rs_channel_book *book = chan->map.book;
  if (!book) return;
  atomic_store(&book->overflow, row->overflow);
  atomic_store(&book->attempts, row->attempts);
  if (row->capacity > atomic_load(&book->peak))
    atomic_store(&book->peak, row->capacity);
  atomic_store(&book->capacity, row->capacity);
}

/* What its users find is closed; the rest goes when they do. */
static void close_it(rs_engine *engine, rs_chan **at) {
  rs_chan *chan = *at;
  *at = chan->next;
  if (chan->map.book) rs_channel_close(&chan->map);
  chan->next = engine->channels_closed;
  engine->channels_closed = chan;
}

static void free_closed(rs_engine *engine) {
  for (rs_chan **at = &engine->channels_closed; *at;) {
    rs_chan *chan = *at;
    if (chan->living > 0 || chan->uses > 0) {
      at = &chan->next;
      continue;
    }
    *at = chan->next;
    rs_channel_unmap(&chan->map);
    free(chan->user);
    free(chan->map.durable);
    free(chan->name);
    free(chan->at);
    free(chan);
  }
}

/* Relative to the script's folder. NULL: it is not durable. */
static char *file_of(const rs_plan *plan, const rs_plan_channel *row) {
  const char *file = rs_plan_bytes(plan, row->durable);
  rs_ref root = plan->root_dir;
  char *here = NULL;
  if (row->durable.len == 0) return NULL;
  rs_bytes path = {0};
  if (*file != '/') {
    const char *dir = rs_plan_bytes(plan, root);
    if (root.len == 0 || *dir != '/') here = getcwd(NULL, 0);
    if (here) rs_bytes_print(&path, "%s/", here);
    rs_bytes_add(&path, dir, root.len);
    rs_bytes_text(&path, "/");
  }
  rs_bytes_add(&path, file, row->durable.len);
  rs_bytes_add(&path, "", 1);
  free(here);
  return path.at;
}

static rs_chan *of_row(rs_engine *engine, const rs_plan *plan, uint32_t row,
                       bool makes) {
  const rs_plan_channel *c = (const rs_plan_channel *)rs_plan_rows(plan, RS_T_CHANNEL);
  const char *name = rs_plan_bytes(plan, c[row].name);
  rs_bytes path = {0};
  rs_plan_path(plan, c[row].unit, &path);
  rs_bytes_add(&path, "", 1);
  rs_chan *chan = find(engine, path.at, name, c[row].name.len);
  if (makes) {
    char *file = file_of(plan, &c[row]);
    const char *old = chan ? chan->map.durable : NULL;
    if (chan && (file && old ? strcmp(file, old) != 0 : file != old)) {
      rs_chan **place = &engine->channels; /* elsewhere it is another channel */
      while (*place != chan) place = &(*place)->next;
      close_it(engine, place);
      chan = NULL;
    }
    if (!chan) chan = make(engine, path.at, name, c[row].name.len);
    if (!chan->map.durable) chan->map.durable = file;
    else free(file);
  }
  rs_bytes_free(&path);
  return chan;
}

/* What goes to another channel from now on is that one's users' business, too. */
static void link_to(rs_engine *engine, rs_chan *chan, const rs_chan *to) {
  uint32_t number = to ? to->map.number : 0;
  if (!chan->map.book || atomic_load(&chan->map.book->rejects) == number) return;
  atomic_store(&chan->map.book->rejects, number);
  for (rs_runner *runner = engine->runners; runner; runner = runner->next)
    if (find_use(runner->channels, chan) && !runner->dead) attach_all(runner, chan);
}

void rs_channels_apply(rs_engine *engine, uint32_t number) {
  const rs_plan *plan = rs_plans_get(&engine->plans, number)->plan;
  const rs_plan_channel *row = rs_plan_rows(plan, RS_T_CHANNEL);
  uint32_t count = rs_plan_count(plan, RS_T_CHANNEL);
  for (rs_chan *chan = engine->channels; chan; chan = chan->next) chan->kept = false;
  for (uint32_t i = 0; i < count; i++) {
    rs_chan *chan = of_row(engine, plan, i, true);
    chan->kept = chan->due = true;
    set(chan, &row[i]);
    const char *why = own(chan);
    if (why && !chan->told)
      rs_entry_log(engine, RS_NONE, RS_NONE, 3, "channel %s in %s: %s%s%s", chan->name,
                   chan->at, why, chan->map.durable ? ": " : "",
                   chan->map.durable ? chan->map.durable : "");
    chan->told = why != NULL;
  }
  for (rs_chan **at = &engine->channels; *at;) {
    if ((*at)->kept) at = &(*at)->next;
    else close_it(engine, at);
  }
  for (uint32_t i = 0; i < count; i++) {
    rs_chan *chan = of_row(engine, plan, i, false), *to = NULL;
    if (row[i].rejects != RS_NONE) to = of_row(engine, plan, row[i].rejects, false);
    link_to(engine, chan, to);
  }
  engine->channels_due = true;
  free_closed(engine);
}
