-- What nothing tells apart: it is no unit's, is listed, and ends with the host.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'

local TREE = [[
local rs = require 'runsmith'
local function start(ctx)
  os.execute 'env -i setsid sleep 1001 >/dev/null 2>&1 &' -- no mark, no group
  os.execute 'setsid sleep 1002 >/dev/null 2>&1 &' -- told apart by its mark
  print 'started'
  while not ctx.stopping do require('std.time').sleep(60) end
end
return rs.supervisor 'plant' {
  rs.worker 'a' { run = start },
  rs.command 'c' { exec = { 'sleep', '1003' } },
}
]]

local function strays(host)
  for _ = 1, 100 do -- until the shell that started it is gone
    local status = control.ask(host, { op = 'status', path = 'plant' }).result
    local found = status.strays and status.strays[1]
    if found and found.command:find '^sleep' then return status.strays end
    host:watch(0.05)
  end
  return {}
end

describe('a stray process', function()
  after_each(harness.sweep)

  it('is listed by status, and ends with the host', function()
    local host = harness.start { files = { ['tree.lua'] = TREE } }
    host:wait_for { kind = 'output', text = 'started' }
    local list = strays(host)
    assert.equal(1, #list, host:tail())
    assert.equal('sleep 1001', list[1].command)
    local below = control.ask(host, { op = 'status', path = 'plant/a' })
    assert.is_nil(below.result.strays)
    local _, said = control.run(host, 'status')
    local line = ('ended with the host: %d (sleep 1001)'):format(list[1].pid)
    assert.truthy(said:find(line, 1, true), said)
    host:finish() -- which looks for what is left
  end)
end)
