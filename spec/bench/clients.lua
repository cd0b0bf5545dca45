-- clients.lua -- what a thousand bad clients cost supervision: from a heartbeat's
-- deadline to what is done about it, and from kill -9 to ready again: without them,
-- while they trouble another host on this machine, whose processors they take as well,
-- and with them.

local abuser = require 'host.support.abuser'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local posix = require 'host.support.posix'

local CLIENTS, COUNT = 1000, 60

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.worker 'silent' { run = 'silent' },
  rs.worker 'victim' { run = 'beater', backend = 'process' },
}
]]

local OTHER = [[
local rs = require 'runsmith'
return rs.supervisor 'other' { rs.worker 'beater' { run = 'beater' } }
]]

local SILENT = [[
local time = require 'std.time'
local worker = require 'runsmith.worker'
return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'running' } },
    { 'running', heartbeat = 0.05, on = { complete = 'stopped' } },
    { 'stopped', ends = 'ok' },
  },
  running = function() time.sleep(60) end,
}
]]

-- Seconds, COUNT of each: a deadline until it is acted upon; a kill until ready.
local function sample(host, since)
  local judged, revived, at = {}, {}, since
  for i = 1, COUNT do
    local violation = host:wait_for({ kind = 'violation', unit = 'plant/silent' }, at)
    judged[i] = violation.observed - violation.limit
    local pid, from = host:pid_of 'plant/victim', posix.now()
    posix.kill(pid, 'KILL')
    at = host:wait_for({ kind = 'ready', unit = 'plant/victim' }, violation)
    revived[i] = posix.now() - from
  end
  return judged, revived, at
end

-- While its clients trouble `target`.
local function troubled(host, target, at)
  local bad = abuser.begin(target, CLIENTS)
  at = host:wait_for({ kind = 'violation', unit = 'plant/silent' }, at)
  local judged, revived
  judged, revived, at = sample(host, at)
  abuser.finish(bad)
  return judged, revived, at
end

local function start(tree)
  local host = harness.start {
    files = {
      ['tree.lua'] = tree, ['silent.lua'] = SILENT, ['beater.lua'] = fixtures.beater,
    },
  }
  return host, host:wait_for { kind = 'ready' }
end

return function(report)
  local other = start(OTHER)
  local host, ready = start(TREE)
  local judged, revived, at = sample(host, ready)
  local judged_else, revived_else
  judged_else, revived_else, at = troubled(host, other, at)
  local judged_with, revived_with = troubled(host, host, at)
  other:signal 'TERM'
  other:wait_end()
  other:release()
  host:finish()
  local function say(name, with, without, part, goal)
    report {
      name = name, value = measure.quantile(with, part) * 1000, unit = 'ms',
      floor = measure.quantile(without, part) * 1000, goal = goal, of = 'ratio',
    }
  end
  say('1,000 bad clients: silence -> acted upon', judged_with, judged, 0.5, 10)
  say('... p90', judged_with, judged, 0.9)
  say("... against another host's clients", judged_with, judged_else, 0.5)
  say('... kill -9 -> ready, as told', revived_with, revived, 0.5, 4)
  say('... p90', revived_with, revived, 0.9)
  say("... against another host's clients", revived_with, revived_else, 0.5)
end
