-- scale.lua -- 100,000 coroutine workers, and a million.

local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'
local usage = require 'host.support.usage'

local TREE = [[
local rs = require 'runsmith'
local time = require 'std.time'

local function wait() time.sleep(100000) end

local children = { journal = 'brief' }
for i = 1, %d do
  children[i] = rs.worker('w' .. i) { run = wait }
end
return rs.supervisor 'plant' (children)
]]

local function run(count, args, patience)
  local from = posix.now()
  local files = { ['tree.lua'] = TREE:format(count) }
  local host = harness.start { files = files, args = args }
  host:wait_for({ kind = 'ready', unit = 'plant' }, nil, patience)
  local took = posix.now() - from
  local engine, memory = parts.find(host, 'engine'), 0
  for _, process in ipairs(host:processes()) do
    local is_engine = process.pid == engine
    local busy = usage.processor(process.pid) > 0.05 -- the runner, not the spare
    if is_engine or (process.parent == engine and busy) then
      memory = memory + measure.memory(process.pid, 'Rss')
    end
  end
  local stop = posix.now()
  host:finish { patience = patience }
  return took, memory, posix.now() - stop
end

return function(report)
  local took, memory, stopping = run(100000, {}, 60)
  report {
    name = '100,000 workers: started', value = took, unit = 's', goal = 2,
  }
  report {
    name = '... runner and engine, a worker', value = memory / 100000, unit = 'B',
    goal = 2048,
  }
  report { name = '... stopped', value = stopping, unit = 's' }
  local args = { '--eval-time', '60', '--eval-memory', '8G' }
  took, memory, stopping = run(1000000, args, 300)
  report { name = '1,000,000 workers: started', value = took, unit = 's' }
  report {
    name = '... runner and engine, a worker', value = memory / 1000000, unit = 'B',
  }
  report { name = '... stopped', value = stopping, unit = 's' }
end
