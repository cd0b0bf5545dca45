-- A thousand clients that are silent, send garbage, send 100 MB, read nothing, hang up:
-- good ones are answered, units live, and nothing is left of the bad ones.

local assert = require 'luassert'
local abuser = require 'host.support.abuser'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local random = require 'host.support.random'
local usage = require 'host.support.usage'

local CLIENTS, ASKS = 1000, random.size('RS_ABUSE', 600)

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  stall = 0.5,
  rs.worker 'one' { run = 'beater' },
  rs.worker 'two' { run = 'beater', backend = 'process' },
}
]]

describe('a thousand bad clients', function()
  after_each(harness.sweep)

  it('keep neither good ones nor units from what they do', function()
    local host, ready = control.start {
      ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater,
    }
    control.ask(host, { op = 'plan' }) -- once all that is made at need was made
    local before = usage.settled(host)
    local bad = abuser.begin(host, CLIENTS)
    for i = 1, ASKS do
      local client = control.connect(control.path(host))
      client:send '{"id":1,"op":"status","path":"plant/one"}\n'
      local answer = assert(client:object(10), 'status ' .. i .. ' was not answered')
      assert.is_true(answer.ok, answer.error and answer.error.message)
      client:close()
      host:read(0)
    end
    local from = posix.now()
    assert.is_true(control.ask(host, { op = 'restart', path = 'plant/two' }).ok)
    assert.is_true(posix.now() - from < 5)
    assert.is_true(posix.alive(bad.pid))
    abuser.finish(bad)
    assert.same({}, host:all({ kind = 'violation' }, ready))
    usage.assert_flat(host, before, {
      engine_rss = 6000, server_rss = 200, runners_pss = 2000, runners_maps = 12,
      engine_maps = 6, engine_fds = 1,
    })
    host:finish()
  end)
end)
