--- One program that a worker has started: its streams, its end. It leads a session and
--- a group of its own and belongs to the incarnation that started it.

local err = require 'std.err'
local family = require 'runsmith.family'
local host = require 'runsmith.host'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'
local stream_of_pipe = require 'std.process_stream'

local T = require 'runsmith.vm.task'
local INC, CTX = T.INC, T.CTX

local M = {}

local PROCESS = 2 -- RS_PLACE_PROCESS: as it ends, the engine sweeps
local DRAIN = 0.5 -- seconds: of what others hold open after its end no more is read

--- @class std.process.Child
--- @field pid integer also its group's and its session's number
--- @field package task runsmith.Task
--- @field package handle userdata
--- @field package input? userdata
--- @field package streams table<string, table>
--- @field package ended? std.process.Status
--- @field package ticket? integer
local Child = {}
Child.__index = Child

--- @class std.process.Status
--- @field ok boolean it ended with status 0
--- @field status? integer
--- @field signal? string what ended it, without SIG: 'KILL'

local living = {} -- task → its children, as keys
local signal_names

local function name_of(number)
  if not signal_names then
    signal_names = {}
    for name, value in pairs(owned.luv().constants) do
      local short = name:match '^SIG(%u[%u%d]*)$'
      local is_alias = short == 'IOT' or short == 'POLL'
      if short and not is_alias then signal_names[value] = short end
    end
  end
  return signal_names[number] or tostring(number)
end

local function close(handle)
  local uv = owned.luv()
  if handle and not uv.is_closing(handle) then uv.close(handle) end
end

local function notify(child)
  local ticket = child.ticket
  if ticket then schedule.wake(ticket, true) end
end

-- Waits until something has happened to the child, or until the moment `by`.
local function await(child, by)
  local left = by and by - host.now()
  if left and left <= 0 then return nil, 'timeout' end
  child.ticket = schedule.ticket()
  local ok, why = schedule.suspend(child.ticket, left)
  child.ticket = nil
  return ok, why
end

local function moment(timeout, name)
  if timeout == nil or timeout == math.huge then return nil end
  if type(timeout) ~= 'number' or timeout < 0 or timeout ~= timeout then
    error(('%s takes a timeout in seconds, not %s'):format(name, tostring(timeout)), 3)
  end
  return host.now() + timeout
end

local function stream_of(child, which)
  local stream = child.streams[which or 'stdout']
  if stream and stream.room then return stream end
  error(("%s is not a pipe of this program's"):format(tostring(which or 'stdout')), 3)
end

local function take(child, stream, method, by)
  while true do
    local text = method(stream)
    if text then return text end
    local ending = stream:ending()
    if ending then return nil, ending end
    local ok, why = await(child, by)
    if not ok then return nil, why end
  end
end

--- What it has written since, up to 256 KiB; waits for some.
--- @param timeout? number seconds
--- @param which? 'stdout'|'stderr'
--- @return string? text # or nil and 'closed' (its end), 'timeout', 'stopping'
--- @return string|std.Err? why
function Child:read(timeout, which)
  local stream, by = stream_of(self, which), moment(timeout, 'read')
  return take(self, stream, stream.take, by)
end

--- The next line of its, without its end; a last one may lack it.
--- @param timeout? number seconds
--- @param which? 'stdout'|'stderr'
--- @return string? line # or nil and 'closed' (its end), 'timeout', 'stopping'
--- @return string|std.Err? why
function Child:line(timeout, which)
  local stream, by = stream_of(self, which), moment(timeout, 'line')
  return take(self, stream, stream.take_line, by)
end

--- Gives it something to read, and waits until it has taken that.
--- @param text string
--- @param timeout? number seconds; what it has not taken by then stays on its way
--- @return true? ok # or nil and 'closed', 'timeout', 'stopping' or the fault
--- @return string|std.Err? why
function Child:write(text, timeout)
  if type(text) ~= 'string' then
    error('write takes a text, not a ' .. type(text), 2)
  end
  local by = moment(timeout, 'write')
  if not M.can_take(self, true) then return nil, 'closed' end
  local request, why = M.give(self, text)
  if not request then return nil, err.of_luv(why) end
  while not request.done do
    local ok, other = await(self, by)
    if not ok then return nil, other end
  end
  why = request.why
  if why == 'EPIPE' or why == 'ECANCELED' then return nil, 'closed' end
  if why then return nil, err.new(why, 'it cannot be written to') end
  return true
end

--- The end of its input.
function Child:close() close(self.input) end

--- Waits for its end.
--- @param timeout? number seconds
--- @return std.process.Status? status # or nil and 'timeout', 'stopping'
--- @return string? why
function Child:wait(timeout)
  local by = moment(timeout, 'wait')
  while not self.ended do
    local ok, why = await(self, by)
    if not ok then return nil, why end
  end
  return self.ended
end

--- Sends a signal to it and its group. KILL also reaches descendants that have left
--- the group.
--- @param signal? string|integer 'TERM' (default), 'KILL', 'HUP', ...
--- @return boolean sent false: it has ended
function Child:kill(signal)
  signal = signal or 'TERM'
  local constants = owned.luv().constants
  local number = type(signal) == 'number' and signal
    or constants['SIG' .. tostring(signal):upper():gsub('^SIG', '')]
  if not number then error(('%s is no signal'):format(tostring(signal)), 2) end
  if self.ended then return false end
  if number == 9 then
    family.kill(owned.luv(), self.pid)
  else
    owned.luv().kill(-self.pid, number)
  end
  return true
end

--- @return boolean
function Child:is_alive() return not self.ended end

--- Whether its input is open, and has taken all that it was given.
--- @param child std.process.Child
--- @param busy? boolean it may have something to take still
--- @return boolean
function M.can_take(child, busy)
  local input = child.input
  if not input or owned.luv().is_closing(input) then return false end
  return busy or not child.giving
end

--- Gives its input a text.
--- @param child std.process.Child
--- @param text string
--- @return table? request has `done`, then maybe `why`
function M.give(child, text)
  local request = {}
  child.giving = request
  local made, why = owned.luv().write(child.input, text, function(failed)
    request.done, request.why = true, failed
    if child.giving == request then child.giving = nil end
    if failed then close(child.input) end
    notify(child)
  end)
  if not made then return nil, why end
  return request
end

local function forget(child)
  local own = living[child.task]
  if own then own[child] = nil end
  if child.orphaned then schedule.linger(-1) end
end

-- What it has started ends with it.
local function on_exit(child, code, signal)
  family.kill_group(owned.luv(), child.pid)
  child.ended = signal == 0 and { ok = code == 0, status = code }
    or { ok = false, signal = name_of(signal) }
  child.ended_at = host.now()
  close(child.handle)
  close(child.input)
  forget(child)
  notify(child)
end

--- Kills it, and waits until it is gone.
--- @param child std.process.Child
function M.destroy(child)
  family.kill(owned.luv(), child.pid)
  while not child.ended do
    child.ticket = schedule.ticket()
    schedule.hold(child.ticket)
    child.ticket = nil
  end
end

--- Waits for its end and for all that it wrote. `look()` is called whenever something
--- has happened; what it returns, if anything, is the reason to go.
--- @param child std.process.Child
--- @param by? number
--- @param look fun(): any
--- @return true? ok, any why
function M.finish(child, by, look)
  while true do
    local reason = look()
    if reason then return nil, reason end
    local is_open = false
    for _, stream in pairs(child.streams) do
      is_open = is_open or not stream.over
    end
    if child.ended and not is_open then return true end
    local till = child.ended and child.ended_at + DRAIN
    local ok, why = await(child, till and math.min(by or till, till) or by)
    if not ok and child.ended and why == 'timeout' then return true end
    if not ok then return nil, why end
  end
end

local function owner_of(task)
  return task[CTX] and ('%s#%d'):format(task[CTX].path, task[INC])
end

local function environment(uv, given, owner)
  local all = uv.os_environ()
  for name, value in pairs(given or {}) do
    all[name] = value ~= false and tostring(value) or nil
  end
  all.RUNSMITH_UNIT = os.getenv 'RUNSMITH_UNIT'
  local list = {}
  for name, value in pairs(all) do
    list[#list + 1] = name .. '=' .. value
  end
  if owner then list[#list + 1] = family.mark(owner) end
  return list
end

-- The pipes, by the descriptor that the program has them as.
local function make_stdio(uv, child, given)
  local stdio = {}
  local function add(name)
    local pipe = uv.new_pipe(false)
    child.streams[name] = stream_of_pipe.new(pipe, function() notify(child) end)
    return pipe
  end
  if given.stdin then
    child.input = uv.new_pipe(false)
    stdio[1] = child.input
  end
  if given.stderr == 'stdout' and given.stdout ~= 'ignore' then
    local shared = assert(uv.pipe())
    stdio[2], stdio[3] = shared.write, shared.write
    add('stdout'):open(shared.read)
    return stdio, shared.write
  end
  if given.stdout ~= 'ignore' then stdio[2] = add 'stdout' end
  if given.stderr ~= 'ignore' and given.stderr ~= 'stdout' then
    stdio[3] = add 'stderr'
  end
  return stdio
end

local function open_streams(child, given)
  for name, stream in pairs(child.streams) do
    if given[name] == 'journal' then
      stream:journal(name == 'stdout' and io.stdout or io.stderr)
    else
      stream:keep(given.room)
    end
  end
end

local function close_all(child)
  close(child.input)
  for _, stream in pairs(child.streams) do
    stream:close()
  end
end

local function spawn(child, given)
  local uv = owned.luv()
  local stdio, shared = make_stdio(uv, child, given)
  local handle, pid = uv.spawn(given.argv[1], {
    args = { unpack(given.argv, 2) },
    stdio = stdio,
    env = environment(uv, given.env, child.owner),
    cwd = given.cwd,
    detached = true,
  }, function(code, signal) on_exit(child, code, signal) end)
  if shared then uv.fs_close(shared) end
  if not handle then
    close_all(child)
    return nil, pid
  end
  child.handle, child.pid = handle, pid
  living[child.task] = living[child.task] or {}
  living[child.task][child] = true
  open_streams(child, given)
  return child
end

--- @param given table as std.process has checked it
--- @return std.process.Child? child, std.Err? err
function M.start(given)
  local task = schedule.current()
  if not task then error('only a worker can run a program', 3) end
  local child = setmetatable({ task = task, streams = {} }, Child)
  child.owner = owner_of(task)
  host.enter()
  local ok, started, why = pcall(spawn, child, given)
  host.leave()
  if not ok then error(started, 0) end
  if started then return child end
  local failed = err.of_luv(why)
  local where = given.cwd and (" in '%s'"):format(given.cwd) or ''
  local text = "cannot run '%s'%s: %s"
  failed.message = text:format(given.argv[1], where, failed.message)
  return nil, failed
end

-- The incarnation has ended: so do its programs, and all that they have started.
schedule.at_finish(function(task)
  local own = living[task]
  if not own then return end
  living[task] = nil
  local owner
  for child in pairs(own) do
    owner = child.owner
    child.orphaned = true
    schedule.linger(1) -- until it is reaped
    family.kill(owned.luv(), child.pid)
    close_all(child)
  end
  if owner and host.place() ~= PROCESS then family.orphans(owned.luv(), owner) end
end)

return M
