-- What a reload changes in place reaches the worker where it lives.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local TICKER = [[
local worker = require 'runsmith.worker'
local log = require 'std.log'
return worker.define {
  lifecycle = {
    { 'starting', on = { run = 'running' } },
    { 'running', every = 600, on = { stop = 'stopped', error = 'stopped' } },
    { 'stopped', ends = 'ok' },
  },
  running = function(self, ctx)
    if ctx.stopping then return 'stop' end
    self.count = (self.count or 0) + 1
    log.info('tick', { count = self.count })
    return 'keepalive'
  end,
}
]]

local function tree(lifecycle, backend)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'ticker' { run = 'ticker', backend = '%s', lifecycle = %s },
}
]]):format(backend, lifecycle)
end

describe('a change in place', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'process' } do
    it('of `every` is heard by a waiting ' .. backend .. ' worker', function()
      local host = harness.start {
        files = { ['tree.lua'] = tree('{}', backend), ['ticker.lua'] = TICKER },
      }
      host:wait_for { kind = 'log', text = 'tick' }
      host:write('tree.lua', tree('{ running = { every = 0.05 } }', backend))
      host:signal 'HUP'
      host:wait_for { kind = 'reload' }
      host:wait_for {
        kind = 'log', text = 'tick', fields = function(f) return f and f.count == 4 end,
      }
      misdeed.untouched(host, { 'plant/ticker' })
      host:finish()
    end)
  end

  it('comes to one whose module is still being loaded', function()
    local function with(launch)
      return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.worker 'x' { run = 'slow', launch = %d } }
]]):format(launch)
    end
    local host = harness.start { files = {
      ['tree.lua'] = with(20),
      ['slow.lua'] = "local ok, id = pcall(require('runsmith.host').running)\n"
        .. "if ok and id then require('std.time').sleep(0.4) end\n" .. fixtures.beater,
    } }
    host:wait_for { kind = 'started', unit = 'plant/x' }
    host:write('tree.lua', with(30))
    host:signal 'HUP'
    host:wait_for { kind = 'reload', changed = 0, unchanged = 2 }
    host:wait_for { kind = 'ready', unit = 'plant/x', incarnation = 0 }
    host:watch(0.2)
    misdeed.untouched(host, { 'plant/x' })
    host:finish()
  end)

  it('lets go of the plan before: 70 reloads, each of another worker', function()
    local function many(changed)
      local units = {}
      for i = 1, 70 do
        units[i] = ("rs.worker 'w%d' { run = 'beater', args = { %d } },"):format(i,
          i <= changed and 1 or 0)
      end
      return "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n"
        .. table.concat(units, '\n') .. '\n}\n'
    end
    local host = harness.start {
      files = { ['tree.lua'] = many(0), ['beater.lua'] = fixtures.beater },
    }
    local at = host:wait_for { kind = 'ready', unit = 'plant' }
    for i = 1, 70 do
      host:write('tree.lua', many(i))
      host:signal 'HUP'
      at = host:wait_for({ kind = 'reload' }, at)
      assert.same({ 0, 1 }, { at.added, at.changed })
      host:wait_for({ kind = 'ready', unit = 'plant/w' .. i, incarnation = 1 }, at)
    end
    assert.same({}, host:all { kind = 'collateral' })
    assert.same({}, host:all { kind = 'violation' })
    host:finish()
  end)
end)
