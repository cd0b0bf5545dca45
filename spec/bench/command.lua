-- command.lua -- kill -9 of a command → its replacement's first statement, against the
-- bare floor (epoll, pidfd, posix_spawn) with the same program, killed by the same hand
-- in turn.

local harness = require 'host.harness'
local measure = require 'bench.measure'
local posix = require 'host.posix'

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
if BUILD:sub(1, 1) ~= '/' then BUILD = harness.root() .. '/' .. BUILD end
local PROGRAM = BUILD .. '/bench_spawn_floor'

local TREE = ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.command 'victim' { exec = { %q, 'born' } },
}
]]):format(PROGRAM)

local KILLS = 200
local PAUSE = 0.02

-- The times from each kill to the next birth; `next_child()` gives pid and time of
-- birth.
local function measure_kills(next_child, wait)
  local times, child = {}, next_child()
  for i = 1, KILLS do
    wait()
    local at = posix.now()
    posix.kill(child, 'KILL')
    local heir, born = next_child()
    child, times[i] = heir, born - at
  end
  return times
end

local function of_floor()
  local read_end, write_end = posix.pipe()
  local pid = posix.spawn {
    argv = { PROGRAM }, env = {}, cwd = '.', out = write_end, err = 2,
  }
  posix.close(write_end)
  local times = measure_kills(function()
    assert(posix.wait_readable(read_end, 5), 'bench_spawn_floor says nothing')
    local child, ns = assert(posix.read(read_end)):match '^(%d+) (%d+)'
    return tonumber(child), tonumber(ns) / 1e9
  end, function() posix.wait_readable(read_end, PAUSE) end)
  posix.kill(pid, 'KILL')
  posix.wait_gone(pid, 5)
  posix.collect(pid)
  posix.close(read_end)
  return times
end

local function of_runsmith()
  local host = harness.start { files = { ['tree.lua'] = TREE } }
  local last
  local times = measure_kills(function()
    last = host:wait_for({ kind = 'output', unit = 'plant/victim' }, last)
    local child, ns = last.text:match '^(%d+) (%d+)'
    return tonumber(child), tonumber(ns) / 1e9
  end, function() host:watch(PAUSE) end)
  host:finish()
  return times
end

return function(report)
  local floor, own = of_floor(), of_runsmith()
  for _, part in ipairs { 0.5, 0.99 } do
    report {
      name = ('kill -9 of a command -> first statement, %s'):format(
        part == 0.5 and 'median' or 'p99'),
      value = measure.quantile(own, part) * 1e6, unit = 'us',
      floor = measure.quantile(floor, part) * 1e6, goal = part == 0.5 and 1.3 or nil,
      of = 'ratio',
    }
  end
end
