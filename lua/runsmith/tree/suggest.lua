--- «did you mean»: the nearest of some names to a misspelt one.
local M = {}

local function distance(a, b)
  local before, row = {}, {}
  local older
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    older, before, row = before, row, {}
    row[0] = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best =
        math.min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (same and 0 or 1))
      local swapped = i > 1
        and j > 1
        and a:byte(i) == b:byte(j - 1)
        and a:byte(i - 1) == b:byte(j)
      if swapped then best = math.min(best, older[j - 2] + 1) end
      row[j] = best
    end
  end
  return row[#b]
end

--- The name in `names` (keys of a map, or a list) that is at most a third wrong.
--- @param word string
--- @param names table
--- @return string? name
function M.nearest(word, names)
  local best, best_distance
  if type(word) ~= 'string' or #word > 64 then return nil end
  for key, value in pairs(names) do
    local name = type(key) == 'number' and value or key
    local d = distance(word:lower(), name:lower())
    local better = not best or d < best_distance or (d == best_distance and name < best)
    local near = d <= math.max(1, math.floor(#name / 3)) and d < math.max(#word, #name)
    if near and better then
      best, best_distance = name, d
    end
  end
  return best
end

--- "did you mean 'x'?" or, where nothing is near, the given sentence.
--- @param word string
--- @param names table
--- @param otherwise? string
--- @return string
function M.hint(word, names, otherwise)
  local name = M.nearest(word, names)
  if name then return ("did you mean '%s'?"):format(name) end
  return otherwise or 'it has: ' .. M.list(names)
end

--- The names in order, for a sentence.
--- @param names table
--- @return string
function M.list(names)
  local list = {}
  for key, value in pairs(names) do
    list[#list + 1] = type(key) == 'number' and value or key
  end
  if #names == 0 then table.sort(list) end
  return table.concat(list, ', ')
end

return M
