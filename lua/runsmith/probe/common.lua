--- The fields that a probe has whatever its kind. A combination is looked at as one: it
--- has its own, and those that its parts give, who must agree.
local describe = require 'runsmith.tree.describe'
local probe = require 'runsmith.probe'
local types = require 'runsmith.tree.types'

local M = {}

M.COMBINED = { all = true, any = true, no = true }

local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- @param node runsmith.Node
--- @return string as the script writes it
function M.label(node)
  return (M.COMBINED[node.name] and 'rs.%s' or 'rs.probe.%s'):format(
    tostring(node.name)
  )
end

-- A field of the kind's own that has the same name is not the common one.
local function is_own(kinds, node, name)
  local kind = kinds[node.name]
  return kind and kind.fields[name] ~= nil
end

local function take(found, name, value, from, wrong)
  local before = found[name]
  if not before then
    found[name] = { value = value, from = from }
  elseif not same(before.value, value) then
    wrong(
      ('%s.%s is %s, but %s.%s is %s: they look as one, so it must be the same'):format(
        M.label(before.from),
        name,
        types.show(before.value),
        M.label(from),
        name,
        types.show(value)
      )
    )
  end
end

local function gather(kinds, node, found, wrong)
  if type(node.fields) ~= 'table' then return end
  for _, row in ipairs(probe.COMMON) do
    local name, value = row[1], node.fields[row[1]]
    if value ~= nil and not is_own(kinds, node, name) then
      take(found, name, value, node, wrong)
    end
  end
  if not M.COMBINED[node.name] then return end
  for _, inner in ipairs(node.fields) do
    if describe.kind(inner) == 'probe' then gather(kinds, inner, found, wrong) end
  end
end

--- The common fields that hold for a probe.
--- @param kinds table<string, table> each kind's fields
--- @param node runsmith.Node
--- @param wrong fun(message: string)
--- @return table<string, any>
function M.gather(kinds, node, wrong)
  local found, fields = {}, {}
  gather(kinds, node, found, wrong)
  for name, it in pairs(found) do
    fields[name] = it.value
  end
  return fields
end

return M
