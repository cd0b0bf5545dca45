-- restart.lua -- kill -9 of a process worker → the first Lua statement of the next one,
-- against the bare floor (pidfd, epoll, fork without exec), killed by the same program.

local harness = require 'host.harness'
local measure = require 'bench.measure'
local posix = require 'host.posix'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.worker 'victim' { run = 'victim', backend = 'process' },
}
]]

local VICTIM = [[
local ffi = require 'ffi'
ffi.cdef [=[
typedef struct bench_time { long sec, nsec; } bench_time;
int clock_gettime(int clock, bench_time *out);
]=]

local function now()
  local at = ffi.new 'bench_time'
  ffi.C.clock_gettime(1, at)
  return tonumber(at.sec) + tonumber(at.nsec) / 1e9
end

local first = now()

local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

return worker.define {
  starting = function(self)
    self.entered = now()
    log.info('born', { chunk = first, state = self.entered })
    return 'run'
  end,
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(1)
    return 'keepalive'
  end,
}
]]

local KILLS = 200
local PAUSE = 0.02 -- a replacement's age when it is killed; a spare is warm by then

local function of_runsmith()
  local files = { ['tree.lua'] = TREE, ['victim.lua'] = VICTIM }
  local host = harness.start { files = files }
  local chunk, state = {}, {}
  local born = host:wait_for { kind = 'log', text = 'born' }
  for i = 1, KILLS do
    host:watch(PAUSE)
    local pid = host:pid_of 'plant/victim'
    local at = posix.now()
    posix.kill(pid, 'KILL')
    born = host:wait_for({ kind = 'log', text = 'born' }, born)
    chunk[i], state[i] = born.fields.chunk - at, born.fields.state - at
  end
  host:finish()
  return chunk, state
end

local function of_floor()
  local build = os.getenv 'RS_BUILD' or 'build/release'
  local read_end, write_end = posix.pipe()
  local pid = posix.spawn {
    argv = { build .. '/bench_floor' }, env = {}, cwd = '.', out = write_end, err = 2,
  }
  posix.close(write_end)
  local function next_child()
    assert(posix.wait_readable(read_end, 5), 'bench_floor says nothing')
    local line = assert(posix.read(read_end))
    local child, ns = line:match '^(%d+) (%d+)'
    return tonumber(child), tonumber(ns) / 1e9
  end
  local times, child = {}, next_child()
  for i = 1, KILLS do
    posix.wait_readable(read_end, PAUSE)
    local at = posix.now()
    posix.kill(child, 'KILL')
    local heir, born = next_child()
    child, times[i] = heir, born - at
  end
  posix.kill(pid, 'KILL')
  posix.wait_gone(pid, 5)
  posix.collect(pid)
  posix.close(read_end)
  return times
end

return function(report)
  local floor = of_floor()
  local chunk, state = of_runsmith()
  local function say(name, list, part, goal)
    report {
      name = name, value = measure.quantile(list, part) * 1e6, unit = 'us',
      floor = measure.quantile(floor, part) * 1e6, goal = goal, of = 'ratio',
    }
  end
  say('kill -9 -> first Lua statement, median', chunk, 0.5, 2)
  say('kill -9 -> first Lua statement, p99', chunk, 0.99)
  say('kill -9 -> first state function, median', state, 0.5)
end
