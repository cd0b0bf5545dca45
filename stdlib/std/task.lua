--- Work beside a worker's own: coroutines of its incarnation, which end with it.
---
--- ```lua
--- local task = require 'std.task'
--- local time = require 'std.time'
---
--- local beat = task.spawn(function(every)
---   while time.sleep(every) do
---     print 'still here'
---   end
---   return 'asked to stop'
--- end, 0.01)
--- time.sleep(0.05)
--- beat:cancel()
--- ```

local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'

local M = {}

--- @class std.Task
--- @field private task? runsmith.Task
--- @field private results? table
--- @field private waiting table<integer, true> tickets of those that wait for its end
local Task = {}
Task.__index = Task

local function finish(self, ...)
  self.results = { n = select('#', ...), ... }
  self.task = nil
  for ticket in pairs(self.waiting) do
    schedule.wake(ticket)
  end
end

local function perform(self, fn, args)
  return finish(self, fn(unpack(args, 1, args.n)))
end

--- Runs `fn(...)` beside whoever calls. It may wait as the worker itself may, and a
--- stop ends its waits likewise. An error in it is the worker's. It is no heartbeat.
--- @param fn function
--- @return std.Task
function M.spawn(fn, ...)
  if type(fn) ~= 'function' then
    error('task.spawn takes a function, not a ' .. type(fn), 2)
  end
  local self = setmetatable({ waiting = {} }, Task)
  local args = { n = select('#', ...), ... }
  self.task = strand.begin(strand.current(), true, perform, self, fn, args)
  return self
end

--- @return boolean running
function Task:is_running() return self.task ~= nil end

--- Waits for its end.
--- @param timeout? number seconds
--- @return boolean? ended, any ... true and what it returned; nil, 'timeout' |
---   'stopping' | 'cancelled'
function Task:join(timeout)
  if self.task then
    local ticket = schedule.ticket()
    self.waiting[ticket] = true
    local _, why = schedule.suspend(ticket, timeout)
    self.waiting[ticket] = nil
    if why then return nil, why end
  end
  if not self.results then return nil, 'cancelled' end
  return true, unpack(self.results, 1, self.results.n)
end

--- Ends it wherever it waits; nothing of it runs any more.
function Task:cancel()
  local task = self.task
  if not task then return end
  if task == schedule.current() then error('a task cannot cancel itself', 2) end
  self.task = nil
  strand.drop(task)
  for ticket in pairs(self.waiting) do
    schedule.wake(ticket)
  end
end

return M
