local assert = require 'luassert'
local harness = require 'host.support.harness'

describe('the example reluctant', function()
  after_each(harness.sweep)

  it('is ended a second after it was asked, and the polite one at once', function()
    local host = harness.example 'reluctant'
    local ready = host:wait_for { kind = 'ready', unit = 'office' }
    host:signal 'TERM'
    host:wait_end()
    local stop = host:all({ kind = 'stop' }, ready)[1]
    local polite = host:all { kind = 'exited', unit = 'office/polite' }[1]
    local violation = host:all({ kind = 'violation' }, ready)[1]
    assert.same({ 'ok', true }, { polite.reason, polite.seq < violation.seq })
    assert.equal('office/reluctant', violation.unit)
    assert.equal('shutdown', violation.constraint)
    local took = violation.mono - stop.mono
    assert.is_true(took >= 1 and took < 5, tostring(took))
    host:finish()
  end)
end)
