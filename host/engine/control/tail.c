#define _GNU_SOURCE
#include "tail.h"

#include <stdlib.h>

#include "../base/json.h"
#include "../journal/entry.h"
#include "match.h"
#include "query.h"
#include "source.h"

enum { LINE_MAX_READ = 1 << 20, PATH_ROOM = 4096 };

struct rs_tail {
  rs_source file[RS_DISK_FILES]; /* those that are to be read first, the oldest last */
  uint32_t files;
  uint64_t at;   /* in the ring; where `seq` is, until the files are read */
  uint64_t seq;  /* the last entry seen */
  uint64_t last; /* the last one wanted; 0: it follows */
  bool in_ring;
  char *unit, *kind, *from, *until;
  char id[RS_REQUEST_ID];
};

static char bytes[LINE_MAX_READ + 1]; /* one piece is looked at at a time */

void rs_tail_free(rs_tail **tail) {
  rs_tail *old = *tail;
  if (!old) return;
  *tail = NULL;
  while (old->files > 0) rs_source_close(&old->file[--old->files]);
  free(old->unit), free(old->kind), free(old->from), free(old->until);
  free(old);
}

bool rs_tail_ends(const rs_tail *tail) { return tail && tail->last > 0; }

bool rs_tail_get(const char *head, size_t size, const char *key, char *value,
                 size_t room) {
  const char *at = memmem(head, size, key, strlen(key));
  if (!at) return false;
  at += strlen(key);
  const char *end = memchr(at, '"', size - (size_t)(at - head));
  if (!end || (size_t)(end - at) >= room) return false;
  memcpy(value, at, (size_t)(end - at));
  value[end - at] = 0;
  return true;
}

static bool has_word(const char *list, const char *word) {
  size_t size = strlen(word);
  for (const char *at = list; at; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (strncmp(at, word, size) == 0 && (at[size] == 0 || at[size] == ',')) return true;
  }
  return false;
}

/* The unit itself, or what is below it. */
static bool is_of(const char *wanted, char *path) {
  for (char *slash = path + strlen(path); slash; slash = strrchr(path, '/')) {
    *slash = 0;
    if (rs_match_path(wanted, path)) return true;
  }
  return false;
}

static bool is_wanted(const rs_tail *tail, const char *line, size_t size) {
  static const char mark[] = ",\"kind\":\"";
  char value[PATH_ROOM];
  const char *kind = memmem(line, size, mark, sizeof mark - 1);
  if (!kind) return false;
  size_t head = (size_t)(kind - line);
  size_t more = size - head < 64 ? size - head : 64;
  if (tail->kind &&
      !(rs_tail_get(kind, more, mark, value, 48) && has_word(tail->kind, value)))
    return false;
  if ((tail->from || tail->until) &&
      rs_tail_get(line, head, ",\"time\":\"", value, 48)) {
    if (tail->from && strcmp(value, tail->from) < 0) return false;
    if (tail->until && strcmp(value, tail->until) > 0) return false;
  }
  if (!tail->unit) return true;
  return rs_tail_get(line, head, ",\"unit\":\"", value, sizeof value) &&
         is_of(tail->unit, value);
}

/* Adds what is wanted of whole lines; how many bytes these were. */
static size_t add_lines(rs_peer *peer, size_t size) {
  rs_tail *tail = peer->tail;
  const char *at = bytes, *end = bytes + size, *stop;
  while (at < end && (stop = memchr(at, '\n', (size_t)(end - at)))) {
    size_t length = (size_t)(stop - at) + 1;
    uint64_t seq = rs_disk_last_seq(at, length);
    if (tail->last > 0 && seq > tail->last) break;
    if (seq > tail->seq) {
      tail->seq = seq;
      if (is_wanted(tail, at, length)) rs_bytes_add(&peer->out, at, length);
    }
    at = stop + 1;
  }
  return (size_t)(at - bytes);
}

/* A piece of it; how many bytes of the source were used. */
static size_t take_piece(rs_peer *peer, const rs_source *source, uint64_t at) {
  size_t got = rs_source_peek(source, at, bytes, RS_TAIL_PIECE);
  bytes[got] = 0;
  size_t used = add_lines(peer, got);
  if (used > 0 || got < RS_TAIL_PIECE || memchr(bytes, '\n', got)) return used;
  got = rs_source_peek(source, at, bytes, LINE_MAX_READ);
  bytes[got] = 0;
  used = add_lines(peer, got);
  return used > 0 || memchr(bytes, '\n', got) ? used : got; /* too long a line is cut */
}

static void tell_dropped(rs_peer *peer, uint64_t next) {
  if (next <= peer->tail->seq + 1) return;
  rs_entry_gap(peer->engine, peer->tail->seq + 1, next - 1, &peer->out);
}

/* The answer to a question about the past. */
static void finish(rs_peer *peer) {
  rs_tail *tail = peer->tail;
  rs_peer_begin(&peer->out, tail->id);
  rs_bytes_print(&peer->out, "{\"seq\":%llu}}\n", (unsigned long long)tail->last);
  peer->flight--;
  rs_tail_free(&peer->tail);
}

/* From the files into the ring, or on in it after too long a pause. */
static void enter_ring(rs_peer *peer) {
  rs_tail *tail = peer->tail;
  rs_source ring = rs_source_ring(&peer->engine->journal);
  rs_source_seek(&ring, tail->seq + 1);
  tail->in_ring = true;
  tail->at = ring.at;
  if (ring.at < ring.end) tell_dropped(peer, rs_source_seq(&ring, ring.at));
}

bool rs_tail_step(rs_peer *peer) {
  rs_tail *tail = peer->tail;
  const rs_journal *journal = &peer->engine->journal;
  if (tail->files > 0) {
    rs_source *file = &tail->file[tail->files - 1];
    size_t used = take_piece(peer, file, file->at);
    file->at += used;
    if (used > 0) return true;
    rs_source_close(file);
    tail->files--;
    return true;
  }
  if (!tail->in_ring || tail->at < journal->begin) enter_ring(peer);
  rs_source ring = rs_source_ring(journal);
  size_t used = tail->at < ring.end ? take_piece(peer, &ring, tail->at) : 0;
  tail->at += used;
  if (used > 0) return true;
  if (tail->last > 0) finish(peer);
  return false;
}

/* The journal's file of this age, 0 being the present one; false: there is none. */
static bool open_file(const rs_engine *engine, uint32_t age, rs_source *file) {
  char name[PATH_ROOM];
  const char *path = engine->journal.disk.path;
  if (!path) return false;
  if (age == 0) snprintf(name, sizeof name, "%s", path);
  else snprintf(name, sizeof name, "%s.%u", path, age);
  return rs_source_file(file, name);
}

/* Files that have entries after `seq` which the ring has no longer. */
static void open_files(const rs_engine *engine, rs_tail *tail) {
  rs_source ring = rs_source_ring(&engine->journal);
  uint64_t oldest = ring.at < ring.end ? rs_source_seq(&ring, ring.at) : 0;
  if (oldest > 0 && oldest <= tail->seq + 1) return;
  for (uint32_t i = 0; i < RS_DISK_FILES; i++) {
    rs_source file;
    if (!open_file(engine, i, &file)) continue;
    bool begins_later = rs_source_seq(&file, 0) > tail->seq + 1;
    rs_source_seek(&file, tail->seq + 1);
    if (file.at < file.end) tail->file[tail->files++] = file;
    else rs_source_close(&file);
    if (!begins_later) break;
  }
}

static char *copy_of(const rs_request *request, const char *key) {
  const char *text = rs_request_text(request, key);
  return text && *text ? strdup(text) : NULL;
}

/* NULL where it was answered. */
static rs_tail *make(const rs_request *request) {
  rs_peer *peer = request->peer;
  double since = rs_request_number(request, "since", 0);
  if (peer->tail) {
    rs_peer_refuse(peer, request->id, "busy", "one subscription a connection");
    return NULL;
  }
  if (!(since >= 0 && since < 1e15)) {
    rs_peer_refuse(peer, request->id, "invalid", "since is the number of an entry");
    return NULL;
  }
  rs_tail *tail = rs_base_new(sizeof *tail);
  tail->seq = (uint64_t)since;
  tail->unit = copy_of(request, "unit");
  if (!tail->unit) tail->unit = copy_of(request, "path");
  tail->kind = copy_of(request, "kind");
  tail->from = copy_of(request, "from");
  tail->until = copy_of(request, "until");
  memcpy(tail->id, request->id, sizeof tail->id);
  return peer->tail = tail;
}

static uint64_t newest(const rs_engine *engine) {
  const rs_journal *journal = &engine->journal;
  rs_source ring = rs_source_ring(journal);
  uint64_t from =
    ring.end - ring.at > LINE_MAX_READ ? ring.end - LINE_MAX_READ : ring.at;
  size_t got = rs_source_peek(&ring, from, bytes, LINE_MAX_READ);
  bytes[got] = 0;
  return rs_disk_last_seq(bytes, got);
}

void rs_tail_take(const rs_request *request) {
  rs_peer *peer = request->peer;
  rs_tail *tail = make(request);
  if (!tail) return;
  uint64_t last = newest(peer->engine);
  bool from_now = rs_request_number(request, "since", -1) < 0;
  if (from_now) tail->seq = last;
  else open_files(peer->engine, tail);
  rs_peer_begin(&peer->out, tail->id);
  rs_bytes_print(&peer->out, "{\"seq\":%llu,\"boot\":\"%s\"}}\n",
                 (unsigned long long)last, peer->engine->boot);
}

void rs_tail_journal(const rs_request *request) {
  rs_tail *tail = make(request);
  if (!tail) return;
  request->peer->flight++;
  tail->last = newest(request->peer->engine);
  if (tail->last == 0) finish(request->peer);
  else open_files(request->peer->engine, tail);
}

static bool find_in(rs_source source, uint64_t seq, rs_bytes *out) {
  rs_source_seek(&source, seq);
  if (source.at >= source.end || rs_source_seq(&source, source.at) != seq) return false;
  size_t got = rs_source_peek(&source, source.at, bytes, LINE_MAX_READ);
  const char *end = memchr(bytes, '\n', got);
  if (end) rs_bytes_add(out, bytes, (size_t)(end - bytes));
  return end != NULL;
}

bool rs_tail_entry(rs_engine *engine, uint64_t seq, rs_bytes *out) {
  return find_in(rs_source_ring(&engine->journal), seq, out);
}

bool rs_tail_find(rs_engine *engine, uint64_t seq, rs_bytes *out) {
  bool found = rs_tail_entry(engine, seq, out);
  for (uint32_t i = 0; i < RS_DISK_FILES && !found; i++) {
    rs_source file;
    if (!open_file(engine, i, &file)) continue;
    found = find_in(file, seq, out);
    rs_source_close(&file);
  }
  return found;
}
