--- The processor time of a unit's processes since the last look, in percent of one
--- processor. The first look takes a moment's measure.

local host = require 'runsmith.host'
local io_of = require 'runsmith.probe.io'
local processes = require 'runsmith.probe.processes'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local TICKS = 100 -- a second's, in /proc on Linux
local FIRST, FIRST_SHARE = 0.2, 0.5 -- seconds of the first measure; of its timeout

local function measure(pid)
  local ticks = {}
  for _, process in ipairs(processes.of(pid)) do
    local text = io_of.read(('/proc/%d/stat'):format(process)) or ''
    local rest = text:match '^.*%) (.*)$' or '' -- after its name
    local user, system = rest:match('^' .. ('%S+ '):rep(11) .. '(%d+) (%d+)')
    if user then ticks[process] = tonumber(user) + tonumber(system) end
  end
  return { at = host.now(), ticks = ticks, pid = pid }
end

--- @param spec { max: number, timeout?: number }
--- @param unit { pid?: integer }
--- @param look { memory: table }
function M.check(spec, unit, look)
  if not unit.pid then return nil, 'it has no process' end
  local before = look.memory.cpu
  if not before or before.pid ~= unit.pid then
    before = measure(unit.pid)
    schedule.wait(math.min(FIRST, (spec.timeout or 1) * FIRST_SHARE))
  end
  local now = measure(unit.pid)
  look.memory.cpu = now
  if not now.ticks[unit.pid] then return nil, 'the kernel tells nothing of it' end
  local ticks = 0
  for pid, count in pairs(now.ticks) do
    ticks = ticks + math.max(0, count - (before.ticks[pid] or 0))
  end
  local percent = ticks / TICKS / math.max(now.at - before.at, 0.001) * 100
  if percent <= spec.max then return true, ('%.0f %%'):format(percent) end
  return false, ('%.0f %% are more than %g'):format(percent, spec.max)
end

return M
