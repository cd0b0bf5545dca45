local assert = require 'luassert'
local harness = require 'host.support.harness'

describe('the example starving', function()
  after_each(harness.sweep)

  it('ends the glutton alone, again and again', function()
    local host = harness.example 'starving'
    local at
    for _ = 1, 2 do
      at = host:wait_for({ kind = 'violation' }, at)
      assert.same({ 'kitchen/glutton', 'stall' }, { at.unit, at.constraint })
      assert.truthy(at.where:find 'glutton.lua:%d+', at.where)
      at = host:wait_for({ kind = 'ready', unit = 'kitchen/glutton' }, at)
    end
    for _, unit in ipairs { 'kitchen/cook', 'kitchen/waiter' } do
      assert.equal(1, #host:all { kind = 'started', unit = unit })
    end
    host:finish()
  end)
end)
