-- reload.lua -- a tree of 10,000 workers: a reload with one change and a whole status,
-- against the time that its fresh start takes.

local control = require 'host.support.control'
local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local posix = require 'host.support.posix'

local COUNT, TIMES = 10000, 9

local TREE = [[
local rs = require 'runsmith'
local children = { journal = 'brief' }
for i = 1, %d do
  children[i] = rs.worker('w' .. i) { run = 'waiter', args = { i == 7 and %d or 0 } }
end
return rs.supervisor 'plant' (children)
]]

local WAITER = [[
local time = require 'std.time'
local worker = require 'runsmith.worker'
return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'running' } },
    { 'running', on = { complete = 'stopped' }, ready = true },
    { 'stopped', ends = 'ok' },
  },
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(100000)
    return 'keepalive'
  end,
}
]]

local function reload(host, client, number)
  host:write('tree.lua', TREE:format(COUNT, number))
  local from = posix.now()
  local answer = client:ask { op = 'reload' }
  local took = posix.now() - from
  assert(answer.ok and answer.result.changed == 1, 'it did not do its one change')
  return took
end

-- Until the last byte is here; reading it is the client's affair.
local function status(client)
  local from = posix.now()
  client:send '{"id":1,"op":"status"}\n'
  local parts, ended = {}, false
  while not ended do
    assert(posix.wait_readable(client.fd, 20), 'no status')
    local bytes = posix.read(client.fd)
    parts[#parts + 1] = bytes
    ended = bytes and bytes:sub(-1) == '\n'
  end
  return posix.now() - from, #table.concat(parts)
end

return function(report)
  local from = posix.now()
  local host = harness.start {
    files = { ['tree.lua'] = TREE:format(COUNT, 1), ['waiter.lua'] = WAITER },
  }
  host:wait_for({ kind = 'ready', unit = 'plant' }, nil, 60)
  local fresh = posix.now() - from
  local client, reloads, statuses, size = control.open(host), {}, {}, nil
  for i = 1, TIMES do
    reloads[i] = reload(host, client, i + 1)
    statuses[i], size = status(client)
  end
  client:close()
  host:finish { patience = 60 }
  report {
    name = '10,000 workers: one changes, reload', floor = fresh * 1000, unit = 'ms',
    value = measure.quantile(reloads) * 1000, goal = 0.6, of = 'ratio',
  }
  report {
    name = ('... status, %.1f MB'):format(size / 1e6), floor = fresh * 1000,
    unit = 'ms', value = measure.quantile(statuses) * 1000, goal = 0.3, of = 'ratio',
  }
end
