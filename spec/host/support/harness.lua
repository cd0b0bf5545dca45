-- harness.lua -- runs the real program with real children for a spec, reads its journal
-- as it comes, and makes sure that nothing is left.
--
-- Waits end when what they wait for is in the journal; the patience below is only how
-- long a spec that fails takes to do so.

local json = require 'cjson'
local posix = require 'host.support.posix'
local uv = require 'luv'

local M = {}

--- The program is one with a sanitizer built in.
M.SANITIZED = os.getenv 'RS_SANITIZED' ~= nil

local PATIENCE = tonumber(os.getenv 'RS_PATIENCE' or 20)
local PROGRAM = os.getenv 'RUNSMITH' or 'build/release/runsmith'
local TAIL = 25 -- journal lines that a failure shows

--- A running host, from the outside.
--- @class runsmith.spec.Host
--- @field pid integer the witness
--- @field dir string its scratch folder, where the script lies
--- @field entries table[] the journal so far
--- @field text string[] lines on stderr that are no journal entries
local Host = {}
Host.__index = Host

local hosts = {} -- those that have not finished

local function absolute(path)
  if path:sub(1, 1) == '/' then return path end
  return assert(uv.cwd()) .. '/' .. path
end

local function write_file(path, text)
  os.execute(("mkdir -p '%s'"):format(path:match '^(.*)/'))
  local file = assert(io.open(path, 'wb'))
  file:write(text)
  file:close()
end

--- The host's environment: this one's, less what a host outside would have left in it.
local function environment(dir, extra)
  local kept = { XDG_RUNTIME_DIR = dir .. '/run' }
  for name, value in pairs(uv.os_environ()) do
    if not name:match '^RUNSMITH' and name ~= 'NOTIFY_SOCKET' and not kept[name] then
      kept[name] = value
    end
  end
  for name, value in pairs(extra or {}) do
    kept[name] = value
  end
  local list = {}
  for name, value in pairs(kept) do
    list[#list + 1] = name .. '=' .. value
  end
  return list
end

-- The words before the program, so that it runs as another user. The folder is that
-- user's; who may not become another stays what he is.
local function become(user, dir)
  if not user or not posix.is_root() then return {} end
  assert(os.execute(("chown -R '%s' '%s'"):format(user, dir)) == 0)
  return { '/usr/bin/setpriv', '--reuid=' .. user, '--regid=nogroup', '--clear-groups' }
end

--- Starts a host.
--- @param spec { files: table<string, string>, script?: string, args?: string[],
---   env?: table<string, string>, command?: string[], user?: string, program?: string }
---   command: instead of run's. user: who runs it, if we may choose. program: a copy
--- @return runsmith.spec.Host
function M.start(spec)
  posix.adopt()
  local dir = posix.scratch()
  assert(os.execute(("mkdir -m 700 '%s/run'"):format(dir)))
  for name, text in pairs(spec.files or {}) do
    write_file(dir .. '/' .. name, text)
  end
  local argv = become(spec.user, dir)
  argv[#argv + 1] = spec.program or absolute(PROGRAM)
  local command = { 'run', spec.script or 'tree.lua', '--log', 'json' }
  for _, word in ipairs(spec.command or command) do
    argv[#argv + 1] = word
  end
  for _, word in ipairs(spec.args or {}) do
    argv[#argv + 1] = word
  end
  local read_end, write_end = posix.pipe()
  local out_read, out_write = posix.pipe()
  local pid = posix.spawn {
    argv = argv, env = environment(dir, spec.env), cwd = dir, out = out_write,
    err = write_end,
  }
  posix.close(write_end)
  posix.close(out_write)
  local host = setmetatable({
    pid = pid, dir = dir, entries = {}, text = {}, err = read_end, out = out_read,
    rest = '', stdout = '', ended = false,
  }, Host)
  hosts[host] = true
  return host
end

--- @return string path of the program under test
function M.program() return absolute(PROGRAM) end

--- @return string the project's folder
function M.root() return (absolute '.'):gsub('/%.$', '') end

--- Starts one of examples/ as its README says.
--- @param name string
--- @param spec? table as for start
--- @return runsmith.spec.Host
function M.example(name, spec)
  spec = spec or {}
  spec.script = ('%s/examples/%s/tree.lua'):format(M.root(), name)
  return M.start(spec)
end

--- The journal's end and what else was said, for a message.
function Host:tail()
  local lines = {}
  for i = math.max(1, #self.text - TAIL), #self.text do
    lines[#lines + 1] = self.text[i]
  end
  for i = math.max(1, #self.entries - TAIL), #self.entries do
    lines[#lines + 1] = json.encode(self.entries[i])
  end
  return '\n  ' .. table.concat(lines, '\n  ')
end

function Host:take_line(line)
  local is_object, entry = pcall(json.decode, line)
  if is_object and type(entry) == 'table' and entry.kind then
    self.entries[#self.entries + 1] = entry
    entry.index = #self.entries
  elseif line ~= '' then
    self.text[#self.text + 1] = line
  end
end

--- Reads more of stderr, waiting at most so long. False once it is closed.
function Host:read(seconds)
  if not self.err then return false end
  if not posix.wait_readable(self.err, seconds) then return true end
  local bytes = posix.read(self.err)
  if bytes == '' then
    posix.close(self.err)
    self.err = nil
    return false
  end
  local text = self.rest .. (bytes or '')
  local from = 1
  for line, after in text:gmatch '([^\n]*)\n()' do
    self:take_line(line)
    from = after
  end
  self.rest = text:sub(from)
  return true
end

local function matches(entry, pattern)
  for key, wanted in pairs(pattern) do
    local value = entry[key]
    if type(wanted) == 'function' then
      if not wanted(value, entry) then return false end
    elseif value ~= wanted then
      return false
    end
  end
  return true
end

--- Every entry so far that matches.
--- @param pattern table<string, any> field → value, or a function of the field's value
--- @param since? table an entry: only later ones
--- @return table[]
function Host:all(pattern, since)
  local found = {}
  for i = (since and since.index or 0) + 1, #self.entries do
    if matches(self.entries[i], pattern) then found[#found + 1] = self.entries[i] end
  end
  return found
end

--- Waits until an entry matches, be it an old one, and returns the first such.
--- @param pattern table<string, any>
--- @param since? table an entry: only later ones
--- @param patience? number seconds
--- @return table entry
function Host:wait_for(pattern, since, patience)
  local by = posix.now() + (patience or PATIENCE)
  local at = (since and since.index or 0) + 1
  while true do
    while at <= #self.entries do
      if matches(self.entries[at], pattern) then return self.entries[at] end
      at = at + 1
    end
    local left = by - posix.now()
    if left <= 0 or not self:read(left) then
      if at <= #self.entries then return self:wait_for(pattern, since, 0) end
      local shown = {}
      for key, value in pairs(pattern) do
        shown[#shown + 1] = key .. '=' .. tostring(value)
      end
      table.sort(shown)
      error(('no entry with %s%s'):format(table.concat(shown, ' '), self:tail()), 2)
    end
  end
end

--- Waits until a file of the host's has a line with this Lua pattern. A file cannot be
--- waited for like a pipe: it is read again every 10 ms.
--- @param name string in the scratch folder
--- @param pattern string
--- @return string line
function Host:wait_for_line(name, pattern)
  local by = posix.now() + PATIENCE
  repeat
    for line in posix.slurp(self.dir .. '/' .. name):gmatch '[^\n]+' do
      if line:find(pattern) then return line end
    end
    uv.sleep(10)
  until posix.now() > by
  error(('no line %q in %s%s'):format(pattern, name, self:tail()), 2)
end

--- Waits until so much time of the host's has passed, reading on.
--- @param seconds number
function Host:watch(seconds)
  local by = posix.now() + seconds
  while posix.now() < by and self:read(by - posix.now()) do
  end
end

--- The pid that the latest `started` entry of a unit names.
function Host:pid_of(unit)
  local all = self:all { kind = 'started', unit = unit }
  return all[#all] and all[#all].pid
end

function Host:signal(name) return posix.kill(self.pid, name) end

--- Every process below the witness, it included.
--- @return { pid: integer, parent: integer, title: string }[]
function Host:processes()
  local list = {}
  local function visit(pid, parent)
    local line = posix.slurp('/proc/' .. pid .. '/cmdline'):gsub('%z', ' ')
    local comm = posix.slurp('/proc/' .. pid .. '/comm'):gsub('%s', '')
    list[#list + 1] = { pid = pid, parent = parent, title = comm .. ' ' .. line }
    for _, child in ipairs(posix.children(pid)) do
      visit(child, pid)
    end
  end
  visit(self.pid, 0)
  return list
end

--- Creates or replaces a file in the scratch folder, whole at once.
function Host:write(name, text)
  local path = self.dir .. '/' .. name
  write_file(path .. '.new', text)
  assert(os.rename(path .. '.new', path))
end

--- Waits for the end of the host and of all that it said.
--- @return integer status
function Host:wait_end(patience)
  local by = posix.now() + (patience or PATIENCE)
  while self:read(math.max(0, by - posix.now())) do
    if posix.now() >= by then error('the host has not ended' .. self:tail(), 2) end
  end
  if not posix.wait_gone(self.pid, math.max(0.1, by - posix.now())) then
    error('the host said its last but has not ended' .. self:tail(), 2)
  end
  self.status = posix.collect(self.pid)
  self.ended = true
  return self.status
end

--- What is left of the host in the system: processes, sockets.
--- @param stale_socket? boolean sockets do not count
--- @return string[]
function Host:left_over(stale_socket)
  local left = {}
  for _, pid in ipairs(posix.children(posix.self())) do
    if posix.alive(pid) then
      local line = posix.slurp('/proc/' .. pid .. '/cmdline'):gsub('%z', ' ')
      left[#left + 1] = ('process %d: %s'):format(pid, line)
    else
      posix.collect(pid)
    end
  end
  local found = io.popen(("find '%s' -type s -o -type p"):format(self.dir))
  for path in found:lines() do
    if not stale_socket then left[#left + 1] = 'socket ' .. path end
  end
  found:close()
  return left
end

function Host:release()
  hosts[self] = nil
  if self.err then posix.close(self.err) end
  if self.out then posix.close(self.out) end
  self.err, self.out = nil, nil
  os.execute(("rm -rf '%s'"):format(self.dir))
end

--- Ends the host and asserts that it ended well and left nothing.
--- @param spec? { signal?: string|false, status?: integer, patience?: number,
---   stale_socket?: boolean } signal: TERM; false: it ends by itself. status: 0.
---   stale_socket: it had no chance to remove its socket
function Host:finish(spec)
  spec = spec or {}
  if spec.signal ~= false and not self.ended then self:signal(spec.signal or 'TERM') end
  local status = self.ended and self.status or self:wait_end(spec.patience)
  local wanted = spec.status or 0
  if status ~= wanted then
    error(('exit status %s, not %d%s'):format(status, wanted, self:tail()), 2)
  end
  local left = self:left_over(spec.stale_socket)
  if #left > 0 then
    error('left over:\n  ' .. table.concat(left, '\n  ') .. self:tail(), 2)
  end
  self:release()
end

--- Ends by force whatever a failed spec left; for after_each.
function M.sweep()
  for host in pairs(hosts) do
    posix.kill(host.pid, 'KILL')
    host:release()
  end
  local me = posix.self()
  for _ = 1, 1000 do -- orphans come to us one generation at a time
    local pids = posix.children(me)
    if #pids == 0 then return end
    for _, pid in ipairs(pids) do
      posix.kill(pid, 'KILL')
      posix.wait_gone(pid, 1)
      posix.collect(pid)
    end
  end
end

--- Runs the program to its end: for what is no host.
--- @param spec table as for start; command is needed
--- @return integer status, string stderr, string stdout
function M.run(spec)
  local host = M.start(spec)
  local status = host:wait_end()
  local parts = {}
  while posix.wait_readable(host.out, 1) do
    local bytes = posix.read(host.out)
    if not bytes or bytes == '' then break end
    parts[#parts + 1] = bytes
  end
  local text, dir = table.concat(host.text, '\n'), host.dir
  host:release()
  return status, (text:gsub(dir:gsub('%p', '%%%0') .. '/', '')), table.concat(parts)
end

return M
