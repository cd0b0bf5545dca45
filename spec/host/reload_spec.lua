-- HUP: a changed tree is applied, and touches what changed alone.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local function tree(args, units)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'same' { run = 'beater' },
  rs.worker 'process' { run = 'beater', backend = 'process' },
  rs.worker 'changed' { run = 'beater', args = { %s } },
  rs.command 'command' { exec = { 'sleep', '1000' } },
  %s
}
]]):format(args, units)
end

local GONE = "rs.worker 'gone' { run = 'beater', backend = 'thread' },"
local NEW = "rs.worker 'new' { run = 'beater', backend = 'process' },"
local SAME = { 'plant/same', 'plant/process', 'plant/command' }

local function start()
  local host = harness.start {
    files = { ['tree.lua'] = tree('1', GONE), ['beater.lua'] = fixtures.beater },
  }
  return host, host:wait_for { kind = 'ready', unit = 'plant' }
end

describe('HUP', function()
  after_each(harness.sweep)

  it('restarts what changed, starts the new, stops the gone, no other', function()
    local host, ready = start()
    host:write('tree.lua', tree('2', NEW))
    host:signal 'HUP'
    local entry = host:wait_for({ kind = 'reload' }, ready)
    assert.same({ 1, 1, 1 }, { entry.added, entry.removed, entry.changed })
    host:wait_for({ kind = 'ready', unit = 'plant/changed', incarnation = 1 }, ready)
    host:wait_for({ kind = 'ready', unit = 'plant/new' }, ready)
    host:wait_for({ kind = 'exited', unit = 'plant/gone' }, ready)
    local restart = host:wait_for({ kind = 'restart', unit = 'plant/changed' }, ready)
    assert.is_falsy(restart.charged)
    misdeed.untouched(host, SAME)
    host:finish()
  end)

  it('with nothing changed changes nothing', function()
    local host, ready = start()
    host:signal 'HUP'
    local entry = host:wait_for({ kind = 'reload' }, ready)
    assert.same({ 0, 0, 0 }, { entry.added, entry.removed, entry.changed })
    host:watch(0.3)
    misdeed.untouched(host, SAME)
    misdeed.untouched(host, { 'plant/changed', 'plant/gone' })
    host:finish()
  end)

  it('with a module edited restarts its workers alone', function()
    local host, ready = start()
    host:write('beater.lua', fixtures.beater .. '\n-- edited\n')
    host:signal 'HUP'
    for _, unit in ipairs { 'same', 'process', 'changed', 'gone' } do
      local back = { kind = 'ready', unit = 'plant/' .. unit, incarnation = 1 }
      host:wait_for(back, ready)
    end
    misdeed.untouched(host, { 'plant/command' })
    host:finish()
  end)

  it('with a mistake changes nothing and says why', function()
    local host = start()
    host:write('tree.lua', 'return nothing_that_is()')
    host:signal 'HUP'
    local said = false
    for _ = 1, 40 do
      host:watch(0.1)
      for _, line in ipairs(host.text) do
        said = said or line:find 'tree.lua:1' ~= nil
      end
      for _, entry in ipairs(host.entries) do
        said = said or (entry.text or ''):find 'tree.lua:1' ~= nil
      end
      if said then break end
    end
    assert.is_true(said, host:tail())
    misdeed.untouched(host, SAME)
    host:finish()
  end)
end)
