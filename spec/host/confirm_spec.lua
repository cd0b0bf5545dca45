-- reload --confirm: kept if all is well by then, else put back; --keep ends the wait.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local FAILS = "function() error 'I am broken' end"

local function tree(args, fields)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 2, within = 600 },
  rs.worker 'same' { run = 'beater' },
  rs.worker 'changed' { run = 'beater', args = { %s } },
  %s
}
]]):format(args, fields or '')
end

local function start(fields)
  local host, ready = control.start {
    ['tree.lua'] = tree('1', fields), ['beater.lua'] = fixtures.beater,
  }
  return host, ready
end

local function status(host) return control.ask(host, { op = 'status' }).result end

describe('reload --confirm', function()
  after_each(harness.sweep)

  it('keeps what is well by then', function()
    local host = start()
    host:write('tree.lua', tree '2')
    local code, out = control.run(host, 'reload', '--confirm', '0.5')
    assert.equal(0, code)
    assert.truthy(out:find 'kept: what it changed is well')
    local entry = host:wait_for { kind = 'reload', confirm = 0.5 }
    local said = host:wait_for({ kind = 'log', cause = entry.seq }, entry)
    assert.truthy(said.text:find 'is kept')
    assert.is_nil(status(host).confirm)
    host:watch(0.2)
    assert.equal(2, #host:all { kind = 'reload' }) -- the first start is one
    misdeed.untouched(host, { 'plant/same' })
    host:finish()
  end)

  it('puts the plan before back where one is not well by then', function()
    local host, ready = start()
    host:write('tree.lua', tree('2', ([[rs.worker 'ill' { launch = 60,
      run = function() while true do require('std.time').sleep(60) end end },
      rs.command 'late' {
        exec = { 'sleep', '60' }, ready = 'notify', launch = 60 },]])))
    local code, out = control.run(host, 'reload', '--confirm', '1')
    assert.equal(1, code)
    assert.truthy(out:find 'taken back: plant/late is waiting after 1 s', out)
    local first = host:wait_for({ kind = 'reload' }, ready)
    local second = host:wait_for({ kind = 'reload' }, first)
    local back = ('reload %d is taken back'):format(first.seq)
    assert.truthy(second.why:find(back), second.why)
    assert.same({ 0, 2, 1 }, { second.added, second.removed, second.changed })
    local cause = host:wait_for { seq = second.cause }
    assert.equal('plant/late', cause.unit)
    host:wait_for({ kind = 'ready', unit = 'plant/changed', incarnation = 2 }, second)
    misdeed.untouched(host, { 'plant/same' })
    host:finish()
  end)

  it('puts it back at once where the root gives up, and the host lives', function()
    local host, ready = start()
    host:write('tree.lua', tree('2', "rs.worker 'bad' { run = " .. FAILS .. ' },'))
    local code, out = control.run(host, 'reload', '--confirm', '60')
    assert.equal(1, code)
    assert.truthy(out:find 'taken back: plant gave up', out)
    local escalated = host:wait_for({ kind = 'escalated', unit = 'plant' }, ready)
    local back = host:wait_for({ kind = 'reload', cause = escalated.seq }, escalated)
    assert.truthy(back.why:find 'taken back')
    host:wait_for({ kind = 'ready', unit = 'plant' }, back)
    local now = status(host)
    assert.same({ 'healthy', 2 }, { now.health, #now.children })
    host:finish()
  end)

  it('shows that it waits, refuses another, and is ended by --keep', function()
    local host = start()
    host:write('tree.lua', tree('2',
      "rs.command 'late' { exec = { 'sleep', '60' }, ready = 'notify', launch = 60 },"))
    assert.equal(0, (control.run(host, 'reload', '--confirm', '60', '--no-wait')))
    local confirm = status(host).confirm
    assert.same({ 'plant/late' }, confirm.waits_for)
    assert.is_true(confirm['until'] > 50 and confirm['until'] <= 60)
    local _, out = control.run(host, 'status')
    assert.truthy(out:find 'is taken back in .- unless these are well: plant/late', out)
    local code, _, err = control.run(host, 'reload')
    assert.equal(1, code)
    assert.truthy(err:find 'waits to be confirmed')
    host:signal 'HUP'
    host:wait_for { kind = 'log', text = function(text)
      return text and text:find 'not reloaded: a reload waits'
    end }
    assert.equal(0, (control.run(host, 'plan')))
    assert.equal(0, (control.run(host, 'reload', '--keep')))
    assert.is_nil(status(host).confirm)
    assert.equal(1, (control.run(host, 'reload', '--keep')))
    assert.equal(0, (control.run(host, 'reload')))
    host:finish()
  end)

  it('of a tree with mistakes changes nothing, and waits for nothing', function()
    local host = start()
    host:write('tree.lua', 'return 7')
    assert.equal(1, (control.run(host, 'reload', '--confirm', '60')))
    assert.is_nil(status(host).confirm)
    misdeed.untouched(host, { 'plant/same', 'plant/changed' })
    host:finish()
  end)
end)
