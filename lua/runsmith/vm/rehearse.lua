--- A spare's VM runs a worker of no unit from its start to its end, while nobody waits
--- for it: what a start runs through is then in this process's memory, its own copy
--- where it writes, and bound. Nothing of it is left, and the engine hears nothing.

local abi = require 'runsmith.abi'
local host = require 'runsmith.host'
local life = require 'runsmith.vm.life'
local load = require 'runsmith.vm.load'
local plans = require 'runsmith.vm.plans'
local schedule = require 'runsmith.vm.schedule'
local travel = require 'runsmith.tree.travel'

local T = require 'runsmith.vm.task'

local M = {}

local SLOT = 7 -- of a spare's eight, the last that a unit comes to
local TURNS = 8 -- it has ended by then
local ROOM = 64 -- kB
local UNITS = 64 -- of a plan that are looked at

-- The library's, since it does what a worker does, std included.
local SOURCE = ("return require '%s'"):format 'std.rehearsal'

local function state(index, name, ends)
  return { index = index, name = name, ends = ends, edges = {}, events = '' }
end

local function edge(from, event, to)
  from.edges[event] = { index = 0, event = event, from = from, to = to }
end

local function lifecycle()
  local starting, running = state(0, 'starting'), state(1, 'running')
  edge(starting, 'run', running)
  edge(running, 'complete', state(2, 'stopped', 'ok'))
  return starting
end

-- What a module's row and bytes look like to `load`.
local VIEW = {
  bytes = function(_, text) return text end,
  module = { [0] = { version = 0, file = 'rehearsal.lua', source = SOURCE } },
}

local CODE = travel.encode { module = 'rehearsal' }

local function kind_of(plan)
  local copy = { number = 0, view = VIEW, users = 0, dropped = true, modules = {} }
  copy.module_rows = { rehearsal = 0 }
  return {
    plan = setmetatable(copy, getmetatable(plan)),
    runs = life,
    code = CODE,
    first = lifecycle(),
    is_task = false,
  }
end

local function perform(plan)
  local task = T.new(host.open(SLOT, 0), SLOT, 0, 0, kind_of(plan))
  schedule.add(task)
  life.begin(task, '')
  for _ = 1, TURNS do
    schedule.expire()
    for each in schedule.pop, schedule.mark() do
      schedule.go(each)
    end
  end
  schedule.discard(task)
end

local function take_memory()
  local list = {}
  for i = 1, ROOM do
    list[i] = ('x'):rep(1000) .. i
  end
  return #list
end

-- Memory for what comes first, and no collection in the middle of it.
local function make_room()
  take_memory()
  collectgarbage()
end

-- Whoever the spare may become finds its kind made and its module compiled.
local function prepare(plan)
  local view = plan.view
  for row = 0, math.min(view.count.unit, UNITS) - 1 do
    local spec = view.spec[view.unit[row].spec]
    if spec.backend == abi.C.RS_PROCESS then
      plans.kind(plan.number, row)
      load.prepare(plan, spec.run_module)
    end
  end
end

--- @param plan runsmith.Plan one that units will begin from: its tables are made ready
function M.run(plan)
  local put = host.put
  host.put = function() end
  local ok, why = pcall(perform, plan)
  host.put = put
  schedule.quit()
  prepare(plan)
  make_room()
  if not ok then error(why, 0) end
end

return M
