-- tree.lua -- the cases of one theme, each once in each column: below a supervisor of
-- its own, `plant/COLUMN/CASE`, with the column's backends.
--
-- CONFORM_THEME: which file of cases/. Where a file `second` is there, units have their
-- `second` fields instead: what a reload finds. Where a file `turn` says so, only the
-- cases up to that one are there: reloads bring them one after another.

local rs = require 'runsmith'
local columns = require 'columns'

local theme = assert(os.getenv 'CONFORM_THEME')
local second = io.open 'second'
if second then second:close() end
local turn = io.open 'turn'
local last = turn and turn:read '*n' or math.huge
if turn then turn:close() end

local function fields_of(unit, backend)
  local fields = { run = unit.run, backend = backend }
  for name, value in pairs(unit.fields or {}) do
    fields[name] = value
  end
  for name, value in pairs(second and unit.second or {}) do
    fields[name] = value
  end
  return fields
end

local function case_of(case, column)
  local group = { restart = 'temporary' }
  for name, value in pairs(case.group or {}) do
    group[name] = value
  end
  for i, unit in ipairs(columns.units(case)) do
    local backend = column.backends[(i - 1) % #column.backends + 1]
    group[#group + 1] = rs.worker(unit[1])(fields_of(unit, backend))
  end
  for name, fields in pairs(case.channels or {}) do
    group[#group + 1] = rs.channel(name)(fields)
  end
  return rs.supervisor(columns.name(case))(group)
end

local root = {}
for _, column in ipairs(columns) do
  local below = { isolate = true, pool = rs.worker { run = function() end } }
  for i, case in ipairs(require('cases.' .. theme)) do
    if i <= last and columns.has(column, case) then
      below[#below + 1] = case_of(case, column)
    end
  end
  root[#root + 1] = rs.supervisor(column.name)(below)
end

return rs.supervisor 'plant' (root)
