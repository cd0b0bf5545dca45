-- channel.lua -- what an item costs through a channel: a stream of them, and a round
-- trip over two channels. The floor is a Unix socket pair between two C programs; Redis
-- lists, where there is a redis-server, are told beside it.

local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
local STREAM, TRIPS, DEPTH = 200000, 20000, 100

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.channel 'there' { capacity = 1024%s },
  rs.channel 'back' { capacity = 1024%s },
  rs.worker 'far' { run = 'far', backend = '%s', stall = 60, args = { %d, %d } },
  rs.worker 'near' { run = 'near', backend = '%s', stall = 60, args = { %d, %d } },
  rs.worker 'sleeper' { run = 'sleeper', backend = 'process', restart = 'temporary' },
}
]]

local FAR = [[
local channel = require 'std.channel'
return require('runsmith.worker').define {
  lifecycle = {
    { 'working', on = { complete = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' }, { 'crashed', ends = 'error' },
  },
  working = function(_, ctx)
    local there, back = assert(channel.open 'there'), assert(channel.open 'back')
    local item = ('x'):rep(64)
    for _ = 1, ctx.args[1] do assert(there:send(item)) end
    for _ = 1, ctx.args[2] do
      local got = assert(back:receive())
      assert(back:ack(got))
      assert(there:send(got.value))
    end
    return 'complete'
  end,
}
]]

local NEAR = [[
local channel = require 'std.channel'
local log = require 'std.log'
local time = require 'std.time'
return require('runsmith.worker').define {
  lifecycle = {
    { 'working', on = { complete = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' }, { 'crashed', ends = 'error' },
  },
  working = function(_, ctx)
    local there, back = assert(channel.open 'there'), assert(channel.open 'back')
    local function take() assert(there:ack((assert(there:receive())))) end
    local from = time.mono()
    for _ = 1, ctx.args[1] do take() end
    local stream = (time.mono() - from) / ctx.args[1] * 1e9
    from = time.mono()
    for _ = 1, ctx.args[2] do
      assert(back:send 'x')
      take()
    end
    local trip = (time.mono() - from) / ctx.args[2] * 1e9
    log.info('took', { stream = stream, trip = trip })
    return 'complete'
  end,
}
]]

local SLEEPER = [[
local log = require 'std.log'
local time = require 'std.time'
return require('runsmith.worker').define {
  running = function(self, ctx)
    if ctx.stopping then
      log.info('slept', { late = self.late or 0 })
      return 'complete'
    end
    local from = time.mono()
    time.sleep(0.01)
    self.late = math.max(self.late or 0, time.mono() - from - 0.01)
    return 'keepalive'
  end,
}
]]

local function measure(backend, more, share)
  local stream, trips = STREAM / share, TRIPS / share
  local others = more and more:gsub('%.db', '2.db') or ''
  local tree = TREE:format(
    more or '', others, backend, stream, trips, backend, stream, trips)
  local host = harness.start {
    files = {
      ['tree.lua'] = tree, ['far.lua'] = FAR, ['near.lua'] = NEAR,
      ['sleeper.lua'] = SLEEPER,
    },
  }
  local took = host:wait_for({ kind = 'log', text = 'took' }, nil, 120).fields
  host:signal 'TERM'
  local slept = host:wait_for { kind = 'log', text = 'slept' }
  assert(#host:all { kind = 'violation' } == 0, 'someone was late')
  host:finish { signal = false }
  return took, slept.fields.late
end

local function floor_of(words)
  local pipe = assert(io.popen(('%s/bench_channel_floor %s'):format(BUILD, words)))
  local stream, trip = pipe:read('*n', '*n')
  pipe:close()
  return assert(stream, 'no floor'), trip
end

local function redis(report)
  local found = io.popen 'command -v redis-server'
  local program = found:read '*l'
  found:close()
  if not program then return end
  local dir = posix.scratch()
  local socket = dir .. '/redis.sock'
  local command = "%s --port 0 --unixsocket %s --save '' --dir %s"
  local null = io.popen((command .. ' >/dev/null 2>&1 & echo $!'):format(
    program, socket, dir))
  local pid = tonumber(null:read '*l')
  null:close()
  os.execute(("while ! [ -S '%s' ]; do sleep 0.05; done"):format(socket))
  for _, depth in ipairs { 1, DEPTH } do
    local stream, trip = floor_of(('redis %s %d'):format(socket, depth))
    report { name = ('a Redis list, %d at a time'):format(depth), value = stream,
      unit = 'ns/item' }
    if depth == 1 then
      report { name = 'Redis lists, round trip', value = trip, unit = 'ns' }
    end
  end
  posix.kill(pid, 'TERM')
  os.execute(("rm -rf '%s'"):format(dir))
end

return function(report)
  local stream, trip = floor_of 'socket'
  local late = 0
  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    local took, slept = measure(backend, nil, 1)
    late = math.max(late, slept)
    report { name = 'channel, stream, ' .. backend, value = took.stream,
      unit = 'ns/item', floor = stream }
    report { name = 'channel, round trip, ' .. backend, value = took.trip, unit = 'ns',
      floor = trip }
  end
  local took = measure('process', ", durable = 'bench.db'", 10)
  report { name = 'durable channel, stream, process', value = took.stream,
    unit = 'ns/item', floor = stream }
  redis(report)
  report { name = 'meanwhile a sleep of 10 ms overran by', value = late * 1e3,
    unit = 'ms' }
end
