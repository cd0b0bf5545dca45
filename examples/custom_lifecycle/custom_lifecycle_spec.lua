local assert = require 'luassert'
local harness = require 'host.support.harness'

local LIGHT = 'crossing/light'

describe('the example custom_lifecycle', function()
  after_each(harness.sweep)

  it('cycles through its colours and is switched off in red', function()
    local host = harness.example 'custom_lifecycle'
    local at
    for _, to in ipairs { 'red', 'green', 'amber', 'red', 'green' } do
      at = host:wait_for({ kind = 'transition', unit = LIGHT, to = to }, at)
    end
    host:signal 'TERM'
    host:wait_end()
    local states = {}
    for _, entry in ipairs(host:all({ kind = 'transition', unit = LIGHT }, at)) do
      states[#states + 1] = entry.to
    end
    -- The signal may come a cycle late.
    local said = table.concat(states, ' '):gsub('amber red green ', '')
    assert.equal('amber red blinking off', said)
    assert.equal(0, #host:all { kind = 'violation' })
    local last = host:all { kind = 'log', unit = LIGHT, text = 'dark' }[1]
    assert.is_true(last.fields.graceful)
    host:finish()
  end)

  it('has a lifecycle that can be drawn', function()
    local tree = harness.root() .. '/examples/custom_lifecycle/tree.lua'
    local words = { text = 'blinking', mermaid = 'stateDiagram', dot = 'digraph' }
    for format, word in pairs(words) do
      local status, said, out = harness.run {
        command = { 'lifecycle', tree, LIGHT, '--format', format },
      }
      assert.equal(0, status, said)
      assert.truthy(out:find(word, 1, true), out)
    end
  end)
end)
