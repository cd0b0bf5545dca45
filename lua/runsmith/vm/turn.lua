--- A VM's turns: the engine's commands, timers, whoever is ready. A mistake of the
--- framework's own costs the unit that it was busy with, never the VM.

local commands = require 'runsmith.vm.commands'
local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID = T.ID

local M = {}

local COMMANDS_MAX = 1024 -- taken in one turn, before the ready have theirs

local at_work --- @type runsmith.Task? whom to blame

local function mishap(message)
  local task = at_work
  at_work = nil
  schedule.quit()
  local id = task and task[ID]
  local text = 'runsmith: ' .. message
  local entry = require('cjson').encode { text = text:sub(1, host.text_max / 4) }
  host.put(host.up.LOG, id, 3, 0, entry)
  if id then schedule.finish(task, host.why.EXCEPTION, text) end
end

--- Calls `fn` in the care of whoever it works for.
--- @return any result, or true if it raised
local function guarded(fn, ...)
  local ok, result = xpcall(fn, debug.traceback, ...)
  if ok then return result end
  local told, again = pcall(mishap, tostring(result))
  if not told then io.stderr:write('runsmith: ', tostring(again), '\n') end
  return true
end

local function work(task, fn, ...)
  at_work = task
  fn(task, ...)
  at_work = nil
end

--- Calls `fn(task, ...)`; a mistake of the framework's in it is that task's cost.
--- @param task runsmith.Task
--- @param fn function
function M.protect(task, fn, ...) guarded(work, task, fn, ...) end

local function take()
  for _ = 1, COMMANDS_MAX do
    if not commands.take(work) then return false end
  end
  return true
end

local function drain(last)
  for task in schedule.pop, last do
    at_work = task
    schedule.go(task)
  end
  at_work = nil
end

--- One turn: what was told, what is due, then everyone who is ready now, once.
--- @return 'again' | 'close' | nil # do not wait; leave the loop; wait
function M.turn()
  local more = guarded(take)
  guarded(schedule.expire)
  local last = schedule.mark()
  while guarded(drain, last) do end
  if more or schedule.mark() > 0 then return 'again' end
  if commands.is_closing() and schedule.count() == 0 then return 'close' end
end

--- Runs the VM until it is to end.
function M.run()
  require('runsmith.vm.load').install()
  require('runsmith.vm.output').install()
  host.mishap(mishap)
  return host.loop(M.turn)
end

return M
