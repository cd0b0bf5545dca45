-- idle.lua -- how often an idle host wakes up: 1,000 workers that wait, for 20 s.

local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local parts = require 'host.support.parts'
local usage = require 'host.support.usage'

local TREE = [[
local rs = require 'runsmith'
local time = require 'std.time'

local function wait() time.sleep(100000) end

local children = { journal = 'brief' }
for i = 1, 1000 do
  local backend = i <= 5 and 'process' or i <= 20 and 'thread' or 'coroutine'
  children[i] = rs.worker('w' .. i) { run = wait, backend = backend }
end
return rs.supervisor 'plant' (children)
]]

local SECONDS = 20

return function(report)
  local host = harness.start { files = { ['tree.lua'] = TREE } }
  host:wait_for({ kind = 'ready', unit = 'plant' }, nil, 60)
  host:watch(2) -- what starting leaves behind: a spare is forked, memory is given back
  local engine = parts.find(host, 'engine')
  local before, cpu = {}, 0
  for _, process in ipairs(host:processes()) do
    before[process.pid] = measure.switches(process.pid)
    cpu = cpu - usage.processor(process.pid)
  end
  host:watch(SECONDS)
  local all = 0
  for _, process in ipairs(host:processes()) do
    all = all + measure.switches(process.pid) - (before[process.pid] or 0)
    cpu = cpu + usage.processor(process.pid)
  end
  report {
    name = 'idle, 1,000 workers, 20 s: engine wake-ups',
    value = measure.switches(engine) - before[engine], unit = 'times', goal = 0,
  }
  report { name = '... wake-ups of all processes', value = all, unit = 'times' }
  report { name = '... CPU of all processes', value = cpu * 1000, unit = 'ms' }
  host:finish { patience = 60 }
end
