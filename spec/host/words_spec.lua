-- What is told of how a unit ended, to people and to programs.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'

local function start(units)
  return harness.start { files = {
    ['tree.lua'] = ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { %s }
]]):format(units),
  } }
end

describe('the end of a worker', function()
  after_each(harness.sweep)

  it('that raises what std returned has its code', function()
    local host = start [[
      rs.worker 'unit' { restart = 'temporary', run = function()
        assert(require('std.fs').read '/no/such')
      end },
      rs.worker 'other' { restart = 'temporary', run = function() error {} end },
    ]]
    local exited = host:wait_for { kind = 'exited', unit = 'plant/unit' }
    assert.equal('ENOENT: no such file or directory: /no/such',
      exited.detail:match '^[^\n]*')
    exited = host:wait_for { kind = 'exited', unit = 'plant/other' }
    assert.equal('an error that is a table', exited.detail:match '^[^\n]*')
    host:finish()
  end)

  it('is told of the incarnation that ended', function()
    local host = start [[
      rs.worker 'once' { restart = 'temporary', run = function() end },
      rs.worker 'stays' { run = function(ctx)
        while not ctx.stopping do require('std.time').sleep(1) end
      end },
    ]]
    local completed = host:wait_for { kind = 'completed', unit = 'plant/once' }
    assert.equal(0, completed.incarnation)
    local status = control.ask(host, { op = 'status', path = 'plant/once' }).result
    assert.same({ 'completed', 0 }, { status.health, status.incarnation })
    control.ask(host, { op = 'restart', path = 'plant/stays' })
    control.ask(host, { op = 'stop', path = 'plant/stays' })
    status = control.ask(host, { op = 'status', path = 'plant/stays' }).result
    assert.same({ 'stopped', 1 }, { status.health, status.incarnation })
    host:finish()
  end)
end)
