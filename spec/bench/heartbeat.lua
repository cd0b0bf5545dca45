-- heartbeat.lua -- what ctx:heartbeat() costs a worker, and the engine.

local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local parts = require 'host.support.parts'
local usage = require 'host.support.usage'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.worker 'beater' { run = 'beats', stall = 60 } }
]]

-- The floor is one FFI call that asks the kernel's coarse clock: what storing a time
-- needs at least. The loop itself is measured too and taken off both.
local BEATS = [[
local ffi = require 'ffi'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

ffi.cdef [=[
typedef struct bench_time { long sec, nsec; } bench_time;
int clock_gettime(int clock, bench_time *out);
]=]

local MONOTONIC, COARSE = 1, 6
local COUNT = 2e7
local at = ffi.new 'bench_time'

local function now()
  ffi.C.clock_gettime(MONOTONIC, at)
  return tonumber(at.sec) * 1e9 + tonumber(at.nsec)
end

local function per_call(work, arg)
  work(arg, 1000)
  local from = now()
  work(arg, COUNT)
  return (now() - from) / COUNT
end

local function nothing(_, count)
  local sum = 0
  for i = 1, count do
    sum = sum + i
  end
  return sum
end

local function coarse(_, count)
  for _ = 1, count do
    ffi.C.clock_gettime(COARSE, at)
  end
end

local function beat(ctx, count)
  for _ = 1, count do
    ctx:heartbeat()
  end
end

return worker.define {
  lifecycle = {
    { 'waiting', timeout = 60, on = { go = 'beating' } },
    { 'beating', heartbeat = 60, on = { done = 'resting' } },
    { 'resting', heartbeat = 60, on = { stop = 'stopped' } },
    { 'stopped', ends = 'ok' },
  },
  waiting = function()
    time.sleep(0.3)
    return 'go'
  end,
  beating = function(_, ctx)
    log.info('begin', {})
    local loop = per_call(nothing)
    log.info('cost', {
      beat = per_call(beat, ctx) - loop, floor = per_call(coarse) - loop,
    })
    return 'done'
  end,
  resting = function(_, ctx)
    if ctx.stopping then return 'stop' end
    time.sleep(1)
    return 'keepalive'
  end,
}
]]

return function(report)
  local host = harness.start { files = { ['tree.lua'] = TREE, ['beats.lua'] = BEATS } }
  local begin = host:wait_for({ kind = 'log', text = 'begin' }, nil, 60)
  local engine = parts.find(host, 'engine')
  local cpu, switches = usage.processor(engine), measure.switches(engine)
  local cost = host:wait_for({ kind = 'log', text = 'cost' }, begin, 60).fields
  report {
    name = 'ctx:heartbeat() / coarse clock call', value = cost.beat, unit = 'ns',
    floor = cost.floor, goal = 50,
  }
  report {
    name = 'engine: CPU while 20 million beats came',
    value = (usage.processor(engine) - cpu) * 1000, unit = 'ms', goal = 0,
  }
  report {
    name = 'engine: wake-ups meanwhile, log line included',
    value = measure.switches(engine) - switches, unit = 'times',
  }
  host:finish()
end
