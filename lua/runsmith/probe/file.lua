--- A file exists, and is not too old.

local uv = require('runsmith.vm.owned').module()

local M = {}

--- @param spec { path: string, max_age?: number }
function M.check(spec)
  local stat, why = uv.fs_stat(spec.path)
  if not stat then return false, tostring(why) end
  if not spec.max_age then return true end
  local seconds, micros = uv.gettimeofday()
  local age = seconds + micros / 1e6 - stat.mtime.sec - stat.mtime.nsec / 1e9
  if age <= spec.max_age then return true end
  local text = '%s was written %.1f s ago, more than %g'
  return false, text:format(spec.path, age, spec.max_age)
end

return M
