--- luv, as workers have it: a handle belongs to the incarnation that made it. Callbacks
--- run in the owner's name, in a coroutine that an interrupt can end; those of a dead
--- incarnation never run; its handles are closed when it ends.

local schedule = require 'runsmith.vm.schedule'
local turn = require 'runsmith.vm.turn'

local T = require 'runsmith.vm.task'
local ID, KIND = T.ID, T.KIND

local M = {}

local MAKES_HANDLE = {
  'new_async', 'new_check', 'new_fs_event', 'new_fs_poll', 'new_idle', 'new_pipe',
  'new_poll', 'new_prepare', 'new_signal', 'new_socket_poll', 'new_tcp', 'new_timer',
  'new_tty', 'new_udp', 'spawn',
}

-- Methods that take a callback, by what their metatable is called.
local METHODS = {
  'async', 'check', 'fs_event', 'fs_poll', 'idle', 'pipe', 'poll', 'prepare', 'process',
  'signal', 'tcp', 'timer', 'tty', 'udp',
}

local FORBIDDEN = { 'run', 'stop', 'loop_close', 'loop_configure' }

local POOL_MAX = 16
local DONE = {}

local uv --- luv itself
local proxy --- @type table what workers are given, once one asks for luv
local handles = {} -- task → its handles, as weak keys: luv closes what nobody holds
local pool = {}
local spawned = setmetatable({}, { __mode = 'v' }) -- pid → its handle

local function body(fn, ...)
  fn(...)
  while true do
    M.rerun(coroutine.yield(DONE))
  end
end

--- Runs a callback in a coroutine that was used before.
function M.rerun(fn, ...) fn(...) end

local function settle(task, co, how, a, b)
  if how == 'yield' and a == DONE then
    if #pool < POOL_MAX then pool[#pool + 1] = co end
    return
  end
  if not task[ID] then return end
  if how == 'interrupted' then return schedule.interrupted(task, a) end
  if how == 'yield' then a, b = 'a callback cannot wait', debug.traceback(co) end
  return task[KIND].runs.upset(task, tostring(a), schedule.trimmed(b))
end

-- Called by luv, when nobody runs; or by a luv function that calls back at once.
local function enter(task, fn, ...)
  if not task[ID] then return end
  if schedule.current() then return fn(...) end
  local co = table.remove(pool) or coroutine.create(body)
  return turn.protect(task, settle, co, schedule.lend(task, co, fn, ...))
end

local function callable(value)
  if type(value) == 'function' then return true end
  local meta = type(value) == 'table' and getmetatable(value)
  return meta and meta.__call ~= nil
end

local function bind(task, fn)
  return function(...) return enter(task, fn, ...) end
end

-- An opened file whose opener has ended is nobody's to close.
local function bind_open(task, fn)
  return function(err, fd)
    if not task[ID] and fd then return uv.fs_close(fd) end
    return enter(task, fn, err, fd)
  end
end

--- As `fn`, but callbacks among its arguments run in the name of whoever calls it now.
local function wrap(fn, binder)
  return function(...)
    local task = schedule.current()
    if not task then return fn(...) end
    local count = select('#', ...)
    for i = 1, count do
      if callable((select(i, ...))) then
        local args = { ... }
        for k = i, count do
          if callable(args[k]) then args[k] = binder(task, args[k]) end
        end
        return fn(unpack(args, 1, count))
      end
    end
    return fn(...)
  end
end

--- A handle of luv itself becomes a task's: it is closed when that ends.
--- @param task runsmith.Task
--- @param handle userdata
function M.adopt(task, handle)
  local own = handles[task]
  if not own then
    own = setmetatable({}, { __mode = 'k' })
    handles[task] = own
  end
  own[handle] = true
end

local function keep(handle, ...)
  local task = schedule.current()
  if task and type(handle) == 'userdata' then M.adopt(task, handle) end
  return handle, ...
end

local function remember(handle, pid)
  if type(handle) == 'userdata' then spawned[pid] = handle end
  return handle, pid
end

-- Work runs in another Lua state, so its function travels as it is.
local function new_work(work, after)
  local task = schedule.current()
  return uv.new_work(work, task and bind(task, after) or after)
end

local function walk(fn)
  local own = handles[schedule.current()] or {}
  for handle in pairs(own) do
    fn(handle)
  end
end

local function build()
  uv = require('runsmith.vm.load').host_require 'luv'
  proxy = {}
  for name, value in pairs(uv) do
    proxy[name] = type(value) == 'function' and wrap(value, bind) or value
  end
  for _, name in ipairs(MAKES_HANDLE) do
    local make = proxy[name]
    proxy[name] = function(...) return keep(make(...)) end
  end
  local spawn = proxy.spawn
  proxy.spawn = function(...) return remember(spawn(...)) end
  for _, name in ipairs(FORBIDDEN) do
    proxy[name] = function() error(name .. ': the loop is the host\'s', 2) end
  end
  proxy.fs_open = wrap(uv.fs_open, bind_open)
  proxy.new_work, proxy.walk = new_work, walk
  local registry = debug.getregistry()
  for _, name in ipairs(METHODS) do
    local methods = registry['uv_' .. name].__index
    for key, method in pairs(methods) do
      if type(method) == 'function' then methods[key] = wrap(method, bind) end
    end
  end
end

--- What `require 'luv'` gives to workers.
function M.module()
  if not proxy then build() end
  return proxy
end

--- luv itself, for std modules whose callbacks only wake a worker.
function M.luv()
  if not uv then build() end
  return uv
end

--- The processes that luv waits for.
--- @return table<integer, true> pids
function M.awaited()
  local pids = {}
  for pid, handle in pairs(spawned) do
    if not uv.is_closing(handle) then pids[pid] = true end
  end
  return pids
end

local function close(handle)
  if uv.is_closing(handle) then return end
  if uv.handle_get_type(handle) == 'process' then uv.process_kill(handle, 'sigkill') end
  uv.close(handle)
end

schedule.at_finish(function(task)
  local own = handles[task]
  if not own then return end
  handles[task] = nil
  for handle in pairs(own) do
    pcall(close, handle)
  end
end)

return M
