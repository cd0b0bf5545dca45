local assert = require 'luassert'
local harness = require 'host.support.harness'

describe('the example one_shot', function()
  after_each(harness.sweep)

  it('does its tasks in order, in spite of two failures, and completes', function()
    local host = harness.example 'one_shot'
    assert.equal(0, host:wait_end())
    local said = {}
    for _, entry in ipairs(host:all { kind = 'log' }) do
      said[#said + 1] = entry.text .. ' ' .. entry.fields.try
    end
    assert.same({ 'prepared 0', 'fetched 2', 'reported 0' }, said)
    assert.equal(2, #host:all { kind = 'restart', unit = 'job/fetch', charged = true })
    host:finish()
  end)
end)
