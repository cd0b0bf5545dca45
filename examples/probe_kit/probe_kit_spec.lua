local assert = require 'luassert'
local harness = require 'host.support.harness'

local GRINDER = 'mill/grinder'

describe('the example probe_kit', function()
  after_each(harness.sweep)

  it('restarts a grinder that turns but grinds nothing', function()
    local host = harness.example 'probe_kit'
    host:wait_for { kind = 'ready', unit = 'mill' }
    host:wait_for { kind = 'probe', probe = 'stuck', verdict = 'alive' }
    for _, sack in ipairs { '1', '2-stone', '3', '4', '5', '6' } do
      host:write('new/' .. sack, '')
    end
    os.execute(("mv %s/new/* %s/sacks/"):format(host.dir, host.dir))
    local violation = host:wait_for { kind = 'violation' }
    assert.same({ GRINDER, 'probe' }, { violation.unit, violation.constraint })
    local reason = '^stuck: 4 sacks wait, the last was ground %d+%.%d s ago$'
    assert.truthy(violation.where:find(reason), violation.where)
    assert.equal('6', host:wait_for_line('ground', '^6$'))
    assert.equal(1, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('tells of a long queue that has lasted, and restarts nobody for it', function()
    local host = harness.example 'probe_kit'
    host:wait_for { kind = 'ready', unit = 'mill' }
    for sack = 1, 60 do
      host:write('new/' .. sack, '')
    end
    os.execute(("mv %s/new/* %s/sacks/"):format(host.dir, host.dir))
    local dead = host:wait_for { kind = 'probe', probe = 'all', verdict = 'dead' }
    assert.truthy(dead.detail:find '^%d+ sacks wait$')
    host:wait_for({ kind = 'probe', probe = 'all', verdict = 'alive' }, dead)
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)
end)
