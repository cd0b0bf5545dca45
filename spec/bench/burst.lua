-- burst.lua -- 10,000 coroutine workers fail at once: until all of them are started
-- anew, each with its entries in the journal. OTP 25, which has no journal, takes 1.6
-- to 2.9 s below one supervisor and 0.21 s below a hundred on such a machine; a
-- gen_server that is silent it does not see.

local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local TREE = [[
local rs = require 'runsmith'
local args = { at = %f, deed = '%s' }
local plenty = { max = math.huge }
local root = { journal = 'brief', intensity = plenty }
for i = 1, %d do
  local group = { intensity = plenty }
  for j = 1, %d do
    group[j] = rs.worker('w' .. j) { run = 'failing', args = args }
  end
  root[i] = rs.supervisor('s' .. i)(group)
end
return rs.supervisor 'plant' (root)
]]

local FAILING = [[
local time = require 'std.time'
return require('runsmith.worker').define {
  lifecycle = {
    { 'starting', on = { run = 'running' } },
    { 'running', heartbeat = 3, on = { stop = 'stopped', error = 'failed' } },
    { 'stopped', ends = 'ok' },
    { 'failed', ends = 'error' },
  },
  running = function(_, ctx)
    if ctx.stopping then return 'stop' end
    if ctx.incarnation > 0 then
      time.sleep(1)
      return 'keepalive'
    end
    if ctx.args.deed == 'silence' then time.sleep(100) end
    time.sleep(ctx.args.at - time.mono())
    error 'all at once'
  end,
}
]]

local SOON = 2.5 -- seconds from the start: all run by then
local PATIENCE = 60

-- Seconds from the first restart to the last.
local function run(groups, each, deed)
  local tree = TREE:format(posix.now() + SOON, deed, groups, each)
  local files = { ['tree.lua'] = tree, ['failing.lua'] = FAILING }
  local host = harness.start { files = files }
  local first, last
  for _ = 1, groups * each do
    last = host:wait_for({ kind = 'restart' }, last, PATIENCE)
    first = first or last
  end
  host:finish { patience = PATIENCE }
  return last.mono - first.mono
end

return function(report)
  local function say(name, ...)
    report { name = name, value = run(...) * 1000, unit = 'ms' }
  end
  say('10,000 of one supervisor raise: all back', 1, 10000, 'error')
  say('... of a hundred supervisors', 100, 100, 'error')
  say('... are silent, of one supervisor', 1, 10000, 'silence')
end
