--- sqlite.lua -- as much of SQLite as the plant needs, through the FFI.

local ffi = require 'ffi'

-- No types are defined, so a reload may load this again in the same VM.
ffi.cdef [[
int sqlite3_open_v2(const char *path, struct sqlite3 **db, int flags, const char *vfs);
int sqlite3_close_v2(struct sqlite3 *db);
int sqlite3_busy_timeout(struct sqlite3 *db, int ms);
const char *sqlite3_errmsg(struct sqlite3 *db);
int sqlite3_changes(struct sqlite3 *db);
int sqlite3_exec(struct sqlite3 *db, const char *sql, void *callback, void *arg,
  char **message);
int sqlite3_prepare_v2(struct sqlite3 *db, const char *sql, int size,
  struct sqlite3_stmt **statement, const char **tail);
int sqlite3_finalize(struct sqlite3_stmt *statement);
int sqlite3_step(struct sqlite3_stmt *statement);
int sqlite3_reset(struct sqlite3_stmt *statement);
int sqlite3_bind_double(struct sqlite3_stmt *statement, int at, double value);
int sqlite3_bind_text(struct sqlite3_stmt *statement, int at, const char *text,
  int size, intptr_t destructor);
int sqlite3_bind_null(struct sqlite3_stmt *statement, int at);
double sqlite3_column_double(struct sqlite3_stmt *statement, int column);
]]

local C = ffi.load 'libsqlite3.so.0'
local OK, ROW, DONE = 0, 100, 101
local READWRITE_CREATE, COPY = 6, -1
local BUSY_MS = 1000

local M = {}

--- @class plant.Database
local Database = {}
Database.__index = Database

local function check(self, code)
  if code == OK or code == ROW or code == DONE then return code end
  error('SQLite: ' .. ffi.string(C.sqlite3_errmsg(self.db)), 0)
end

--- Runs statements that need no values.
--- @param sql string
--- @return integer changes rows
function Database:exec(sql)
  check(self, C.sqlite3_exec(self.db, sql, nil, nil, nil))
  return C.sqlite3_changes(self.db)
end

local function bind(statement, at, value)
  if value == nil then return C.sqlite3_bind_null(statement, at) end
  if type(value) == 'number' then return C.sqlite3_bind_double(statement, at, value) end
  return C.sqlite3_bind_text(statement, at, value, #value, COPY)
end

--- Makes a function of a statement. It takes the statement's values; it returns the
--- first column of the first row, if there is one.
--- @param sql string
--- @return fun(...): number?
function Database:prepare(sql)
  local out = ffi.new 'struct sqlite3_stmt *[1]'
  check(self, C.sqlite3_prepare_v2(self.db, sql, #sql, out, nil))
  local statement = ffi.gc(out[0], C.sqlite3_finalize)
  self.statements[#self.statements + 1] = statement
  return function(...)
    for at = 1, select('#', ...) do
      check(self, bind(statement, at, (select(at, ...))))
    end
    local code = C.sqlite3_step(statement)
    local value = code == ROW and C.sqlite3_column_double(statement, 0) or nil
    C.sqlite3_reset(statement)
    check(self, code)
    return value
  end
end

--- Closes it now; an open transaction is undone.
function Database:close()
  if not self.db then return end
  for _, statement in ipairs(self.statements) do
    C.sqlite3_finalize(ffi.gc(statement, nil))
  end
  C.sqlite3_close_v2(ffi.gc(self.db, nil))
  self.db = nil
end

--- Opens the plant's database, and makes it if it is not there.
--- @param path string
--- @return plant.Database
function M.open(path)
  local out = ffi.new 'struct sqlite3 *[1]'
  local code = C.sqlite3_open_v2(path, out, READWRITE_CREATE, nil)
  local self = { db = ffi.gc(out[0], C.sqlite3_close_v2), statements = {} }
  setmetatable(self, Database)
  check(self, code)
  C.sqlite3_busy_timeout(self.db, BUSY_MS)
  self:exec [[
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = normal;
    CREATE TABLE IF NOT EXISTS frames (number REAL PRIMARY KEY, at REAL, parts INTEGER);
    CREATE TABLE IF NOT EXISTS washers (number REAL, x REAL, at REAL, width INTEGER,
      height INTEGER, area INTEGER, defect TEXT, PRIMARY KEY (number, x));
    CREATE TABLE IF NOT EXISTS suspects (number REAL PRIMARY KEY, at REAL);
  ]]
  return self
end

return M
