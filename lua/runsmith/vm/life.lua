--- One worker's way through its lifecycle. Nothing here waits: each function of the
--- worker runs in its own coroutine, and when it has returned, `done` or `fail` goes on
--- from the phase that it was in.

local context = require 'runsmith.vm.context'
local handover = require 'runsmith.vm.handover'
local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID, KIND, SELF, CTX, PHASE, STATE = T.ID, T.KIND, T.SELF, T.CTX, T.PHASE, T.STATE
local EDGE, REFUSE, DUE, QUEUE = T.EDGE, T.REFUSE, T.DUE, T.QUEUE

--- @class runsmith.Life: runsmith.Behaviour
local M = {}

local up, why = host.up, host.why

local function explain(exception)
  if exception.traceback == '' then return exception.message end
  return exception.message .. '\n' .. exception.traceback
end

-- Ends it: `before_exit` if the definition has one, then the exit record.
local function leave(task, reason)
  local def = task[KIND].def
  local before = type(def) == 'table' and def.before_exit
  if not before then return M.leave(task, reason) end
  task[EDGE] = reason
  local graceful = reason ~= why.EXCEPTION
  return schedule.call(task, 'exit', before, task[SELF], task[CTX], graceful)
end

--- @param task runsmith.Task
--- @param reason integer host.why
function M.leave(task, reason)
  local exception = task[CTX].exception
  local text = exception and reason ~= why.OK and explain(exception) or ''
  local left = reason == why.OK and handover.leave(task) or 0
  context.ended(task[CTX])
  return schedule.finish(task, reason, text, left)
end

--- True if a stop is seen before the engine's word for it came: that word then disturbs
--- nothing.
--- @param task runsmith.Task
--- @return boolean
function M.heed(task)
  if task[REFUSE] ~= nil or not host.stopping(task[ID]) then return false end
  task[REFUSE] = false
  schedule.asked(task)
  return true
end

-- What is begun after a stop is not disturbed by it.
local function heed(task)
  if task[REFUSE] then task[REFUSE] = false end
  return M.heed(task)
end

-- The first state, or the one that a transition has led to.
local function arrive(task, state)
  task[STATE], task[EDGE] = state, nil
  heed(task)
  host.put(up.ENTER, task[ID], state.index)
  if not state.ends then return schedule.continue(task) end
  return leave(task, state.ends == 'ok' and why.OK or why.ERROR)
end

local function enter(task)
  local edge = task[EDGE]
  local hooks = task[KIND].def.enter
  local hook = hooks and hooks[edge.to.name]
  if hook then
    local from = edge.from.name
    return schedule.call(task, 'enter', hook, task[SELF], task[CTX], edge.event, from)
  end
  return M.moved(task)
end

--- Both hooks have run: the state changes.
--- @param task runsmith.Task
function M.moved(task)
  local edge = task[EDGE]
  context.moved(task[CTX], edge)
  return arrive(task, edge.to)
end

local function transition(task, edge)
  task[EDGE] = edge
  heed(task)
  host.put(up.BEGIN, task[ID], edge.index)
  local hooks = task[KIND].def.leave
  local hook = hooks and hooks[edge.from.name]
  if hook then
    local to = edge.to.name
    return schedule.call(task, 'leave', hook, task[SELF], task[CTX], edge.event, to)
  end
  return enter(task)
end

-- The first event in the queue that the state has; the others are dropped.
local function queued(task)
  local queue, edges = task[QUEUE], task[STATE].edges
  while queue[1] do
    local event = table.remove(queue, 1)
    local edge = edges[event]
    if edge then return edge end
    host.put(up.DROPPED, task[ID], 0, 0, event)
  end
  task[QUEUE] = nil
end

local function keepalive(task)
  local edge = task[QUEUE] and queued(task)
  if edge then return transition(task, edge) end
  host.beat(task[ID])
  if not task[STATE].every then return schedule.continue(task) end
  return schedule.park(task, task[DUE])
end

local function quoted(value)
  return type(value) == 'string' and ('%q'):format(value) or tostring(value)
end

--- An error in its name: taken by the state's `error` edge, or its end.
--- @param task runsmith.Task
--- @param message string
--- @param traceback string
local function raise(task, message, traceback)
  local ctx, state = task[CTX], task[STATE]
  ctx.exception = { message = message, traceback = traceback }
  local edge = state and state.edges.error
  if edge and edge ~= task[EDGE] and not task[KIND].is_task then
    return transition(task, edge)
  end
  return leave(task, why.EXCEPTION)
end

local function step(task)
  local state, kind = task[STATE], task[KIND]
  local fn = kind.def[state.name]
  if state.every then task[DUE] = host.now() + state.every end
  if fn then return schedule.call(task, 'state', fn, task[SELF], task[CTX]) end
  local edge = state.edges[state.implied]
  if edge then return transition(task, edge) end
  return raise(task, ("%s: no function, and which of its events is it (%s)?"):format(
    state.name, state.events), '')
end

local function first(task)
  host.put(up.ENTER, task[ID], task[KIND].first.index)
  task[STATE] = task[KIND].first
  if not task[KIND].is_task then return step(task) end
  local run = task[SELF]
  task[SELF] = nil
  return schedule.call(task, 'run', run, task[CTX])
end

-- What the incarnation before left is the definition's to take, ahead of its first
-- state. One that knows no `migrate`, and a task, begin without.
local function inherit(task, def)
  local data = handover.take(task)
  local migrate = data and not task[KIND].is_task and def.migrate
  if not migrate then return first(task) end
  local value = handover.decode(data)
  return schedule.call(task, 'migrate', migrate, task[SELF], task[CTX], value)
end

local done = {}

-- `load` gives the definition, or a task's function, which is its own where it has
-- state.
function done.load(task, loaded)
  if task[KIND].is_task then
    task[SELF] = loaded
  else
    task[SELF] = {}
    task[KIND].def = loaded -- a reload may have moved it meanwhile
  end
  return inherit(task, loaded)
end

done.migrate = first

function done.state(task, event)
  if event == 'keepalive' then return keepalive(task) end
  local state = task[STATE]
  local edge = state.edges[event]
  if edge then return transition(task, edge) end
  local message = "%s returned %s, which is neither 'keepalive' nor an event of it (%s)"
  return raise(task, message:format(state.name, quoted(event), state.events), '')
end

done.leave = enter
done.enter = M.moved
function done.run(task) return M.leave(task, why.OK) end
function done.exit(task) return M.leave(task, task[EDGE]) end

--- @param task runsmith.Task
function M.done(task, value) return done[task[PHASE]](task, value) end

--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.fail(task, message, traceback)
  local phase = task[PHASE]
  if phase == 'load' or phase == 'migrate' then
    local text = explain { message = message, traceback = traceback }
    return schedule.finish(task, why.LAUNCH, text)
  end
  if phase ~= 'exit' then return raise(task, message, traceback) end
  if task[EDGE] ~= why.EXCEPTION then
    task[CTX].exception = { message = message, traceback = traceback }
  end
  return M.leave(task, why.EXCEPTION)
end

--- An error outside its functions, in a callback of its: it is left wherever it waits.
--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.upset(task, message, traceback)
  schedule.abandon(task)
  return M.fail(task, message, traceback)
end

--- @param task runsmith.Task
--- @param text string names a unit of a pool
--- @param data? string what the incarnation before left
function M.begin(task, text, data)
  local kind = task[KIND]
  task[CTX] = context.new(task)
  if text ~= '' then context.added(task[CTX], text) end
  local def = kind.def
  if data then handover.keep(task, data) end
  if not def then
    return schedule.call(task, 'load', require('runsmith.vm.load').code, kind)
  end
  task[SELF] = kind.is_task and def or {}
  return inherit(task, def)
end

--- @param task runsmith.Task
function M.next(task) return step(task) end

--- The stop rule: what it waits for now returns nil, 'stopping', and so does its next
--- wait, unless it has begun a transition by then.
--- @param task runsmith.Task
function M.ask(task)
  if task[REFUSE] ~= nil then return end
  task[REFUSE] = true
  schedule.disturb(task)
  return schedule.asked(task)
end

--- @param task runsmith.Task
--- @param event string
function M.emit(task, event)
  if not context.queue(task, event) then host.put(up.DROPPED, task[ID], 0, 0, event) end
end

--- Only custom units are killed by a function.
function M.kill() end

return M
