-- columns.lua -- in which backends each case is run.

local M = {
  { name = 'coroutine', backends = { 'coroutine' } },
  { name = 'thread', backends = { 'thread' } },
  { name = 'process', backends = { 'process' } },
  -- One backend after another, for cases of several units.
  { name = 'mixed', backends = { 'coroutine', 'thread', 'process' } },
  { name = 'mixed_again', backends = { 'process', 'coroutine', 'thread' } },
}

--- A case's units: those that it lists, or its one, `w`.
--- @return table[] each: its name, run, fields, second
function M.units(case)
  if case.units then return case.units end
  return { { 'w', run = case.run, fields = case.fields, second = case.second } }
end

--- @return string the case's name as a unit's
function M.name(case) return (case[1]:gsub('[^%w]+', '_')) end

--- @return boolean
function M.has(column, case) return #column.backends == 1 or #M.units(case) > 1 end

return M
