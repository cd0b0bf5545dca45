--- Coroutines beside a worker's own. A strand is of the incarnation that began it: it
--- runs in its name, counts as its time (`stall`), is interrupted in its place and ends
--- with it. What it raises is the worker's failure, like a callback's. It is no sign of
--- life: heartbeats are the worker's own affair.

local host = require 'runsmith.host'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID, SLOT, INC, ROW, KIND, SELF = T.ID, T.SLOT, T.INC, T.ROW, T.KIND, T.SELF
local REFUSE = T.REFUSE

local M = {}

--- @class runsmith.StrandKind: runsmith.Kind
--- @field main runsmith.Task whose they are
--- @field strands table<runsmith.Task, boolean> each, and whether it heeds a stop
--- @field on_ask table<function, true> called when the worker is asked to stop

local strand = {} --- @type runsmith.Behaviour
local kinds = {} --- @type table<runsmith.Task, runsmith.StrandKind>

local function kind_of(main)
  local kind = kinds[main]
  if not kind then
    kind = { plan = main[KIND].plan, runs = strand, main = main }
    kind.strands, kind.on_ask = {}, {}
    kinds[main] = kind
  end
  return kind
end

--- The worker whose strand a task is, or that it is itself.
--- @param task runsmith.Task
--- @return runsmith.Task
function M.main(task) return task[KIND].main or task end

--- The worker in whose name Lua runs now.
--- @return runsmith.Task
function M.current()
  local task = schedule.current()
  if not task then error('only a worker can do that', 3) end
  return task[KIND].main or task
end

--- Has `fn(...)` run in a strand of a worker's. It begins when the VM next turns.
--- @param main runsmith.Task
--- @param heeds boolean a stop ends its waits, as it does the worker's own
--- @param fn function
--- @return runsmith.Task
function M.begin(main, heeds, fn, a, b, c)
  local kind = kind_of(main)
  host.enter()
  local id = host.open(main[SLOT], main[INC], true)
  local task = T.new(id, main[SLOT], main[INC], main[ROW], kind)
  task[SELF] = { fn, a, b, c }
  schedule.add(task, true)
  kind.strands[task] = heeds
  schedule.continue(task)
  host.leave()
  return task
end

--- Has `fn()` called, by nobody, when the worker is asked to stop.
--- @param main runsmith.Task
--- @param fn function
function M.at_ask(main, fn) kind_of(main).on_ask[fn] = true end

--- @param main runsmith.Task
--- @param fn function
function M.no_ask(main, fn) kind_of(main).on_ask[fn] = nil end

--- The stop rule for one strand.
--- @param task runsmith.Task
function M.ask(task)
  if not task[ID] then return end
  task[REFUSE] = true
  schedule.disturb(task)
end

--- Ends a strand that is not running, wherever it waits.
--- @param task runsmith.Task
function M.drop(task)
  local strands = task[KIND].strands
  if strands[task] == nil then return end
  strands[task] = nil
  schedule.discard(task)
end

function strand.next(task)
  local start = task[SELF]
  task[SELF] = nil
  return schedule.call(task, 'strand', unpack(start, 1, 4))
end

function strand.done(task) return M.drop(task) end

function strand.fail(task, message, traceback)
  local main = task[KIND].main
  M.drop(task)
  if main[ID] then return main[KIND].runs.upset(main, message, traceback) end
end

strand.upset = strand.fail

-- It was the worker that was to end.
function strand.interrupted(task, traceback)
  local main = task[KIND].main
  M.drop(task)
  if main[ID] then return schedule.interrupted(main, traceback) end
end

function strand.ask() end
function strand.emit() end
function strand.kill() end

schedule.at_ask(function(main)
  local kind = kinds[main]
  if not kind then return end
  for task, heeds in pairs(kind.strands) do
    if heeds then M.ask(task) end
  end
  for fn in pairs(kind.on_ask) do
    fn()
  end
end)

schedule.at_finish(function(main)
  local kind = kinds[main]
  if not kind then return end
  kinds[main] = nil
  for task in pairs(kind.strands) do
    schedule.discard(task)
  end
end)

return M
