--- What C and Lua share: the only ffi.cdef, and a plan's bytes seen as tables.
local ffi = require 'ffi'

local M = {}

local NAMES = { 'UNIT', 'SPEC', 'LIFE', 'STATE', 'EDGE', 'AFTER', 'EXEC', 'MODULE' }
local ROWS = { -- the C type of each table's rows, by its place
  [0] = 'rs_plan_unit',
  'rs_plan_spec',
  'rs_plan_life',
  'rs_plan_state',
  'rs_plan_edge',
  'uint32_t',
  'rs_plan_exec',
  'rs_plan_module',
  'rs_plan_backend',
  'rs_plan_probe',
  'rs_plan_channel',
  'uint8_t',
}
NAMES[9], NAMES[10], NAMES[11], NAMES[12] = 'BACKEND', 'PROBE', 'CHANNEL', 'BYTES'

--- What the few system calls of the Lua side look like.
local SYSTEM = [[
typedef struct rs_pollfd { int fd; short events, revents; } rs_pollfd;
typedef void (*rs_handler)(int);
ssize_t write(int fd, const void *bytes, size_t size);
ssize_t read(int fd, void *bytes, size_t size);
int poll(rs_pollfd *fds, unsigned long count, int timeout);
rs_handler signal(int number, rs_handler handler);
int isatty(int fd);
typedef struct rs_passwd { char *name, *password; unsigned uid, gid; } rs_passwd;
typedef struct rs_group { char *name, *password; unsigned gid; } rs_group;
rs_passwd *getpwnam(const char *name);
rs_passwd *getpwuid(unsigned uid);
rs_group *getgrnam(const char *name);
int getgrouplist(const char *user, unsigned group, unsigned *groups, int *count);
int prctl(int option, unsigned long value, ...);
int waitpid(int pid, int *status, int options);
]]

local function header_text()
  local ok, host = pcall(require, 'runsmith.host')
  if ok and host.abi_text then return host.abi_text, host.layout end
  local here = debug.getinfo(1, 'S').source:match '^@(.*)lua/runsmith/abi%.lua$'
  local file = assert(io.open((here or '') .. 'host/abi/runsmith.h'))
  local text = file:read '*a'
  file:close()
  return text, nil
end

local text, layout = header_text()
if not pcall(ffi.typeof, 'rs_plan') then -- types outlive a module that is loaded anew
  ffi.cdef(text)
  ffi.cdef(SYSTEM)
end
for name, size in pairs(layout or {}) do
  local here = ffi.sizeof(name)
  if here ~= size then
    error(('%s is %d bytes in C, %d in Lua: rebuild'):format(name, size, here))
  end
end

local C = ffi.C
local u8 = ffi.typeof 'const uint8_t *'
local task_type = ffi.typeof 'rs_task *'
local head_type = ffi.typeof 'const rs_plan *'
local rows_type, name_of = {}, {}
for place = 0, #ROWS do
  rows_type[place] = ffi.typeof('const ' .. ROWS[place] .. ' *')
  name_of[place] = NAMES[place + 1]:lower()
end

M.C = C
M.NONE = 0xffffffff
M.NEVER = 0x7fffffffffffffffLL
M.ROWS = ROWS
M.head_text = text

local library = C

--- Where rs_hash and rs_plan_check are found when they are not in the program itself.
--- @param lib ffi.namespace* what ffi.load gave
function M.use(lib) library = lib end

--- @param bytes string|ffi.cdata*
--- @param size integer
--- @param seed? integer a hash to chain to
--- @return integer hash uint64_t
function M.hash(bytes, size, seed) return library.rs_hash(bytes, size, seed or 0) end

--- A task's C side, as rs_task_beat and rs_task_stopping take it.
--- @param pointer lightuserdata|ffi.cdata*
--- @return ffi.cdata* rs_task *
function M.task(pointer) return ffi.cast(task_type, pointer) end

--- Has the C side look at every offset, index and graph of a plan.
--- @param bytes string
--- @return boolean? ok, string? why
function M.plan_check(bytes)
  local why = ffi.new 'char[512]'
  if library.rs_plan_check(bytes, #bytes, why, 512) == 0 then return true end
  return nil, ffi.string(why)
end

--- @param seconds number
--- @return integer ns rs_time; math.huge is RS_NEVER
function M.time(seconds)
  if seconds >= 9e9 then return M.NEVER end
  local least = seconds > 0 and 1 or 0 -- what is above 0 stays so
  return ffi.cast('int64_t', math.max(seconds * 1e9 + 0.5, least))
end

--- @param time integer rs_time
--- @return number seconds
function M.seconds(time)
  if time == M.NEVER then return math.huge end
  return tonumber(time) / 1e9
end

local EINTR, EAGAIN, POLLOUT = 4, 11, 4

--- Writes all of it, however long that takes.
--- @param fd integer
--- @param bytes string|ffi.cdata*
--- @param size integer
--- @return boolean? ok, integer? errno
function M.write(fd, bytes, size)
  local at = ffi.cast(u8, bytes)
  while size > 0 do
    local done = tonumber(C.write(fd, at, size))
    if done >= 0 then
      at, size = at + done, size - done
    elseif ffi.errno() == EAGAIN then
      C.poll(ffi.new('rs_pollfd[1]', { { fd, POLLOUT, 0 } }), 1, -1)
    elseif ffi.errno() ~= EINTR then
      return nil, ffi.errno()
    end
  end
  return true
end

--- Reads what is there, waiting until there is something.
--- @param fd integer
--- @param into ffi.cdata* uint8_t *
--- @param size integer
--- @return integer? size 0 at the end, integer? errno
function M.read(fd, into, size)
  while true do
    local got = tonumber(C.read(fd, into, size))
    if got >= 0 then return got end
    if ffi.errno() == EAGAIN then
      C.poll(ffi.new('rs_pollfd[1]', { { fd, 1, 0 } }), 1, -1)
    elseif ffi.errno() ~= EINTR then
      return nil, ffi.errno()
    end
  end
end

--- Ignores a signal from now on.
--- @param number integer
function M.ignore(number) C.signal(number, ffi.cast('rs_handler', 1)) end

local SUBREAPER, NOHANG = 36, 1

--- From now on this process is the parent of whoever below it lost its own.
function M.adopt_orphans() C.prctl(SUBREAPER, 1) end

--- Takes note of a child's end.
--- @param pid integer
--- @return boolean ended
function M.reap(pid) return C.waitpid(pid, nil, NOHANG) == pid end

--- Whether a descriptor is a terminal.
--- @param fd integer
--- @return boolean
function M.is_terminal(fd) return C.isatty(fd) == 1 end

--- @class runsmith.View a plan's tables as arrays; `count.unit` and so on tell the rows
--- @field size integer
--- @field count table<string, integer>
local View = {}
View.__index = View

--- @param ref ffi.cdata* an rs_ref
--- @return string
function View:bytes(ref) return ffi.string(self.heap + ref.at, ref.len) end

--- The strings of a list: each ends with a NUL.
--- @param ref ffi.cdata* an rs_ref
--- @return string[]
function View:list(ref)
  local list = {}
  for item in self:bytes(ref):gmatch '(%Z*)%z' do
    list[#list + 1] = item
  end
  return list
end

--- A unit's path.
--- @param row integer
--- @return string
function View:path(row)
  local path = self:bytes(self.unit[row].name)
  while row ~= 0 do
    row = self.unit[row].parent
    path = self:bytes(self.unit[row].name) .. '/' .. path
  end
  return path
end

--- The row of a unit by its path.
--- @param path string
--- @return integer?
function View:find(path)
  for row = 0, self.count.unit - 1 do
    if
      path:sub(-self.unit[row].name.len) == self:bytes(self.unit[row].name)
      and self:path(row) == path
    then
      return row
    end
  end
end

--- A plan as arrays of rows: .unit .spec .life .state .edge .after .exec .module
--- .backend .probe .channel. The bytes must be a checked plan and stay where they are.
--- @param plan string|ffi.cdata* its bytes, or a pointer to them
--- @param size? integer for a pointer
--- @return runsmith.View
function M.view(plan, size)
  local first = ffi.cast(u8, plan)
  local head = ffi.cast(head_type, first)
  size = size or #plan
  if size < ffi.sizeof 'rs_plan' or ffi.string(head.magic, 8) ~= 'rsplan01' then
    error('these bytes are no plan', 2)
  end
  if head.abi ~= C.RS_ABI then
    error(('the plan is of ABI %d, this program of %d'):format(head.abi, C.RS_ABI), 2)
  end
  local view = setmetatable({ plan = plan, head = head, size = size, count = {} }, View)
  for place = 0, #ROWS do
    local name = name_of[place]
    local where = place == C.RS_T_BYTES and 'heap' or name
    view[where] = ffi.cast(rows_type[place], first + head.tables[place].at)
    view.count[name] = head.tables[place].count
  end
  return view
end

return M
