--- A host's units as rows for `top`: sorted, and drawn by the tree's own means.
local tree = require 'cli.tree'

local M = {}

M.SORTS = { 'tree', 'health', 'restarts', 'uptime' }

local RANK = {
  failed = 1, lingering = 2, waiting = 3, stopped = 4, completed = 5, healthy = 6,
}

-- Who comes before whom; equal ones stay in the tree's order.
local BEFORE = {
  health = function(a, b) return RANK[a.health] < RANK[b.health] end,
  restarts = function(a, b) return a.restarts > b.restarts end,
  uptime = function(a, b) return (a.uptime or 0) < (b.uptime or 0) end,
}

local function flat(root)
  local list = {}
  local function add(unit, above)
    list[#list + 1] = { unit = unit, above = above, place = #list }
    for _, child in ipairs(unit.children or {}) do
      add(child, unit)
    end
  end
  add(root)
  return list
end

--- What to draw, and the paths of its rows.
--- @param root table
--- @param sort string one of SORTS
--- @return table[] roots, string[] paths
function M.sorted(root, sort)
  local list, before = flat(root), BEFORE[sort]
  local paths, roots = {}, {}
  if before then
    table.sort(list, function(a, b)
      if before(a.unit, b.unit) then return true end
      if before(b.unit, a.unit) then return false end
      return a.place < b.place
    end)
  end
  for i, item in ipairs(list) do
    paths[i] = item.unit.path
    if before then
      roots[i] = setmetatable({ children = false }, { __index = item.unit })
    end
  end
  return before and roots or { root }, paths
end

--- @param roots table[]
--- @param paint fun(colour: string?, text: string): string
--- @return string[] a line a row
function M.draw(roots, paint)
  local lines = tree.draw(roots, paint)
  table.remove(lines, 1)
  return lines
end

--- @param root table
--- @return string
function M.summary(root) return tree.summary { root } end

--- @param sort string
--- @return string the one after it
function M.next_sort(sort)
  for i, name in ipairs(M.SORTS) do
    if name == sort then return M.SORTS[i % #M.SORTS + 1] end
  end
  return M.SORTS[1]
end

return M
