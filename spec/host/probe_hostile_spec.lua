-- A probes' runner that lies: what it sends is checked, and costs nobody but itself.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

-- A rule that puts a record of its own making into its runner's ring, once.
local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
    every = 0.1,
    check = function()
      if require('std.fs').read 'done' then return true end
      require('std.fs').write('done', '')
      local host = debug.getregistry()._LOADED['runsmith.host']
      local id = host.running()
      local verdict = host.up.VERDICT
      local told = 'lua' .. ('\0'):rep(2) .. 'forged'
      %s
      return true
    end,
  } } },
  rs.worker 'well' { run = 'beater', probes = { rs.probe.lua {
    every = 0.1, check = function() return true end,
  } } },
}
]]

local function start(code)
  return harness.start { files = {
    ['beater.lua'] = fixtures.beater, ['tree.lua'] = TREE:format(code),
  } }
end

local NONSENSE = {
  ['a verdict of an unknown kind'] = 'host.put(verdict, id, 99, 1, told)',
  ['an action of an unknown kind'] = 'host.put(verdict, id, 2, 99, told)',
  ['a verdict without its text'] = "host.put(verdict, id, 2, 1, 'lua')",
  ['a verdict in nobody\'s name'] = 'host.put(verdict, nil, 2, 1, told)',
  ['a record of an unknown kind'] = 'host.put(77, id, 2, 1, told)',
  ['a worker\'s transition'] = 'host.put(host.up.BEGIN, id, 0)',
  ['thanks for what it did not get'] = 'host.put(host.up.TAKEN, id, 5)',
  ['a slot that there is not'] = 'host.open(7, 0)'
    .. ' host.put(verdict, host.open(7, 0), 2, 1, told)',
}

describe('the probes\' runner that sends', function()
  after_each(harness.sweep)

  for what, code in pairs(NONSENSE) do
    it(what .. ' is replaced, and nobody is restarted', function()
      local host = start(code)
      local told = host:wait_for { kind = 'log', level = 'error' }
      assert.truthy(told.text:find "^the probes' runner sent ", told.text)
      local alive = { kind = 'probe', verdict = 'alive' }
      alive.unit = 'plant/well'
      host:wait_for(alive, told)
      alive.unit = 'plant/unit'
      host:wait_for(alive, told)
      assert.equal(0, #host:all { kind = 'violation' })
      assert.equal(2, #host:all { kind = 'started', backend = 'coroutine' })
      host:finish()
    end)
  end

  it('a verdict on an incarnation that is not there is not heard', function()
    local host = start 'host.put(verdict, host.open(0, 7), 2, 1, told)'
    host:wait_for { kind = 'probe', verdict = 'alive', unit = 'plant/unit' }
    host:watch(0.3)
    assert.equal(0, #host:all { kind = 'violation' })
    assert.equal(0, #host:all { kind = 'log', level = 'error' })
    assert.equal(0, #host:all { kind = 'probe', detail = 'forged' })
    host:finish()
  end)

  it('a text as long as there can be keeps to what a verdict is', function()
    local long = 'told:rep(10000):sub(1, host.text_max)'
    local host = start(('host.put(verdict, id, 4, 0, %s)'):format(long))
    host:wait_for { kind = 'probe', verdict = 'failing', unit = 'plant/unit' }
    host:wait_for { kind = 'probe', verdict = 'alive', unit = 'plant/unit' }
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)
end)
