--- Functions that run beside a worker, each with waits of its own: a task in the
--- worker's slot that the engine does not tell from it. They end with the worker.

local host = require 'runsmith.host'
local schedule = require 'runsmith.schedule'

local T = require 'runsmith.task'
local SLOT, INC, ROW, KIND, SELF, CTX = T.SLOT, T.INC, T.ROW, T.KIND, T.SELF, T.CTX
local REFUSE = T.REFUSE

local M = {}

--- What runs beside one worker.
--- @class runsmith.Group
--- @field count integer how many have not ended
--- @field failure? string what one of them raised
--- @field package task runsmith.Task the worker
--- @field package members table<runsmith.Task, true>
--- @field package ticket? integer
local Group = {}
Group.__index = Group

local groups = {} -- worker's task → its groups, as keys

local runs = {} --- @type runsmith.Behaviour

local function leave(member)
  local group = member[SELF].group
  group.members[member] = nil
  group.count = group.count - 1
  schedule.discard(member)
  if group.ticket then schedule.wake(group.ticket, true) end
end

function runs.next(member)
  local of = member[SELF]
  return schedule.call(member, 'run', of.fn, of.a, of.b, of.c)
end

function runs.done(member) return leave(member) end

function runs.fail(member, message, traceback)
  local group = member[SELF].group
  group.failure = group.failure or (message .. '\n' .. traceback)
  return leave(member)
end

function runs.upset(member, message, traceback)
  schedule.abandon(member)
  return runs.fail(member, message, traceback)
end

-- It was the worker's turn that took too long.
function runs.interrupted(member, traceback)
  return schedule.finish(member[SELF].group.task, host.why.INTERRUPTED, traceback)
end

--- Of the worker that runs.
--- @return runsmith.Group
function M.new()
  local task = schedule.current()
  local group = setmetatable({ task = task, members = {}, count = 0 }, Group)
  groups[task] = groups[task] or {}
  groups[task][group] = true
  return group
end

--- Has `fn(a, b, c)` run beside the worker, from its next turn on.
--- @param fn function
function Group:run(fn, a, b, c)
  local task = self.task
  host.enter()
  local kind = { plan = task[KIND].plan, runs = runs }
  local id = host.open(task[SLOT], task[INC])
  local member = T.new(id, task[SLOT], task[INC], task[ROW], kind)
  member[SELF] = { group = self, fn = fn, a = a, b = b, c = c }
  member[CTX] = task[CTX]
  self.members[member] = true
  self.count = self.count + 1
  schedule.add(member, true)
  schedule.continue(member)
  host.leave()
end

local function raise(group)
  if group.failure then error(group.failure, 0) end
end

--- Waits until one of them has ended; raises what it raised.
--- @param seconds? number
--- @return true? # or nil and 'timeout', 'stopping'
--- @return string? why
function Group:wait(seconds)
  raise(self)
  self.ticket = schedule.ticket()
  local ok, why = schedule.suspend(self.ticket, seconds)
  self.ticket = nil
  raise(self)
  return ok, why
end

--- The worker is to stop, and so are they: the stop rule holds for each.
function Group:ask()
  for member in pairs(self.members) do
    member[REFUSE] = true
    schedule.disturb(member)
  end
end

--- Waits until all have ended; raises what one of them raised.
function Group:join()
  while self.count > 0 do
    self.ticket = schedule.ticket()
    schedule.hold(self.ticket)
    self.ticket = nil
  end
  raise(self)
end

schedule.at_finish(function(task)
  local own = groups[task]
  if not own then return end
  groups[task] = nil
  for group in pairs(own) do
    group.ticket = nil
    for member in pairs(group.members) do
      schedule.discard(member)
    end
  end
end)

return M
