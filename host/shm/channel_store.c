/* A durable channel's items are rows, too: SQLite, a write-ahead log, one statement a
** transaction. While the host lives, what the slots say is what holds; a row is written
** before its item is there and deleted before it is gone, so that it outlives whatever
** ends the host. Each process has a connection of its own, used under the channel's
** lock, which is why they never meet. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "channel_parts.h"

enum { PUT, MARK, DELETE, LOAD, STATEMENTS, BUSY_MS = 1000, WHY = 256 };

struct rs_channel_store {
  sqlite3 *db;
  sqlite3_stmt *statement[STATEMENTS];
};

static const char *const texts[STATEMENTS] = {
  [PUT] = "INSERT OR REPLACE INTO items VALUES (?1, ?2, 0, ?3, ?4)",
  [MARK] = "UPDATE items SET attempt = ?2 WHERE id = ?1",
  [DELETE] = "DELETE FROM items WHERE id = ?1",
  [LOAD] = "SELECT id, at, attempt, tried, value FROM items WHERE id >= ?1 ORDER BY id",
};

static const char setup[] =
  "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
  "CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, at INTEGER, "
  "attempt INTEGER, tried INTEGER, value BLOB);";

static _Thread_local char why[WHY];

const char *rs_channel_why(void) { return why; }

static bool fail(sqlite3 *db) {
  snprintf(why, sizeof why, "%s", db ? sqlite3_errmsg(db) : "no memory");
  return false;
}

void rs_channel_store_end(rs_channel *channel) {
  rs_channel_store *store = channel->store;
  if (!store) return;
  for (int i = 0; i < STATEMENTS; i++) sqlite3_finalize(store->statement[i]);
  sqlite3_close(store->db);
  free(store);
  channel->store = NULL;
}

static bool open_it(rs_channel *channel) {
  if (channel->store) return true;
  rs_channel_store *store = calloc(1, sizeof *store);
  if (!store) return fail(NULL);
  channel->store = store;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  int code = sqlite3_open_v2(channel->durable, &store->db, flags, NULL);
  if (code == SQLITE_OK) sqlite3_busy_timeout(store->db, BUSY_MS);
  if (code == SQLITE_OK) code = sqlite3_exec(store->db, setup, NULL, NULL, NULL);
  for (int i = 0; code == SQLITE_OK && i < STATEMENTS; i++)
    code = sqlite3_prepare_v3(store->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                              &store->statement[i], NULL);
  if (code == SQLITE_OK) return true;
  fail(store->db);
  rs_channel_store_end(channel);
  return false;
}

static bool run(const rs_channel *channel, int which) {
  sqlite3_stmt *statement = channel->store->statement[which];
  int code = sqlite3_step(statement);
  if (code != SQLITE_DONE) fail(channel->store->db);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return code == SQLITE_DONE;
}

static int64_t since_1970(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void bind(const rs_channel *channel, int which, int place, uint64_t value) {
  sqlite3_bind_int64(channel->store->statement[which], place, (int64_t)value);
}

bool rs_channel_store_put(rs_channel *channel, const rs_channel_slot *slot,
                          const void *bytes) {
  if (!channel->durable) return true;
  if (!open_it(channel)) return false;
  int64_t age = rs_channel_now() - slot->at;
  bind(channel, PUT, 1, slot->seq);
  bind(channel, PUT, 2, (uint64_t)(since_1970() - age));
  bind(channel, PUT, 3, slot->tried);
  sqlite3_bind_blob(channel->store->statement[PUT], 4, slot->size ? bytes : "",
                    (int)slot->size, SQLITE_STATIC);
  return run(channel, PUT);
}

bool rs_channel_store_mark(rs_channel *channel, uint64_t seq, uint32_t attempt) {
  if (!channel->durable) return true;
  if (!open_it(channel)) return false;
  bind(channel, MARK, 1, seq);
  bind(channel, MARK, 2, attempt);
  return run(channel, MARK);
}

bool rs_channel_store_delete(rs_channel *channel, uint64_t seq) {
  if (!channel->durable) return true;
  if (!open_it(channel)) return false;
  bind(channel, DELETE, 1, seq);
  return run(channel, DELETE);
}

/* False: there is no room for it. */
static bool take_row(rs_channel *channel, sqlite3_stmt *row) {
  uint32_t index = rs_channel_take_free(channel);
  if (index == RS_NONE) return false;
  rs_channel_slot *slot = rs_channel_slot_at(channel, index);
  uint32_t size = (uint32_t)sqlite3_column_bytes(row, 4);
  const void *bytes = sqlite3_column_blob(row, 4);
  int64_t now = since_1970(), sent = sqlite3_column_int64(row, 1);
  int64_t age = sent > 0 && sent < now ? now - sent : 0;
  int64_t attempt = sqlite3_column_int64(row, 2);
  if (attempt < 0 || attempt > RS_CHANNEL_ATTEMPTS) attempt = 0;
  if (!rs_channel_write(channel, index, bytes, size)) {
    rs_channel_give_free(channel, index);
    return false;
  }
  slot->seq = (uint64_t)sqlite3_column_int64(row, 0);
  slot->at = rs_channel_now() - age;
  slot->tried = (uint32_t)sqlite3_column_int64(row, 3);
  slot->origin = 0;
  atomic_store(&slot->state,
               rs_channel_pack(RS_CHANNEL_READY, (uint32_t)attempt, 0, 0));
  rs_channel_append(channel, index);
  channel->head->next_seq = slot->seq + 1;
  return true;
}

int rs_channel_store_load(rs_channel *channel) {
  channel->head->behind = 0;
  if (!channel->durable) return RS_CHANNEL_OK;
  if (!open_it(channel)) return RS_CHANNEL_STORE;
  sqlite3_stmt *rows = channel->store->statement[LOAD];
  bind(channel, LOAD, 1, channel->head->next_seq);
  int code;
  while ((code = sqlite3_step(rows)) == SQLITE_ROW)
    if (!take_row(channel, rows)) {
      channel->head->behind = 1;
      code = SQLITE_DONE;
      break;
    }
  if (code != SQLITE_DONE) fail(channel->store->db);
  sqlite3_reset(rows);
  atomic_store(&channel->head->loaded, code == SQLITE_DONE);
  return code == SQLITE_DONE ? RS_CHANNEL_OK : RS_CHANNEL_STORE;
}
