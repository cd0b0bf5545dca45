-- main.lua -- runs the benchmarks one after another and prints what they found.

local harness = require 'host.support.harness'

local NAMES = {
  'heartbeat', 'idle', 'restart', 'command', 'commands', 'stall', 'burst', 'channel',
  'scale', 'http', 'reload', 'clients',
}

local function row(name, measured, against, ratio, goal)
  print(('%-44s %14s %16s %8s  %s'):format(name, measured, against, ratio, goal))
end

--- Prints one finding.
--- @param found { name: string, value: number, unit: string, floor?: number,
---   goal?: number, of?: string } floor: of the same run; goal: the value's (of =
---   'ratio': the ratio's) upper limit
local function report(found)
  local ratio = found.floor and found.value / found.floor
  local judged = found.of == 'ratio' and ratio or found.value
  local goal = ''
  if found.goal then
    local met = judged <= found.goal
    goal = ('<= %g%s %s'):format(found.goal, found.of == 'ratio' and 'x' or '',
      met and 'met' or 'NOT MET')
  end
  row(found.name, ('%.4g %s'):format(found.value, found.unit),
    found.floor and ('%.4g %s'):format(found.floor, found.unit) or '-',
    ratio and ('%.2fx'):format(ratio) or '-', goal)
end

row('what', 'measured', 'floor', 'ratio', 'goal')
for _, name in ipairs(#arg > 0 and arg or NAMES) do
  local done, err = xpcall(require('bench.' .. name), debug.traceback, report)
  if not done then print(name .. ': ' .. err) end
  harness.sweep()
end
