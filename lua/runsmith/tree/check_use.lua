--- The check of what a probe's common fields say of its unit: its states and events.

local suggest = require 'runsmith.tree.suggest'
local types = require 'runsmith.tree.types'

local M = {}

local show = types.show
local NO_LUA = { -- the states of a command, and of what a backend of the tree's runs
  starting = 1, running = 2, terminating = 3, stopped = 4, crashed = 5,
}

-- Nil: they are not known, for its lifecycle is wrong.
local function states_of(leaf, is_custom)
  if leaf.kind == 'command' or is_custom then return NO_LUA end
  return leaf.life and leaf.life.index
end

local function check_when(when, leaf, states, label, wrong)
  if type(when) == 'string' then when = { when } end
  if type(when) ~= 'table' then return end
  if leaf.kind == 'supervisor' then
    return wrong(('%s.when: a supervisor has no states; it looks while it is ready')
      :format(label))
  end
  for _, name in ipairs(states and when or {}) do
    if not states[name] then
      local hint = suggest.hint(name, states)
      wrong(('%s.when: %s is no state: %s'):format(label, show(name), hint))
    end
  end
end

local function has_event(leaf, event)
  for _, state in ipairs(leaf.life.states) do
    for _, edge in ipairs(state.edges) do
      if edge.event == event then return true end
    end
  end
end

--- @param checker table
--- @param fields table<string, any> the common ones
--- @param leaf runsmith.Leaf
--- @param label string
--- @param wrong fun(message: string)
function M.check(checker, fields, leaf, label, wrong)
  local is_custom = leaf.kind == 'worker' and checker.backends[leaf.fields.backend]
  check_when(fields.when, leaf, states_of(leaf, is_custom), label, wrong)
  local action = fields.action
  if type(action) ~= 'table' then return end
  if (action.emit ~= nil) == (action.call ~= nil) then
    return wrong(('%s.action must have one of emit and call'):format(label))
  end
  if action.emit == nil then return end
  if leaf.kind ~= 'worker' or is_custom then
    wrong(("%s.action: only a worker's lifecycle takes events"):format(label))
  elseif
    type(action.emit) == 'string' and leaf.life and not has_event(leaf, action.emit)
  then
    wrong(("%s.action: no state of its lifecycle has the event '%s'"):format(
      label, action.emit))
  end
end

return M
