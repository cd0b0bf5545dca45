-- How long a restart waits: a supervisor's `backoff`, from the script to the journal.

local assert = require 'luassert'
local harness = require 'host.support.harness'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 3, within = 60 },
  backoff = { first = 0.05, factor = 3, max = 0.2 },
  rs.worker 'a' { run = function() error 'it fails' end },
}
]]

describe('a supervisor with backoff', function()
  after_each(harness.sweep)

  it('lets each restart of its children wait longer, up to max', function()
    local host = harness.start { files = { ['tree.lua'] = TREE } }
    host:wait_for { kind = 'escalated', unit = 'plant' }
    host:wait_end()
    local delays = {}
    for i, entry in ipairs(host:all { kind = 'restart', unit = 'plant/a' }) do
      delays[i] = entry.delay
      local started = host:all({ kind = 'started', unit = 'plant/a' }, entry)[1]
      assert.is_true(started.mono - entry.mono >= entry.delay - 1e-6)
    end
    assert.same({ 0.05, 0.15, 0.2 }, delays)
    host:finish { status = 1 }
  end)
end)
