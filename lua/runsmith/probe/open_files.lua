--- The open descriptors of a unit's process.

local uv = require('runsmith.owned').module()

local M = {}

--- @param spec { max: integer }
--- @param unit { pid?: integer }
function M.check(spec, unit)
  if not unit.pid then return nil, 'it has no process' end
  local list, why = uv.fs_scandir(('/proc/%d/fd'):format(unit.pid))
  if not list then return nil, tostring(why) end
  local count = 0
  while uv.fs_scandir_next(list) do
    count = count + 1
  end
  if count <= spec.max then return true, ('%d open'):format(count) end
  return false, ('%d open descriptors are more than %d'):format(count, spec.max)
end

return M
