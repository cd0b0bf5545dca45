--- The open descriptors of a unit's process.

local folder = require 'runsmith.folder'
local schedule = require 'runsmith.vm.schedule'
local uv = require('runsmith.vm.owned').module()

local M = {}

local SETTLE, SETTLE_SHARE = 0.05, 0.25 -- seconds; of the probe's timeout

local function count(pid)
  local list, why = folder.names(uv, ('/proc/%d/fd'):format(pid))
  if not list then return nil, tostring(why) end
  return #list
end

--- @param spec { max: integer, timeout?: number }
--- @param unit { pid?: integer }
function M.check(spec, unit)
  if not unit.pid then return nil, 'it has no process' end
  local open, why = count(unit.pid)
  if open and open > spec.max then
    -- In the middle of its exec a process still has its parent's.
    schedule.wait(math.min(SETTLE, (spec.timeout or 1) * SETTLE_SHARE))
    open, why = count(unit.pid)
  end
  if not open then return nil, why end
  if open <= spec.max then return true, ('%d open'):format(open) end
  return false, ('%d open descriptors are more than %d'):format(open, spec.max)
end

return M
