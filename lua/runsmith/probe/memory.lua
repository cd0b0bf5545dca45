--- The memory of a unit's processes, shared pages counted in parts (PSS).

local io_of = require 'runsmith.probe.io'
local processes = require 'runsmith.probe.processes'
local types = require 'runsmith.tree.types'

local M = {}

--- @param spec { max: string|integer }
--- @param unit { pid?: integer }
function M.check(spec, unit)
  if not unit.pid then return nil, 'it has no process' end
  local sum, seen = 0, false
  for _, pid in ipairs(processes.of(unit.pid)) do
    local text = io_of.read(('/proc/%d/smaps_rollup'):format(pid))
    local kib = text and text:match '\nPss:%s+(%d+) kB'
    if kib then
      sum, seen = sum + tonumber(kib) * 1024, true
    end
  end
  if not seen then return nil, 'the kernel tells nothing of its memory' end
  local max = types.bytes(spec.max)
  if sum <= max then return true, ('%.1f MiB'):format(sum / 2 ^ 20) end
  return false, ('%.1f MiB are more than %.1f'):format(sum / 2 ^ 20, max / 2 ^ 20)
end

return M
