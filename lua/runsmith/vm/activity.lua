--- A supervisor's on_activity: called with one journal entry after another.

local cjson = require 'cjson'
local host = require 'runsmith.host'
local judge = require 'runsmith.probe.judge'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID, KIND, SELF = T.ID, T.KIND, T.SELF

--- @class runsmith.Activity: runsmith.Behaviour
local M = {}

-- The next that waits. The engine keeps what does not fit, and sends more for each that
-- was taken.
local function go_on(task)
  local state = task[SELF]
  if not state.fn then return M.load(task) end
  local entry = table.remove(state.waiting, 1)
  if entry then return schedule.call(task, 'entry', state.fn, entry) end
end

local function rest(task)
  if task[T.PHASE] == 'entry' then host.put(host.up.TAKEN, task[ID], 1) end
  task[T.PHASE] = 'between'
  if #task[SELF].waiting > 0 then return schedule.continue(task) end
end

local function nothing() end

--- @param task runsmith.Task
function M.load(task)
  local decode = require('runsmith.tree.travel').decode
  return schedule.call(task, 'load', decode, task[KIND].code)
end

--- @param task runsmith.Task
function M.begin(task)
  task[SELF] = { waiting = {} }
  return M.load(task)
end

--- It is described anew: the next entry goes to that.
--- @param task runsmith.Task
function M.renew(task) task[SELF].fn = nil end

--- @param task runsmith.Task
--- @param text string
--- @param dropped integer
function M.hear(task, text, dropped)
  local entry = cjson.decode(text)
  if dropped > 0 then entry.dropped = dropped end
  table.insert(task[SELF].waiting, entry)
  if task[T.PHASE] == 'between' then return schedule.continue(task) end
end

--- @param task runsmith.Task
function M.next(task) return go_on(task) end

--- @param task runsmith.Task
function M.done(task, value)
  if task[T.PHASE] == 'load' then
    task[SELF].fn = value
  end
  return rest(task)
end

--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.fail(task, message, traceback)
  judge.log(task, ('on_activity: %s\n%s'):format(message, traceback))
  if task[T.PHASE] == 'load' then task[SELF].fn = nothing end
  return rest(task)
end

--- @param task runsmith.Task
--- @param message string
--- @param traceback string
function M.upset(task, message, traceback)
  judge.log(task, ('on_activity: %s\n%s'):format(message, traceback))
end

--- @param task runsmith.Task
--- @param traceback string
function M.interrupted(task, traceback)
  if task[SELF].over then return schedule.finish(task, host.why.OK) end
  return M.fail(task, 'interrupted: it held up the others', traceback)
end

--- The tree has it no longer.
--- @param task runsmith.Task
function M.ask(task)
  task[SELF].over = true
  if task[T.PHASE] ~= 'between' then return schedule.kill(task) end
  return schedule.finish(task, host.why.OK)
end

function M.emit() end
function M.kill() end

return M
