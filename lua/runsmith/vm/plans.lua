--- The plans that this VM's units were started from, and what is made of their rows
--- once: lifecycles as Lua tables, and the kinds of units.
---
--- A plan that the engine has dropped stays until the last task that began from it has
--- ended: a reload may leave a unit running under the new plan.

local abi = require 'runsmith.abi'
local host = require 'runsmith.host'

local C = abi.C
local M = {}

--- @class runsmith.State
--- @field index integer
--- @field name string
--- @field ends? 'ok' | 'error'
--- @field every? number seconds
--- @field edges table<string, runsmith.Edge>
--- @field implied? string the event of a state that has no function
--- @field events string for messages

--- @class runsmith.Edge
--- @field index integer within its state
--- @field event string
--- @field from runsmith.State
--- @field to runsmith.State

--- What units of equal description share.
--- @class runsmith.Kind
--- @field plan runsmith.Plan
--- @field runs runsmith.Behaviour
--- @field code string travel encoding of what it runs
--- @field first? runsmith.State
--- @field is_task boolean `run` is a function
--- @field def? any the definition, once it is loaded
--- @field copied? boolean a task's function that each incarnation has a copy of

--- @class runsmith.Plan
--- @field number integer
--- @field view table
--- @field modules table<string, table> what `load` keeps for it
local Plan = {}
Plan.__index = Plan

local plans = {}
local droppers = {}

local ENDS = { [1] = 'ok', [2] = 'error' }

local function seconds(ns)
  local number = tonumber(ns)
  if number > 0 then return number / 1e9 end
end

local function implied(edges)
  local one, others = nil, 0
  for event in pairs(edges) do
    if event ~= 'error' then
      one, others = event, others + 1
    end
  end
  if others == 1 then return one end
  if others == 0 and edges.error then return 'error' end
end

local function add_edges(view, row, states, state)
  local names = {}
  for i = 0, tonumber(row.edge_count) - 1 do
    local edge = view.edge[row.edge_at + i]
    local event = view:bytes(edge.event)
    local to = states[tonumber(edge.to)]
    state.edges[event] = { index = i, event = event, from = state, to = to }
    names[i + 1] = event
  end
  state.events = table.concat(names, ', ')
  state.implied = implied(state.edges)
end

-- Rows of a lifecycle as linked tables; its first state.
local function lifecycle(view, number)
  local life, states = view.life[number], {}
  for i = 0, tonumber(life.state_count) - 1 do
    local row = view.state[life.state_at + i]
    states[i] = {
      index = i,
      name = view:bytes(row.name),
      ends = ENDS[row.ends],
      every = seconds(row.every),
      edges = {},
    }
  end
  for i, state in pairs(states) do
    add_edges(view, view.state[life.state_at + i], states, state)
  end
  return states[0]
end

function Plan:life(number)
  local first = self.lives[number]
  if not first then
    first = lifecycle(self.view, number)
    self.lives[number] = first
  end
  return first
end

--- A task has begun from it.
function Plan:enter() self.users = self.users + 1 end

--- A task that began from it has ended.
function Plan:leave()
  self.users = self.users - 1
  if self.dropped and self.users == 0 then self:forget() end
end

function Plan:forget()
  plans[self.number] = nil
  for _, dropper in ipairs(droppers) do
    dropper(self)
  end
  self.view = nil
  host.drop(self.number)
end

--- Has `fn(plan)` called when a plan is forgotten.
function M.at_drop(fn) droppers[#droppers + 1] = fn end

--- @param number integer
--- @return runsmith.Plan
function M.get(number)
  local plan = plans[number]
  if plan then return plan end
  local pointer, size = host.plan(number)
  if not pointer then error(('there is no plan %d here'):format(number)) end
  plan = setmetatable({
    number = number,
    view = abi.view(pointer, size),
    users = 0,
    lives = {},
    kinds = {},
    modules = {},
  }, Plan)
  plans[number] = plan
  return plan
end

local function make_kind(plan, number)
  local spec = plan.view.spec[number]
  if spec.backend == C.RS_CUSTOM then
    local code = plan.view:bytes(plan.view.backend[spec.custom].code)
    return { plan = plan, runs = require 'runsmith.vm.backend', code = code }
  end
  return {
    plan = plan,
    runs = require 'runsmith.vm.life',
    code = plan.view:bytes(spec.run),
    first = plan:life(tonumber(spec.life)),
    is_task = bit.band(spec.flags, C.RS_TASK) ~= 0,
  }
end

--- @param number integer the plan's
--- @param row integer the unit's
--- @return runsmith.Kind
function M.kind(number, row)
  local plan = M.get(number)
  local spec = tonumber(plan.view.unit[row].spec)
  local kind = plan.kinds[spec]
  if not kind then
    kind = make_kind(plan, spec)
    plan.kinds[spec] = kind
  end
  return kind
end

--- The engine has no unit in it any longer.
--- @param number integer
function M.drop(number)
  local plan = plans[number]
  if not plan then return end
  plan.dropped = true
  if plan.users == 0 then plan:forget() end
end

return M
