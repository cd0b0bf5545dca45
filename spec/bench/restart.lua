-- restart.lua -- kill -9 of a process worker → the first Lua statement of the next one,
-- against the bare floor (pidfd, epoll, fork without exec), killed by the same program
-- in turn.

local harness = require 'host.support.harness'
local kills = require 'bench.kills'
local measure = require 'bench.measure'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.worker 'victim' { run = 'victim', backend = 'process' },
}
]]

local VICTIM = [[
local now = require('runsmith.host').now -- the clock that the floor reads, too
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

local function runsmith()
  local files = { ['tree.lua'] = TREE, ['victim.lua'] = VICTIM }
  local host, last = harness.start { files = files }, nil
  return {
    name = 'runsmith',
    birth = function()
      last = host:wait_for({ kind = 'log', text = 'born' }, last)
      local said = last.fields
      return host:pid_of 'plant/victim', { first = said.chunk, state = said.state }
    end,
    idle = function(seconds) host:watch(seconds) end,
    finish = function() host:finish() end,
  }
end

return function(report)
  local floor = kills.floor('floor', { kills.program 'bench_floor' })
  local times = kills.run({ runsmith(), floor }, KILLS, PAUSE)
  local function say(name, what, part, goal)
    report {
      name = name, value = measure.quantile(times.runsmith[what], part) * 1e6,
      unit = 'us', floor = measure.quantile(times.floor.first, part) * 1e6, goal = goal,
      of = 'ratio',
    }
  end
  say('kill -9 -> first Lua statement, median', 'first', 0.5, 2)
  say('kill -9 -> first Lua statement, p99', 'first', 0.99)
  say('kill -9 -> first state function, median', 'state', 0.5)
end
