--- What the runner of a custom backend runs: `start`, then `wait` until the unit has
--- ended, and `stop` and `kill` beside it, each in a coroutine of its own.

local buffer = require 'string.buffer'

local context = require 'runsmith.vm.context'
local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID, SLOT, INC, ROW, KIND, SELF = T.ID, T.SLOT, T.INC, T.ROW, T.KIND, T.SELF
local PHASE = T.PHASE

--- @class runsmith.Custom: runsmith.Behaviour
local M = {}

local up, why = host.up, host.why

local HEAD_MAX = 8 -- bytes of a START's text besides what was added and the handle

--- What a backend's functions are given.
--- @class runsmith.CustomUnit
--- @field name string
--- @field path string
--- @field incarnation integer
--- @field args any
local Unit = {}
Unit.__index = Unit

local owner = setmetatable({}, { __mode = 'k' }) -- unit → its task

--- It is ready.
function Unit:ready()
  local id = owner[self][ID]
  if id then host.put(up.READY, id) end
end

--- A sign of life.
--- @return boolean stopping
function Unit:heartbeat()
  local id = owner[self][ID]
  if not id then return true end
  host.beat(id)
  return host.stopping(id)
end

--- What `status` shows of it.
--- @param text string
function Unit:status(text)
  if type(text) ~= 'string' then
    error('unit:status takes a text, not a ' .. type(text), 2)
  end
  local id = owner[self][ID]
  if id then host.put(up.STATUS, id, 0, 0, text:sub(1, host.text_max)) end
end

-- What START says: what was added to a pool, and the handle to go on with.
local function split(text)
  local size, at = text:match '^(%d+):()'
  if not size then return '', '' end
  return text:sub(at, at + size - 1), text:sub(at + size)
end

local function new_unit(task, added)
  local ctx = context.new(task)
  if added ~= '' then context.added(ctx, added) end
  local fields = { name = ctx.name, path = ctx.path, args = ctx.args }
  fields.incarnation = task[INC]
  local unit = setmetatable(fields, Unit)
  owner[unit] = task
  return unit
end

local helper = {} --- @type runsmith.Behaviour

-- `stop` has been asked for, `kill` has done what it can: `wait` tells the rest. After
-- a `wait` that failed there is no rest.
function helper.done(task)
  local main, is_kill = task[SELF].main, task[PHASE] == 'kill'
  main[SELF].beside[task[PHASE]] = nil
  schedule.discard(task)
  if is_kill and main[ID] and main[SELF].failed then
    schedule.finish(main, why.EXCEPTION, main[SELF].failed)
  end
end

function helper.fail(task, message, traceback)
  local main = task[SELF].main
  local text = ('%s: %s\n%s'):format(task[PHASE], message, traceback)
  if main[ID] then
    local entry = require('cjson').encode { text = text:sub(1, host.text_max / 4) }
    host.put(up.LOG, main[ID], 3, 0, entry)
  end
  return helper.done(task)
end

function helper.interrupted(task, traceback)
  return helper.fail(task, 'interrupted', traceback)
end

helper.upset = helper.fail
function helper.ask() end
function helper.emit() end
function helper.kill() end

-- Runs `stop` or `kill` beside whatever the unit's own coroutine does.
local function beside(task, name)
  local state = task[SELF]
  if state.beside[name] then return end
  state.beside[name] = true
  local fn = task[KIND].def[name]
  if not fn then return end
  local kind = { plan = task[KIND].plan, runs = helper }
  local id = host.open(task[SLOT], task[INC])
  local side = T.new(id, task[SLOT], task[INC], task[ROW], kind)
  side[SELF] = { main = task }
  schedule.add(side, true)
  return schedule.call(side, name, fn, state.unit, state.handle)
end

local function wait(task)
  local state = task[SELF]
  state.started = true
  if state.killed then
    beside(task, 'kill')
  elseif state.asked then
    beside(task, 'stop')
  end
  if not task[ID] then return end
  return schedule.call(task, 'wait', task[KIND].def.wait, state.unit, state.handle)
end

-- It runs, but nothing can tell of its end: it is killed, and has failed.
local function fail_for_good(task, text)
  task[SELF].failed = text
  task[PHASE] = 'lost'
  return beside(task, 'kill')
end

local done = {}

function done.load(task, functions)
  local state = task[SELF]
  task[KIND].def = functions
  if state.started then return wait(task) end
  return schedule.call(task, 'start', functions.start, state.unit)
end

function done.start(task, handle)
  task[SELF].handle = handle
  local ok, text = pcall(buffer.encode, handle)
  if ok and #text > task[SELF].room then
    ok, text = false, ('%d bytes are more than %d'):format(#text, task[SELF].room)
  end
  if not ok then return fail_for_good(task, "start's handle: " .. tostring(text)) end
  host.put(up.HANDLE, task[ID], 0, 0, text)
  return wait(task)
end

function done.wait(task, result, reason)
  if result ~= 'ok' and result ~= 'error' then
    local text = "wait returned %s, which is neither 'ok' nor 'error'"
    return fail_for_good(task, text:format(tostring(result)))
  end
  local code = result == 'ok' and why.OK or why.ERROR
  return schedule.finish(task, code, reason ~= nil and tostring(reason) or '')
end

--- @param task runsmith.Task
function M.done(task, value, more) return done[task[PHASE]](task, value, more) end

--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.fail(task, message, traceback)
  local text = ('%s: %s\n%s'):format(task[PHASE], message, traceback)
  if task[PHASE] == 'wait' then return fail_for_good(task, text) end
  return schedule.finish(task, why.LAUNCH, text)
end

--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.upset(task, message, traceback)
  if task[PHASE] == 'lost' then return end
  schedule.abandon(task)
  return M.fail(task, message, traceback)
end

local function load_functions(kind)
  return require('runsmith.tree.travel').decode(kind.code)
end

--- @param task runsmith.Task
--- @param text string
function M.begin(task, text)
  local added, handle = split(text)
  task[SELF] = { unit = new_unit(task, added), beside = {} }
  task[SELF].room = host.text_max - HEAD_MAX - #added
  if handle == '' then return M.next(task) end
  -- What was asked for before its runner's death is told again ahead of `wait`.
  task[SELF].handle, task[SELF].started = buffer.decode(handle), true
  return schedule.continue(task)
end

--- @param task runsmith.Task
function M.next(task)
  if task[KIND].def then return done.load(task, task[KIND].def) end
  return schedule.call(task, 'load', load_functions, task[KIND])
end

--- @param task runsmith.Task
function M.ask(task)
  task[SELF].asked = true
  if task[PHASE] == 'wait' then return beside(task, 'stop') end
end

--- Before there is a handle, it is `start` that is ended.
--- @param task runsmith.Task
function M.kill(task)
  local state = task[SELF]
  state.killed = true
  if task[PHASE] == 'wait' then return beside(task, 'kill') end
  if task[PHASE] ~= 'lost' and not state.started then return schedule.kill(task) end
end

function M.emit() end

return M
