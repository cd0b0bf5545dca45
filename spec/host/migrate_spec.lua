-- ctx.data goes from one incarnation to the next when a reload restarts a worker, and
-- then alone.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

-- A worker that counts in ctx.data; its first lines are what a spec edits.
local KEEPER = [[
local worker = require 'runsmith.worker'
local log = require 'std.log'
local time = require 'std.time'
local M = {}
local GENERATION = %d
function M.running(self, ctx)
  if not self.told then
    self.told = true
    log.info('has', { count = ctx.data and ctx.data.count or -1,
      size = ctx.data and #(ctx.data.bulk or '') or 0 })
  end
  if ctx.stopping then %s return 'stop' end
  ctx.data = ctx.data or { count = 0, bulk = ('x'):rep(%s) }
  ctx.data.count = ctx.data.count + 1
  %s
  time.sleep(0.02)
  return 'keepalive'
end
M.lifecycle = {
  { 'starting', timeout = 5, on = { run = 'running' } },
  { 'running', heartbeat = 1, on = { stop = 'stopped', error = 'crashed' } },
  { 'stopped', ends = 'ok' }, { 'crashed', ends = 'error' },
}
function M.migrate(self, ctx, data)
  %s
  ctx.data = data
end
return worker.define(M)
]]

local function keeper(fields)
  fields = fields or {}
  return KEEPER:format(fields.generation or 1, fields.on_stop or '',
    fields.bulk or '10', fields.body or '',
    fields.migrate or '')
end

local function tree(backend, more)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 50, within = 5 },
  backoff = { first = 0.05, factor = 1, max = 0.05 },
  rs.worker 'keeper' { run = 'keeper', backend = '%s' %s },
  rs.worker 'other' { run = function(ctx) while not ctx.stopping do
    require('std.time').sleep(1) end end },
}
]]):format(backend, more or '')
end

local function start(backend, fields)
  local host = harness.start {
    files = { ['tree.lua'] = tree(backend), ['keeper.lua'] = keeper(fields) },
  }
  host:wait_for { kind = 'ready', unit = 'plant' }
  return host, host:wait_for { kind = 'log', unit = 'plant/keeper' }
end

local function reload(host, files)
  local at = host.entries[#host.entries]
  for name, text in pairs(files) do
    host:write(name, text)
  end
  host:signal 'HUP'
  return host:wait_for({ kind = 'reload' }, at)
end

-- What the next incarnation has, and its `started` entry.
local function next_one(host, since)
  local started = host:wait_for({ kind = 'started', unit = 'plant/keeper' }, since)
  local said = { kind = 'log', unit = 'plant/keeper', text = 'has' }
  local log = host:wait_for(said, started)
  return log.fields.count, started, log
end

describe('migrate', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it('hands data to the next incarnation of a ' .. backend .. ' worker', function()
      local host = start(backend)
      host:watch(0.1)
      local at = reload(host, { ['keeper.lua'] = keeper { generation = 2 } })
      local count, started = next_one(host, at)
      assert.is_true(count > 0, tostring(count))
      assert.is_true(started.data)
      assert.equal(1, started.incarnation)
      assert.is_nil(host:all({ kind = 'started', unit = 'plant/other' })[2])
      host:finish()
    end)
  end

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it('hands on what is left by one ready only as it stops: ' .. backend, function()
      local host = start(backend)
      host:watch(0.1)
      local slow = keeper { generation = 2, on_stop = 'ctx.data.count = -7' }
        :gsub('function M.running', [[
function M.starting()
  log.info 'starts'
  time.sleep(5)
  return 'run'
end
%0]])
      local at = reload(host, { ['keeper.lua'] = slow })
      host:wait_for({ kind = 'log', unit = 'plant/keeper', text = 'starts' }, at)
      at = reload(host, { ['keeper.lua'] = keeper { generation = 3 } })
      host:wait_for({ kind = 'ready', unit = 'plant/keeper', incarnation = 1 }, at)
      at = host:wait_for({ kind = 'exited', unit = 'plant/keeper' }, at)
      local count, started = next_one(host, at)
      assert.same({ -7, 2, true }, { count, started.incarnation, started.data })
      host:finish()
    end)
  end

  it('hands it on as the backend changes', function()
    local host = start 'coroutine'
    local last, at = 0
    for _, backend in ipairs { 'process', 'thread', 'coroutine', 'process' } do
      at = reload(host, { ['tree.lua'] = tree(backend) })
      local count, started = next_one(host, at)
      assert.is_true(count > last, backend)
      assert.same({ backend, true }, { started.backend, started.data })
      last = count
    end
    host:finish()
  end)

  it('takes 15 MiB', function()
    local host = start('process', { bulk = '15 * 2^20' })
    local at = reload(host, { ['tree.lua'] = tree 'coroutine' })
    local _, _, log = next_one(host, at)
    assert.equal(15 * 2 ^ 20, log.fields.size)
    host:finish()
  end)

  it('leaves out what is too large or not plain, and says so', function()
    for why, fields in pairs {
      ['16 MiB'] = { bulk = '17 * 2^20' },
      ['a function in it'] = { body = 'ctx.data.f = print' },
      ['metatable'] = { body = 'ctx.data.m = setmetatable({}, {})' },
      ['contains itself'] = { body = 'ctx.data.me = ctx.data' },
    } do
      local host = start('coroutine', fields)
      host:watch(0.1)
      local at = reload(host, { ['keeper.lua'] = keeper { generation = 2 } })
      local count, started = next_one(host, at)
      assert.same({ -1, false }, { count, started.data }, why)
      local said = host:wait_for { kind = 'log', level = 'warn', unit = 'plant/keeper' }
      assert.truthy(said.text:find(why, 1, true), said.text)
      host:finish()
    end
  end)

  it('that raises is a failed start, and the next try has the data again', function()
    local host = start 'coroutine'
    host:watch(0.1)
    local at = reload(host, {
      ['keeper.lua'] = keeper {
        migrate = 'if ctx.incarnation < 3 then error "not yet" end',
      },
    })
    local exits = { kind = 'exited', unit = 'plant/keeper', reason = 'launch' }
    local first = host:wait_for(exits, at)
    assert.truthy(first.detail:find('keeper.lua:%d+: not yet'), first.detail)
    local log = host:wait_for(
      { kind = 'log', unit = 'plant/keeper', incarnation = 3, text = 'has' }, at)
    assert.is_true(log.fields.count > 0)
    local starts = { kind = 'started', unit = 'plant/keeper' }
    for _, started in ipairs(host:all(starts, at)) do
      assert.is_true(started.data, tostring(started.incarnation))
    end
    assert.equal(2, #host:all(exits, at))
    host:finish()
  end)

  it('is not called after a failure, a kill, or for another restart', function()
    local host, at = start 'process'
    host:watch(0.1)
    posix.kill(host:pid_of 'plant/keeper', 'KILL')
    local count, started = next_one(host, at)
    assert.equal(-1, count)
    assert.is_nil(started.data)
    host:finish()
  end)

  it('is not called for one that fails on its way down', function()
    local host = start('coroutine', { on_stop = "do error 'no' end" })
    host:watch(0.1)
    local at = reload(host, { ['keeper.lua'] = keeper { generation = 2 } })
    local count, started = next_one(host, at)
    assert.same({ -1, false }, { count, started.data })
    host:finish()
  end)

  it('is not called for one that had to be ended', function()
    local host = start('coroutine', { on_stop = 'while true do end' })
    host:watch(0.1)
    local at = reload(host, { ['keeper.lua'] = keeper { generation = 2 } })
    local count, started = next_one(host, at)
    assert.same({ -1, false }, { count, started.data })
    host:finish()
  end)
end)

describe('data that nobody asked for', function()
  after_each(harness.sweep)

  it('and more of it than may be is its sender\'s violation alone', function()
    local host = harness.start { files = { ['tree.lua'] = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 50, within = 5 },
  rs.worker 'liar' { run = function(ctx)
    local host = require 'runsmith.host'
    require('std.time').sleep(0.2)
    host.hand(host.running(), ('x'):rep(ctx.incarnation == 0 and 10 or 17 * 2^20))
    while not ctx.stopping do require('std.time').sleep(60) end
  end },
  rs.worker 'other' { run = function(ctx) while not ctx.stopping do
    require('std.time').sleep(60) end end },
}
]] } }
    for inc = 0, 1 do
      local said = host:wait_for {
        kind = 'violation', unit = 'plant/liar', incarnation = inc,
      }
      assert.same({ 'protocol', 'its runner sent data that nobody asked for' },
        { said.constraint, said.where })
    end
    host:wait_for { kind = 'ready', unit = 'plant/liar', incarnation = 2 }
    assert.same({}, host:all { kind = 'exited', unit = 'plant/other' })
    host:finish()
  end)
end)
