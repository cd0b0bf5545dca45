local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local function started(host, unit)
  return #host:all { kind = 'started', unit = unit }
end

describe('the example nested', function()
  after_each(harness.sweep)

  it('starts every backend, and restarts what the strategies say', function()
    local host = harness.example 'nested'
    local ready = host:wait_for { kind = 'ready', unit = 'plant' }
    local backends = {}
    for _, entry in ipairs(host:all { kind = 'started' }) do
      backends[entry.backend or 'supervisor'] = true
    end
    for _, name in ipairs { 'coroutine', 'thread', 'process', 'command', 'daemon' } do
      assert.is_true(backends[name] or false, name .. host:tail())
    end

    posix.kill(host:pid_of 'plant/workshop/press', 'KILL')
    for _, name in ipairs { 'press', 'fan' } do
      local back = { kind = 'ready', unit = 'plant/workshop/' .. name, incarnation = 1 }
      host:wait_for(back, ready)
    end
    assert.equal(1, started(host, 'plant/workshop/lathe'))

    posix.kill(host:pid_of 'plant/yard/gate', 'KILL')
    for _, name in ipairs { 'gate', 'camera', 'depot/crane' } do
      local back = { kind = 'ready', unit = 'plant/yard/' .. name, incarnation = 1 }
      host:wait_for(back, ready)
    end
    assert.equal(1, started(host, 'plant/poller'))
    assert.equal(1, started(host, 'plant/logbook'))
    host:finish()
  end)

  it('is drawn by check', function()
    local status, said, out = harness.run {
      command = { 'check', harness.root() .. '/examples/nested/tree.lua' },
    }
    assert.equal(0, status, said)
    assert.truthy(out:find 'generator', out)
  end)
end)
