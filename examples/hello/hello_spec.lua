local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

describe('the example hello', function()
  after_each(harness.sweep)

  it('greets, greets again after kill -9, and stops', function()
    local host = harness.example 'hello'
    local greeting = { kind = 'log', unit = 'hello/greeter', text = 'hello, world' }
    local first = host:wait_for(greeting)
    assert.equal(1, first.fields.count)
    posix.kill(host:pid_of 'hello/greeter', 'KILL')
    greeting.incarnation = 1
    assert.equal(1, host:wait_for(greeting, first).fields.count)
    host:finish()
  end)
end)
