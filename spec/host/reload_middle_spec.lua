-- A reload that comes at a bad time, and one whose script does its worst.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local function tree(units, above)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { %s
  rs.worker 'same' { run = 'beater' },
  %s
}
]]):format(above or '', units)
end

local function start(units, above, args)
  return control.start({
    ['tree.lua'] = tree(units, above), ['beater.lua'] = fixtures.beater,
  }, args)
end

local function reload(host, units, above)
  host:write('tree.lua', tree(units, above))
  local answer = control.ask(host, { op = 'reload' })
  assert.is_truthy(answer.ok, host:tail())
  return answer.result
end

local SLOW = [[
rs.worker 'x' { shutdown = 30, args = { %d }, run = function(ctx)
  local time = require 'std.time'
  while not ctx.stopping do time.sleep(60) end
  while not io.open('let-go') do time.sleep(0.02) end
end },
]]

describe('a script that', function()
  after_each(harness.sweep)

  for what, row in pairs {
    ['loops'] = { 'while true do end', 'processor time' },
    ['takes all memory'] = {
      "local t = {} while true do t[#t + 1] = ('x'):rep(2^20) .. #t end", 'memory',
    },
    ['segfaults'] = { "require('ffi').cast('int *', 8)[0] = 1", 'signal 11' },
    ['exits'] = { "require('ffi').cdef 'void _exit(int)' require('ffi').C._exit(3)",
      'status 3' },
    ['ends itself with 0 and no plan'] = {
      "require('ffi').cdef 'void _exit(int)' require('ffi').C._exit(0)", 'no plan',
    },
    ['kills itself'] = {
      "require('ffi').cdef 'int raise(int)' require('ffi').C.raise(9)", 'killed',
    },
    ['returns nonsense'] = { 'return {}', 'supervisor' },
  } do
    it(what .. ' changes nothing, says why, and is mended by the next', function()
      -- A sanitizer has its own way with memory, and with signals.
      local own = row[2] == 'memory' or row[2] == 'signal 11'
      if harness.SANITIZED and own then return end
      local limits = { '--eval-time', '0.5', '--eval-memory', '200M' }
      local host = start("rs.worker 'other' { run = 'beater', backend = 'process' },",
        '', limits)
      host:write('tree.lua', row[1])
      local status, _, err = control.run(host, 'reload')
      assert.equal(1, status)
      assert.truthy(err:find(row[2]), err)
      host:wait_for { kind = 'log', text = function(text)
        return text and text:find 'nothing is changed'
      end }
      misdeed.untouched(host, { 'plant/same', 'plant/other' })
      local result = reload(host, '')
      assert.same({ 0, 1, 0 }, { result.added, result.removed, result.changed })
      misdeed.untouched(host, { 'plant/same' })
      host:finish()
    end)
  end
end)

describe('a reload in the middle', function()
  after_each(harness.sweep)

  local FAILS = "rs.worker 'x' { args = { %d }, run = function() "
    .. "require('std.time').sleep(0.1) error 'no' end },"
  local BACKOFF = 'backoff = { first = 60 },'

  it('of a backoff leaves it, and starts at once what it changed', function()
    local host, ready = start(FAILS:format(1), BACKOFF)
    host:wait_for({ kind = 'restart', unit = 'plant/x' }, ready)
    assert.equal(0, reload(host, FAILS:format(1), BACKOFF).changed)
    local x = control.ask(host, { op = 'status', path = 'plant/x' }).result
    assert.same({ 'waiting', 1 }, { x.health, x.restarts })
    assert.is_true(x['until'] > 40)
    assert.equal(1, reload(host, "rs.worker 'x' { run = 'beater' },", '').changed)
    host:wait_for { kind = 'ready', unit = 'plant/x' }
    misdeed.untouched(host, { 'plant/same' })
    host:finish()
  end)

  it('of a slow stop goes by the newest plan once it is over', function()
    local host = start(SLOW:format(1))
    assert.equal(1, reload(host, SLOW:format(2)).changed)
    assert.equal(1, reload(host, SLOW:format(3)).changed)
    reload(host, "rs.worker 'x' { run = 'beater', args = { 4 } },")
    assert.same({}, host:all { kind = 'exited' })
    host:write('let-go', '')
    host:wait_for { kind = 'ready', unit = 'plant/x', incarnation = 1 }
    local _, out = control.run(host, 'eval', 'plant/x', 'ctx.args[1]')
    assert.equal('4\n', out)
    assert.equal(1, #host:all { kind = 'restart', unit = 'plant/x' })
    misdeed.untouched(host, { 'plant/same' })
    host:finish()
  end)

  it('of a slow stop that takes the change back restarts it no less', function()
    local host = start(SLOW:format(1))
    reload(host, SLOW:format(2))
    reload(host, SLOW:format(1))
    host:write('let-go', '')
    host:wait_for { kind = 'ready', unit = 'plant/x', incarnation = 1 }
    host:finish()
  end)

  it('of a removal brings it back once it is gone', function()
    local host = start(SLOW:format(1))
    assert.equal(1, reload(host, '').removed)
    reload(host, SLOW:format(1))
    host:write('let-go', '')
    host:wait_for { kind = 'ready', unit = 'plant/x', incarnation = 1 }
    misdeed.untouched(host, { 'plant/same' })
    host:finish()
  end)

  it('of a start that is pending restarts it by the new plan', function()
    local late = "rs.command 'x' { exec = { 'sleep', '%d' }, ready = 'notify', "
      .. 'launch = 60 },'
    local host = start ''
    reload(host, late:format(1000))
    host:wait_for { kind = 'started', unit = 'plant/x' }
    local result = reload(host, "rs.command 'x' { exec = { 'sleep', '1000' } },")
    assert.equal(1, result.changed)
    local back = host:wait_for { kind = 'ready', unit = 'plant/x' }
    assert.equal(1, back.incarnation)
    host:finish()
  end)

  it('of another evaluation takes its place, and the one before is told', function()
    local host = start ''
    host:write('tree.lua', 'local till = os.clock() + 3\n'
      .. 'while os.clock() < till do end\n' .. tree '')
    local first, second = control.open(host), control.open(host)
    first:send '{"id":1,"op":"reload"}\n'
    second:send '{"id":1,"op":"status"}\n'
    second:line()
    host:write('tree.lua', tree "rs.worker 'new' { run = 'beater' },")
    second:send '{"id":2,"op":"reload"}\n'
    assert.truthy(first:line():find 'another evaluation has taken its place')
    assert.truthy(second:line():find '"added":1')
    host:wait_for { kind = 'ready', unit = 'plant/new' }
    assert.equal(2, #host:all { kind = 'reload' })
    host:finish()
  end)

  it('of the host\'s end is refused', function()
    local host = start(SLOW:format(1))
    control.ask(host, { op = 'status' })
    host:signal 'TERM'
    host:wait_for { kind = 'stop' }
    local answer = control.ask(host, { op = 'reload' })
    assert.truthy(answer.error.message:find 'the host is stopping')
    host:write('let-go', '')
    assert.equal(0, host:wait_end())
  end)
end)
