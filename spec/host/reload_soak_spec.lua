-- Reload after reload under faults: crashes, stalls, kill -9, scripts that are broken
-- in every way, clients that leave. Nothing grows, nothing is left.
-- RS_RELOADS: how many.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local random = require 'host.support.random'
local usage = require 'host.support.usage'

local RELOADS = random.size('RS_RELOADS', 48)
local PATIENCE = random.size('RS_PATIENCE', 20)

-- What is asked of the unit `wild` comes with its args; it does so a few times, so that
-- it is restarted and goes on.
local WILD = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'
return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'running', error = 'crashed' } },
    { 'running', heartbeat = 0.2, on = { complete = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    if ctx.args.how == 'crash' then error 'wild' end
    if ctx.args.how == 'stall' then
      while true do end
    end
    if ctx.args.how == 'silent' then time.sleep(60) end
    time.sleep(0.02)
    return 'keepalive'
  end,
}
]]

local function tree(how, backend, more)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 }, stall = 0.2,
  rs.worker 'wild' { run = 'wild', args = { how = '%s' }, backend = '%s' },
  rs.worker 'thread' { run = 'beater', backend = 'thread' },
  rs.worker 'process' { run = 'beater', backend = 'process' },
  rs.command 'command' { exec = { 'sleep', '1000' } },
  rs.supervisor 'apart' { isolate = true, rs.worker 'in' { run = 'beater' } },
  %s
}
]]):format(how, backend, more or '')
end

local PLAIN = tree('well', 'coroutine')

local MORE = [[
  rs.supervisor 'extra' {
    isolate = true, vms = 2,
    rs.worker 'one' { run = 'beater' }, rs.worker 'two' { run = 'beater' },
    rs.worker 'own' { run = 'beater', backend = 'process' },
    rs.command 'sleep' { exec = { 'sleep', '999' } },
  },
]]

local BROKEN = {
  'return nothing_that_is()', 'return rs.(', "error 'no'", 'os.exit(3)', 'return 7',
  "require('ffi').cast('int *', 0)[0] = 1",
  "local t = {} while true do t[#t + 1] = ('x'):rep(2 ^ 24) .. #t end",
  "local rs = require 'runsmith' return rs.supervisor 'other' { pool = rs.worker {} }",
  "local rs = require 'runsmith' return rs.supervisor 'other' {"
    .. " rs.worker 'a' { run = function() end } }",
}

local function find(host, unit)
  return control.ask(host, { op = 'status', path = unit }).result
end

-- Once no other is in progress.
local function reload(host, text)
  host:write('tree.lua', text)
  local by = posix.now() + PATIENCE
  repeat
    local answer = control.ask(host, { op = 'reload' })
    if answer.ok or answer.error.code ~= 'busy' then return answer end
    host:watch(0.005)
  until posix.now() > by
  error('a reload does not end' .. host:tail())
end

local function all_well(host)
  local well = true
  local function visit(unit)
    well = well and unit.health == 'healthy' and unit.ready
    for _, child in ipairs(unit.children or {}) do
      visit(child)
    end
  end
  visit(find(host, 'plant'))
  return well
end

local function settle(host)
  local answer = reload(host, PLAIN)
  assert.is_true(answer.ok, tostring(answer.error and answer.error.message))
  local by = posix.now() + PATIENCE
  while not all_well(host) do
    assert.is_true(posix.now() < by, 'it does not get well' .. host:tail())
    host:watch(0.01)
  end
end

local function kill(host, unit)
  local pid = find(host, unit).pid
  if pid then posix.kill(pid, 'KILL') end
end

-- Who goes away while its reload is under way.
local function leave(host, text)
  host:write('tree.lua', text)
  local client = control.open(host)
  client:send '{"id":1,"op":"reload"}\n{"id":2,"op":"plan"}\n'
  client:close()
end

-- Each makes one reload.
local STEPS = {
  function(host) reload(host, tree('crash', 'coroutine')) end,
  function(host) reload(host, tree('well', 'process', MORE)) end,
  function(host, chance)
    assert.is_false(reload(host, chance:pick(BROKEN)).ok, 'a broken tree was taken')
  end,
  function(host) reload(host, tree('stall', 'coroutine', MORE)) end,
  function(host)
    kill(host, 'plant/thread')
    reload(host, tree('silent', 'thread'))
  end,
  function(host)
    kill(host, 'plant/process')
    leave(host, tree('stall', 'process', MORE))
  end,
  function(host)
    reload(host, tree('crash', 'process', MORE))
    kill(host, 'plant/extra/one')
    host:signal 'HUP'
  end,
}

describe('many reloads under faults', function()
  after_each(harness.sweep)

  it('leave nothing behind', function()
    local chance, before = random.new(random.size('RS_SEED', 1)), nil
    local host = harness.start {
      files = {
        ['tree.lua'] = PLAIN, ['wild.lua'] = WILD, ['beater.lua'] = fixtures.beater,
      },
      args = { '--eval-memory', '300M', '--eval-time', '2' },
    }
    host:wait_for { kind = 'ready', unit = 'plant' }
    for i = 1, RELOADS do
      chance:pick(STEPS)(host, chance)
      host:watch(chance:below(30) / 1000)
      local round = i % 8 == 0
      if round then settle(host) end
      host.entries, host.text = {}, {}
      if round and not before and i >= RELOADS / 3 then before = usage.settled(host) end
    end
    settle(host)
    usage.assert_flat(host, before, {
      engine_rss = 2000, server_rss = 300, runners_pss = 6000, runners_maps = 30,
      engine_fds = 3, engine_maps = 6,
    })
    host:finish()
  end)
end)
