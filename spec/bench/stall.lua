-- stall.lua -- from a deadline to what is done about it.

local harness = require 'host.support.harness'
local measure = require 'bench.measure'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  stall = 0.1,
  rs.worker 'stuck' { run = 'stuck', args = '%s', backend = '%s' },
}
]]

local STUCK = [[
local time = require 'std.time'
local worker = require 'runsmith.worker'

return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'running' } },
    { 'running', heartbeat = 0.1, on = { complete = 'stopped' } },
    { 'stopped', ends = 'ok' },
  },
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    if ctx.args == 'silent' then time.sleep(60) end
    while true do end
  end,
}
]]

local COUNT = 40

-- Seconds after the deadline: until it was judged, until it had ended. Its last sign of
-- life is that it got ready.
local function run(how, backend)
  local host = harness.start {
    files = { ['tree.lua'] = TREE:format(how, backend), ['stuck.lua'] = STUCK },
  }
  local judged, ended, at = {}, {}, nil
  for i = 1, COUNT do
    local ready = host:wait_for({ kind = 'ready', unit = 'plant/stuck' }, at)
    local violation = host:wait_for({ kind = 'violation' }, ready)
    at = host:wait_for({ kind = 'exited' }, violation)
    judged[i] = violation.observed - violation.limit
    ended[i] = at.mono - ready.mono - violation.limit
  end
  host:finish()
  return judged, ended
end

return function(report)
  for _, case in ipairs {
    { 'looping', 'coroutine' }, { 'looping', 'process' }, { 'silent', 'coroutine' },
  } do
    local judged, ended = run(case[1], case[2])
    local name = ('%s %s: deadline -> '):format(case[1], case[2])
    report {
      name = name .. 'acted upon', value = measure.quantile(judged) * 1000, unit = 'ms',
      goal = 2,
    }
    report {
      name = name .. 'ended', value = measure.quantile(ended) * 1000, unit = 'ms',
    }
  end
end
