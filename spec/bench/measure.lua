-- measure.lua -- medians, and what /proc says of a process (see support.usage, too).

local posix = require 'host.support.posix'

local M = {}

--- @param list number[]
--- @param part? number 0.5: the median
function M.quantile(list, part)
  local sorted = { unpack(list) }
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * (part or 0.5)))]
end

--- Times that a process was put on a processor: what "it woke up" means here.
--- @return integer
function M.switches(pid)
  local sum, folder = 0, '/proc/' .. pid .. '/task/'
  for _, tid in ipairs(posix.list(folder)) do
    local status = posix.slurp(folder .. tid .. '/status')
    for count in status:gmatch 'voluntary_ctxt_switches:%s*(%d+)' do
      sum = sum + tonumber(count)
    end
  end
  return sum
end

--- Bytes: 'Rss' or 'Pss'.
function M.memory(pid, what)
  local text = posix.slurp('/proc/' .. pid .. '/smaps_rollup')
  return tonumber(text:match('\n' .. what .. ':%s*(%d+) kB') or 0) * 1024
end

return M
