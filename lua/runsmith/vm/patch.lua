--- A reload that leaves a unit running: from now on it lives by the new plan, so that
--- the old one can go, and by that plan's times.

local host = require 'runsmith.host'
local load = require 'runsmith.vm.load'
local plans = require 'runsmith.vm.plans'

local T = require 'runsmith.vm.task'
local ID, ROW, KIND, PHASE, STATE = T.ID, T.ROW, T.KIND, T.PHASE, T.STATE
local EDGE, TICKET, DUE = T.EDGE, T.TICKET, T.DUE

local M = {}

-- The states of a lifecycle by name, from its first.
local function states_of(kind)
  if kind.states then return kind.states end
  local states, todo = {}, { kind.first }
  while #todo > 0 do
    local state = table.remove(todo)
    if not states[state.name] then
      states[state.name] = state
      for _, edge in pairs(state.edges) do
        todo[#todo + 1] = edge.to
      end
    end
  end
  kind.states = states
  return states
end

-- Its state's function is called again after `every` of the new plan, counted from its
-- last call.
local function retime(task, was, is)
  if was.every == is.every or not task[DUE] then return end
  task[DUE] = task[DUE] - (was.every or 0) + (is.every or 0)
  if task[PHASE] == 'between' and task[TICKET] then host.timer(task[ID], task[DUE]) end
end

local function move_state(task, kind)
  local was = task[STATE]
  local is = was and kind.first and states_of(kind)[was.name]
  if not is then return end
  local edge = task[EDGE]
  task[STATE] = is
  if type(edge) == 'table' then task[EDGE] = is.edges[edge.event] or edge end
  retime(task, was, is)
end

--- Moves a task to its row in another plan. What it runs is the same, or it would have
--- been restarted.
--- @param task runsmith.Task
--- @param number integer the plan's
--- @param row integer
function M.apply(task, number, row)
  local old, kind = task[KIND], plans.kind(number, row)
  task[ROW] = row
  if kind == old then return end
  if kind.def == nil then
    kind.def, kind.copied = old.def, old.copied
  end
  load.adopt(old.plan, kind.plan)
  kind.plan:enter()
  task[KIND] = kind
  move_state(task, kind)
  old.plan:leave()
end

return M
