--- `after`: names of siblings → their rows, without cycles.
local fields = require 'runsmith.tree.fields'
local suggest = require 'runsmith.tree.suggest'

local M = {}

local NAMES = fields.of.worker.after.type

-- Whom it might mean, of those beside it.
local function siblings(name, names, row)
  local others = {}
  for other, at in pairs(names) do
    if at ~= row then others[other] = true end
  end
  if next(others) == nil then return 'it has none' end
  return suggest.hint(name, others, 'they are: ' .. suggest.list(others))
end

local function resolve_one(checker, row, names, position)
  local tree = checker.tree
  local after = tree.nodes[row].fields.after
  local wrong = checker:blame(row)
  local good = true
  NAMES.check(after, 'after', function(message)
    good = false
    wrong(message)
  end)
  local rows, seen = {}, {}
  for _, name in ipairs(type(after) == 'table' and after or {}) do
    local at = names[name]
    if type(name) ~= 'string' then
      good = false -- and told already
    elseif at == row then
      wrong(("after: '%s' is itself"):format(name))
    elseif not at then
      wrong(("after: '%s' is no sibling: %s"):format(name, siblings(name, names, row)))
    elseif position and position[at] > position[row] then
      wrong(
        ("after: '%s' comes later in the list, which is started in order"):format(name)
      )
    elseif not seen[at] then
      seen[at] = true
      rows[#rows + 1] = at
    end
  end
  if good and #rows > 0 then tree.after[row] = rows end
end

local function cycle_text(tree, trail, from)
  local names = {}
  for i = from, #trail do
    names[#names + 1] = "'" .. tree.nodes[trail[i]].name .. "'"
  end
  names[#names + 1] = names[1]
  return table.concat(names, ' after ')
end

-- Depth first, with a trail of its own: a chain may be longer than the stack is deep.
local function find_cycle(checker, start, done)
  local tree = checker.tree
  local trail, place, next_edge = { start }, { [start] = 1 }, { 1 }
  while #trail > 0 do
    local top = #trail
    local at = trail[top]
    local rows = tree.after[at]
    local target = rows and rows[next_edge[top]]
    if not target or done[at] then
      done[at], place[at] = true, nil
      trail[top], next_edge[top] = nil, nil
    elseif place[target] then
      checker:blame(target)(
        ('after: %s; a cycle never starts, take one of them away'):format(
          cycle_text(tree, trail, place[target])
        )
      )
      for _, row in ipairs(trail) do
        done[row] = true
      end
    else
      next_edge[top] = next_edge[top] + 1
      if not done[target] then
        trail[top + 1], next_edge[top + 1], place[target] = target, 1, top + 1
      end
    end
  end
end

--- Resolves the `after` of a supervisor's children.
--- @param checker table
--- @param row integer the supervisor's
--- @param children integer[] rows
--- @param names table<string, integer>
function M.resolve(checker, row, children, names)
  local tree = checker.tree
  local given = tree.nodes[row].fields
  local position
  if given.ordered == true or given.strategy == 'rest_for_one' then
    position = {}
    for i, child in ipairs(children) do
      position[child] = i
    end
  end
  for _, child in ipairs(children) do
    local own = tree.nodes[child].fields
    if type(own) == 'table' and own.after ~= nil then
      resolve_one(checker, child, names, position)
    end
  end
  local done = {}
  for _, child in ipairs(children) do
    if tree.after[child] and not done[child] then find_cycle(checker, child, done) end
  end
end

return M
