-- posix.lua -- the system calls that the harness needs and Lua lacks. No thread, no
-- clean-up of its own: what a function returns belongs to its caller.

local ffi = require 'ffi'

ffi.cdef [[
typedef struct rs_spec_pollfd { int fd; short events, revents; } rs_spec_pollfd;
typedef struct rs_spec_timespec { long sec, nsec; } rs_spec_timespec;
int pipe2(int fds[2], int flags);
int poll(rs_spec_pollfd *fds, unsigned long count, int timeout);
long read(int fd, void *bytes, size_t size);
int open(const char *path, int flags, ...);
int close(int fd);
int dup2(int from, int to);
int close_range(unsigned first, unsigned last, int flags);
int fork(void);
int execve(const char *path, const char *const argv[], const char *const envp[]);
void _exit(int status);
int chdir(const char *path);
int setpgid(int pid, int group);
int kill(int pid, int signal);
int waitpid(int pid, int *status, int options);
int prctl(int option, ...);
long syscall(long number, ...);
int clock_gettime(int clock, rs_spec_timespec *out);
char *mkdtemp(char *template);
char *strerror(int number);
]]

local C = ffi.C
local M = {}

-- Whoever runs the specs may have closed descriptor 0: it must not become luv's, and a
-- child would lack it, too.
local lowest = C.open('/dev/null', 2)
if lowest > 2 then C.close(lowest) end

local uv = require 'luv'

local O_CLOEXEC, POLLIN = 0x80000, 1
local CLOCK_MONOTONIC, SYS_PIDFD_OPEN, SUBREAPER, WNOHANG = 1, 434, 36, 1
local EAGAIN, EINTR = 11, 4

M.SIGNALS = {
  HUP = 1, INT = 2, QUIT = 3, ABRT = 6, KILL = 9, USR1 = 10, SEGV = 11, USR2 = 12,
  TERM = 15, CONT = 18, STOP = 19,
}

local function fail(what)
  error(what .. ': ' .. ffi.string(C.strerror(ffi.errno())), 3)
end

--- Monotonic seconds.
--- @return number
function M.now()
  local at = ffi.new 'rs_spec_timespec'
  C.clock_gettime(CLOCK_MONOTONIC, at)
  return tonumber(at.sec) + tonumber(at.nsec) / 1e9
end

--- @return integer read_end, integer write_end
function M.pipe()
  local fds = ffi.new 'int[2]'
  if C.pipe2(fds, O_CLOEXEC) ~= 0 then fail 'pipe2' end
  return fds[0], fds[1]
end

--- A named pipe, open for both sides: it has no end.
--- @return integer fd
function M.open_both(path)
  local fd = C.open(path, 2 + O_CLOEXEC)
  if fd < 0 then fail('open ' .. path) end
  return fd
end

M.close = function(fd) C.close(fd) end

--- Waits until `fd` can be read (for a pidfd: until its process has ended).
--- @return boolean readable
function M.wait_readable(fd, seconds)
  local slot = ffi.new('rs_spec_pollfd[1]', { { fd = fd, events = POLLIN } })
  local by = M.now() + seconds
  while true do
    local left = math.max(0, math.ceil((by - M.now()) * 1000))
    local count = C.poll(slot, 1, left)
    if count > 0 then return true end
    if count == 0 then return false end
    if ffi.errno() ~= EINTR then fail 'poll' end
  end
end

local buffer, BUFFER_SIZE = ffi.new 'uint8_t[65536]', 65536

--- @return string? bytes '' at the end of the file; nil: nothing there now
function M.read(fd)
  local size = C.read(fd, buffer, BUFFER_SIZE)
  if size >= 0 then return ffi.string(buffer, size) end
  local number = ffi.errno()
  if number == EAGAIN or number == EINTR then return nil end
  fail 'read'
end

-- A NULL-terminated array; `list` has to outlive it.
local function strings(list)
  local array = ffi.new('const char *[?]', #list + 1)
  for i, text in ipairs(list) do
    array[i - 1] = text
  end
  array[#list] = nil
  return array
end

--- Starts a program. It gets descriptors 0 (null), 1 and 2 and no other.
--- @param spec { argv: string[], env: string[], cwd: string, out: integer,
---   err: integer }
--- @return integer pid
function M.spawn(spec)
  local argv, envp = strings(spec.argv), strings(spec.env)
  local null = C.open('/dev/null', 2 + O_CLOEXEC)
  local pid = C.fork()
  if pid < 0 then fail 'fork' end
  if pid == 0 then
    C.setpgid(0, 0)
    C.dup2(null, 0)
    C.dup2(spec.out, 1)
    C.dup2(spec.err, 2)
    C.close_range(3, 0x7fffffff, 0)
    if C.chdir(spec.cwd) == 0 then C.execve(spec.argv[1], argv, envp) end
    C._exit(127)
  end
  C.close(null)
  return pid
end

--- @param signal string|integer
--- @return boolean sent
function M.kill(pid, signal)
  return C.kill(pid, M.SIGNALS[signal] or signal) == 0
end

--- True while the process exists and is no zombie.
function M.alive(pid)
  local state = M.slurp('/proc/' .. pid .. '/stat'):match '%) (%a)'
  return state ~= nil and state ~= 'Z' and state ~= 'X'
end

--- Waits for any process' end, a child or not.
--- @return boolean ended
function M.wait_gone(pid, seconds)
  local number, none = ffi.cast('int', pid), ffi.cast('int', 0)
  local fd = tonumber(C.syscall(SYS_PIDFD_OPEN, number, none))
  if fd < 0 then return true end
  local gone = M.wait_readable(fd, seconds)
  C.close(fd)
  return gone
end

--- Collects a child that has ended.
--- @return integer? status its exit status, or 128 + the signal that ended it
function M.collect(pid)
  local status = ffi.new 'int[1]'
  if C.waitpid(pid, status, WNOHANG) ~= pid then return nil end
  local signal = status[0] % 128
  if signal ~= 0 then return 128 + signal end
  return math.floor(status[0] / 256) % 256
end

--- From now on orphans below this process become its children.
function M.adopt()
  local one, none = ffi.cast('long', 1), ffi.cast('long', 0)
  if C.prctl(SUBREAPER, one, none, none, none) ~= 0 then fail 'prctl' end
end

local function slurp(path)
  local file = io.open(path)
  if not file then return '' end
  local text = file:read '*a' or ''
  file:close()
  return text
end

M.slurp = slurp

--- @return string[] names in a folder; empty where there is none
function M.list(folder)
  local names, scan = {}, uv.fs_scandir(folder)
  while scan do
    local name = uv.fs_scandir_next(scan)
    if not name then break end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- @return integer[] pids of the children of `pid`
function M.children(pid)
  local pids, folder = {}, '/proc/' .. pid .. '/task/'
  for _, tid in ipairs(M.list(folder)) do
    for word in slurp(folder .. tid .. '/children'):gmatch '%d+' do
      pids[#pids + 1] = tonumber(word)
    end
  end
  return pids
end

--- @return integer
function M.self() return uv.os_getpid() end

function M.is_root() return uv.getuid() == 0 end

--- True if anybody may enter this folder.
function M.is_public(path)
  local stat = uv.fs_stat(path)
  return stat ~= nil and stat.mode % 2 == 1
end

--- @param folder? string where
--- @return string path of a new folder
function M.scratch(folder)
  folder = folder or os.getenv 'TMPDIR' or '/tmp'
  local name = ffi.new('char[256]', folder .. '/runsmith-XXXXXX')
  if C.mkdtemp(name) == nil then fail 'mkdtemp' end
  return ffi.string(name)
end

return M
