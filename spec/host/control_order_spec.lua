-- Orders over the control socket: answered once they have come true, or are void.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local TREE = [[
local rs = require 'runsmith'
local worker = require 'runsmith.worker'
return rs.supervisor 'plant' {
  rs.worker 'one' { run = 'beater' },
  rs.worker 'two' { run = 'beater', backend = 'process' },
  rs.command 'slow' {
    shutdown = 30, ready = { fd = 3 }, -- deaf by then
    exec = { 'sh', '-c', "trap '' TERM; echo >&3; sleep 1000" },
  },
  rs.supervisor 'group' { rs.worker 'in' { run = 'beater' } },
  rs.supervisor 'pool' { pool = rs.worker { run = 'argued' } },
  rs.supervisor 'jobs' {
    pool = rs.worker { restart = 'temporary', run = function() end },
  },
  rs.supervisor 'duds' {
    pool = rs.worker {
      restart = 'temporary',
      run = worker.define { starting = function() error 'it never starts' end },
    },
  },
}
]]

local ARGUED = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'
return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    if not self.told then print(ctx.name, ctx.args and ctx.args.port) end
    self.told = true
    time.sleep(0.1)
    return 'keepalive'
  end,
}
]]

local function start()
  return control.start {
    ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater, ['argued.lua'] = ARGUED,
  }
end

-- The slow one is not waited for.
local function finish(host)
  control.ask(host, { op = 'stop', path = 'plant/slow', wait = false })
  control.ask(host, { op = 'kill', path = 'plant/slow' })
  host:finish()
end

local function health(host, path)
  return control.ask(host, { op = 'status', path = path }).result.health
end

describe('an order', function()
  after_each(harness.sweep)

  it('to stop is answered once the unit is down, to start once it is ready', function()
    local host, ready = start()
    local answer = control.ask(host, { id = 1, op = 'stop', path = 'plant/two' })
    assert.is_true(answer.ok)
    assert.same({ 'plant/two', 'stopped' },
      { answer.result.units[1].path, answer.result.units[1].health })
    assert.equal('stopped', health(host, 'plant/two'))
    local stop = host:wait_for({ kind = 'stop', unit = 'plant/two' }, ready)
    assert.truthy(stop.by:find '^uid %d+, pid %d+ %(.*%), stop$')
    assert.is_true(control.ask(host, { op = 'start', path = 'plant/two' }).ok)
    assert.equal('healthy', health(host, 'plant/two'))
    finish(host)
  end)

  it('to restart gives another incarnation, charged to nobody', function()
    local host, ready = start()
    local answer = control.ask(host, { op = 'restart', path = 'plant/{one,two}' })
    assert.equal('not_found', answer.error.code)
    answer = control.ask(host, { op = 'restart', path = 'plant/[ot]*' })
    assert.equal(2, answer.result.count)
    for _, unit in ipairs { 'plant/one', 'plant/two' } do
      local entry = host:wait_for({ kind = 'restart', unit = unit }, ready)
      assert.is_false(entry.charged)
      local now = control.ask(host, { op = 'status', path = unit }).result
      assert.same({ 1, 'healthy' }, { now.incarnation, now.health })
    end
    finish(host)
  end)

  it('to kill does not ask; the unit comes back', function()
    local host, ready = start()
    assert.is_true(control.ask(host, { op = 'kill', path = 'plant/slow' }).ok)
    local entry = host:wait_for({ kind = 'killed', unit = 'plant/slow' }, ready)
    assert.equal('operator', entry.why)
    host:wait_for({ kind = 'ready', unit = 'plant/slow', incarnation = 1 }, ready)
    finish(host)
  end)

  it('to start below a supervisor that is stopped says so', function()
    local host = start()
    assert.is_true(control.ask(host, { op = 'stop', path = 'plant/group' }).ok)
    local err = control.ask(host, { op = 'start', path = 'plant/group/in' }).error
    assert.same({ 'waits', 'plant/group has to be started first' },
      { err.code, err.message })
    assert.is_true(control.ask(host, { op = 'start', path = 'plant/group' }).ok)
    assert.equal('healthy', health(host, 'plant/group/in'))
    finish(host)
  end)

  it('does not wait behind a slow stop', function()
    local host = start()
    local slow = control.open(host)
    slow:send '{"id":1,"op":"stop","path":"plant/slow"}\n'
    assert.is_true(slow:ask({ id = 2, op = 'stop', path = 'plant/one' }).ok)
    assert.is_true(control.ask(host, { op = 'restart', path = 'plant/two' }).ok)
    local now = control.ask(host, { op = 'status', path = 'plant/slow' }).result
    assert.equal('stopping', now.life)
    assert.is_true(now['until'] > 20 and now['until'] <= 30)
    assert.is_true(control.ask(host, { op = 'kill', path = 'plant/slow' }).ok)
    assert.same({ 1, true }, { slow:object().id, true })
    slow:close()
    finish(host)
  end)

  it('that another has made void says which', function()
    local host = start()
    local first = control.open(host)
    first:send '{"id":1,"op":"stop","path":"plant/slow"}\n'
    local now
    repeat
      now = control.ask(host, { op = 'status', path = 'plant/slow' }).result.life
    until now == 'stopping'
    local second = control.open(host)
    second:send '{"id":7,"op":"start","path":"plant/slow"}\n'
    local answer = first:object()
    assert.same({ 1, 'superseded' }, { answer.id, answer.error.code })
    assert.truthy(answer.error.message:find('start', 1, true))
    control.ask(host, { op = 'kill', path = 'plant/slow' })
    assert.is_true(second:object().ok)
    first:close()
    second:close()
    finish(host)
  end)

  it('to start what still stops is answered once it is ready anew', function()
    local host = start()
    control.ask(host, { op = 'stop', path = 'plant/slow', wait = false })
    local client = control.open(host)
    client:send '{"id":1,"op":"start","path":"plant/slow"}\n'
    assert.equal(2, client:ask({ id = 2, op = 'status', path = 'plant/slow' }).id)
    control.ask(host, { op = 'kill', path = 'plant/slow' })
    local answer = client:object()
    assert.same({ 1, true, 1 },
      { answer.id, answer.ok, answer.result.units[1].incarnation })
    client:close()
    finish(host)
  end)

  it('that is the same as another comes true with it', function()
    local host = start()
    local both = { control.open(host), control.open(host) }
    for _, client in ipairs(both) do
      client:send '{"id":1,"op":"stop","path":"plant/slow"}\n'
      assert.equal(2, client:ask({ id = 2, op = 'status', path = 'plant/slow' }).id)
    end
    control.ask(host, { op = 'kill', path = 'plant/slow' })
    for _, client in ipairs(both) do
      assert.is_true(client:object().ok)
      client:close()
    end
    finish(host)
  end)

  it('adds to a pool, with args, and removes from it', function()
    local host, ready = start()
    local add = { op = 'add', path = 'plant/pool', name = 'a', args = { port = 7 } }
    assert.is_true(control.ask(host, add).ok)
    local said = host:wait_for({ kind = 'output', unit = 'plant/pool/a' }, ready)
    assert.equal('a\t7', said.text)
    assert.equal('invalid', control.ask(host, add).error.code)
    control.ask(host, { op = 'restart', path = 'plant/pool/a' })
    host:wait_for({ kind = 'output', unit = 'plant/pool/a', text = 'a\t7' }, said)
    local started = host:wait_for({ kind = 'started', unit = 'plant/pool/a' }, said)
    local remove = { op = 'remove', path = 'plant/pool/a' }
    assert.is_true(control.ask(host, remove).ok)
    assert.equal('not_found', control.ask(host, remove).error.code)
    host:wait_for({ kind = 'exited', unit = 'plant/pool/a' }, started)
    assert.equal('invalid', control.ask(host, { op = 'remove', path = 'plant/one' })
      .error.code)
    add.path = 'plant'
    assert.equal('invalid', control.ask(host, add).error.code)
    finish(host)
  end)

  it('to add has come true once the unit is ready, though it has completed', function()
    local host = start()
    for i = 1, 20 do -- the one before may be about to end
      local add = { op = 'add', path = 'plant/jobs', name = 'a' .. i }
      local answer = control.ask(host, add)
      assert.is_true(answer.ok, answer.error and answer.error.message)
    end
    local add = { op = 'add', path = 'plant/duds', name = 'b' }
    assert.is_false(control.ask(host, add).ok)
    finish(host)
  end)

  it('adds with args as they were written, and nothing that is none', function()
    local host = start()
    local function add(name, args)
      return control.run(host, 'add', 'plant/pool', name, args)
    end
    assert.equal(0, (add('whole', '{"port":1700000000000123}')))
    local _, out = control.run(host, 'eval', 'plant/pool/whole',
      "('%d'):format(ctx.args.port)")
    assert.equal('1700000000000123\n', out)
    local deep = ('['):rep(200) .. (']'):rep(200)
    for _, args in ipairs { 'NaN', '', '{', '[0x10]', deep } do
      local status, _, err = add('none', args)
      assert.equal(2, status)
      assert.truthy(err:find '^runsmith add: the args are no JSON: [^\n]+\n$')
    end
    assert.equal(1, (add('nul', '"a\\u0000b"')))
    finish(host)
  end)

  it('to shut down ends the host, and is answered', function()
    local host = start()
    control.ask(host, { op = 'stop', path = 'plant/slow', wait = false })
    control.ask(host, { op = 'kill', path = 'plant/slow' })
    assert.is_true(control.ask(host, { op = 'shutdown' }).ok)
    host:finish { signal = false }
  end)
end)
