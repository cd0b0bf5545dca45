-- The probes' runner: what goes wrong in it is nobody else's affair.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local function tree(units, more)
  return ([[
local rs, rules = require 'runsmith', require 'rules'
return rs.supervisor 'plant' { intensity = { max = 9, within = 60 }, %s %s }
]]):format(more or '', units)
end

local function start(units, more)
  return harness.start { files = {
    ['tree.lua'] = tree(units, more), ['beater.lua'] = fixtures.beater,
    ['rules.lua'] = "return { limit = 1, name = 'first' }\n",
  } }
end

-- The runner that is neither the spare nor a unit's.
local function find_runner(host)
  for _, process in ipairs(host:processes()) do
    local environment = posix.slurp('/proc/' .. process.pid .. '/environ')
    if environment:find('RUNSMITH_UNIT=plant#probes', 1, true) then
      return process.pid
    end
  end
end

local function probe(unit, verdict)
  return { kind = 'probe', unit = 'plant/' .. unit, verdict = verdict }
end

local WELL = "rs.worker 'well' { run = 'beater', probes = { rs.probe.lua {"
  .. " every = 0.1, check = function() return true end } } },"

-- Tells its runner's pid, so that a spec can kill it.
local PID = "rs.worker 'well' { run = 'beater', probes = { rs.probe.lua { every = 0.1,"
  .. " check = function() require('std.fs').write('pid', tostring("
  .. "require('luv').os_getpid())) return true end } } },"

describe('a rule in Lua', function()
  after_each(harness.sweep)

  it('restarts its unit for a reason of its own, which the journal tells', function()
    local host = start [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1,
        check = function(unit)
          return unit.incarnation > 0 or unit.uptime < 0.3, 'old enough'
        end,
      } } },
    ]]
    local violation = host:wait_for { kind = 'violation' }
    assert.same({ 'plant/unit', 'probe', 'lua: old enough' },
      { violation.unit, violation.constraint, violation.where })
    local restart = host:wait_for({ kind = 'restart' }, violation)
    assert.is_true(restart.charged)
    local dead = host:all(probe('unit', 'dead'))[1]
    assert.same({ 'lua', 'old enough' }, { dead.probe, dead.detail })
    assert.equal(0, dead.incarnation)
    host:wait_for(probe('unit', 'alive'), violation)
    host:watch(0.3)
    assert.equal(1, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('watches where the journal is brief, too', function()
    local host = start([[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1, check = function(unit) return unit.incarnation > 0, 'why not' end,
      } } },
    ]], "journal = 'brief',")
    host:wait_for { kind = 'violation', unit = 'plant/unit' }
    host:wait_for(probe('unit', 'alive'))
    host:finish()
  end)

  it('hands its unit\'s lifecycle an event', function()
    local host = start [[
      rs.worker 'unit' {
        run = require('runsmith.worker').define {
          lifecycle = {
            { 'cold', heartbeat = 2, every = 0.05, on = { warm = 'hot' } },
            { 'hot', ends = 'ok' },
          },
          cold = function() return 'keepalive' end,
        },
        probes = { rs.probe.lua {
          every = 0.1, delay = 0.2, action = { emit = 'warm' }, when = 'cold',
          check = function() return false, 'it is winter' end,
        } },
      },
    ]]
    local transition = host:wait_for { kind = 'transition', event = 'warm' }
    assert.equal('hot', transition.to)
    host:finish { signal = false }
  end)

  it('that loops for ever is interrupted, and disturbs nobody', function()
    local host = start(WELL .. [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1, action = 'warn', check = function() while true do end end,
      } } },
    ]])
    local alive = host:wait_for(probe('well', 'alive'))
    local dead = host:wait_for(probe('unit', 'dead'))
    assert.truthy(dead.detail:find('^interrupted: it held up the others'))
    assert.truthy(dead.detail:find('tree.lua:', 1, true))
    assert.is_true(dead.mono - alive.mono < 9, dead.mono - alive.mono)
    assert.equal(0, #host:all { kind = 'violation' })
    assert.equal(0, #host:all { kind = 'restart' })
    assert.equal(0, #host:all(probe('well', 'dead')))
    host:finish()
  end)
end)

describe('the probes\' runner', function()
  after_each(harness.sweep)

  it('that is killed leaves unknown verdicts, and nobody is restarted', function()
    local host = start(PID)
    local alive = host:wait_for(probe('well', 'alive'))
    local pid = tonumber(host:wait_for_line('pid', '^%d+$'))
    posix.kill(pid, 'KILL')
    local unknown = host:wait_for(probe('well', 'unknown'), alive)
    assert.equal("the probes' runner died", unknown.detail)
    host:wait_for(probe('well', 'alive'), unknown)
    assert.equal(0, #host:all { kind = 'violation' })
    assert.equal(0, #host:all { kind = 'collateral' })
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/well' })
    host:finish()
  end)

  it('that is killed changes no count', function()
    local host = start(PID .. [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua { every = 0.5,
        failures = 3, action = 'warn', check = function() return false, 'no' end,
      } } },
    ]])
    host:wait_for(probe('unit', 'failing'))
    posix.kill(tonumber(host:wait_for_line('pid', '^%d+$')), 'KILL')
    local unknown = host:wait_for(probe('unit', 'unknown'))
    local next = host:wait_for({ kind = 'probe', unit = 'plant/unit' }, unknown)
    assert.equal('2 of 3: no', next.detail)
    host:wait_for(probe('unit', 'dead'))
    host:finish()
  end)

  it('that is stopped for a while finds nobody dead', function()
    local host = start(PID .. [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1, timeout = 0.3, check = function()
          require('std.time').sleep(0.2)
          return true
        end,
      } } },
    ]])
    host:wait_for(probe('unit', 'alive'))
    local pid = tonumber(host:wait_for_line('pid', '^%d+$'))
    for _ = 1, 3 do
      posix.kill(pid, 'STOP')
      host:watch(0.5)
      posix.kill(pid, 'CONT')
      host:watch(0.3)
    end
    assert.equal(0, #host:all(probe('unit', 'dead')))
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('that stays stopped is replaced, and the looks go on', function()
    local host = start(PID)
    host:wait_for(probe('well', 'alive'))
    posix.kill(tonumber(host:wait_for_line('pid', '^%d+$')), 'STOP')
    local told = host:wait_for { kind = 'log', level = 'error' }
    assert.truthy(told.text:find 'stopped by a signal', told.text)
    local unknown = host:wait_for(probe('well', 'unknown'), told)
    host:wait_for(probe('well', 'alive'), unknown)
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('that has no memory left restarts nobody, and tells so', function()
    if harness.SANITIZED then return end -- its shadow is larger than any limit
    local host = start([[
      limits = { memory = '160M' },
      rs.worker 'eaten' { run = 'beater', probes = {
        rs.probe.lua { name = 'eater', every = 0.1, timeout = 10, check = function()
          local eaten = {}
          while true do eaten[#eaten + 1] = ('x'):rep(4e6 + #eaten) end
        end },
      } },
      rs.worker 'other' { run = 'beater', probes = {
        rs.probe.lua { name = 'well', every = 0.1, check = function() return true end },
      } },
    ]])
    local told = host:wait_for { kind = 'probe', probe = 'eater' }
    assert.same({ 'unknown', "the probes' runner has not enough memory" },
      { told.verdict, told.detail })
    host:wait_for { kind = 'probe', probe = 'well', verdict = 'alive' }
    host:watch(1)
    assert.same({}, host:all { kind = 'violation' })
    host:finish()
  end)

  it('dies three times of one probe, which is then disabled', function()
    local host = start(WELL .. [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1, check = function()
          require('luv').kill(require('luv').os_getpid(), 'sigkill')
          while true do end
        end,
      } } },
    ]])
    local told = host:wait_for { kind = 'log', unit = 'plant/unit', level = 'error' }
    assert.truthy(told.text:find 'is disabled: it was running when')
    host:wait_for(probe('well', 'alive'), told)
    assert.equal(0, #host:all { kind = 'violation' })
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/unit' })
    host:finish()
  end)

  it('goes on counting over reloads that change nothing of a probe', function()
    local units = [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        name = 'counted', every = 0.2, timeout = 0.1, failures = 6, successes = 2,
        hold = 0.1, delay = 0, action = 'warn', check = function() return false end,
      } } },
    ]]
    local host = start(units)
    local at = host:wait_for(probe('unit', 'failing'))
    for _, text in ipairs { tree(units), '-- lines move\n' .. tree(units) } do
      host:write('tree.lua', text)
      host:signal 'HUP'
      local reload = host:wait_for({ kind = 'reload' }, at)
      at = host:wait_for(probe('unit', 'failing'), reload)
    end
    host:wait_for(probe('unit', 'dead'))
    local counts = {}
    for _, entry in ipairs(host:all(probe('unit', 'failing'))) do
      counts[#counts + 1] = entry.detail:match '^%d+'
    end
    assert.equal('1 2 3 4 5', table.concat(counts, ' '))
    host:finish()
  end)

  it('knows units that ran before there was any', function()
    local units = [[
      rs.worker 'process' { run = 'beater', backend = 'process', %s },
      rs.worker 'shared' { run = 'beater', %s },
      rs.command 'command' { exec = { 'sleep', '99' }, %s },
      rs.supervisor 'domain' { isolate = true, rs.worker 'x' { run = 'beater' }, %s },
    ]]
    local host = start((units:gsub('%%s', '')))
    host:wait_for { kind = 'ready', unit = 'plant' }
    host:write('tree.lua', tree((units:gsub('%%s', [[probes = { rs.probe.lua {
      every = 0.1, action = 'warn',
      check = function(unit) return false, unit.pid .. ' ' .. unit.uptime end,
    } }]]))))
    host:signal 'HUP'
    for _, name in ipairs { 'process', 'shared', 'command', 'domain' } do
      local pid, uptime = host:wait_for(probe(name, 'dead')).detail:match '^(%d+) (.+)$'
      local unit = name == 'domain' and 'domain/x' or name
      assert.equal(host:pid_of('plant/' .. unit), tonumber(pid))
      assert.is_true(tonumber(uptime) > 0)
    end
    host:finish()
  end)

  it('picks up changed probes at a reload, and nothing restarts', function()
    local host = start [[
      rs.worker 'unit' { run = 'beater', probes = { rs.probe.lua {
        every = 0.1, action = 'warn',
        check = function(unit) return rules.limit > 1, rules.name end,
      } } },
    ]]
    local dead = host:wait_for(probe('unit', 'dead'))
    assert.equal('first', dead.detail)
    host:write('rules.lua', "return { limit = 1, name = 'second' }")
    host:signal 'HUP'
    local reload = host:wait_for({ kind = 'reload' }, dead)
    assert.equal(0, reload.changed)
    assert.equal('second', host:wait_for(probe('unit', 'dead'), reload).detail)
    host:write('tree.lua', tree "rs.worker 'unit' { run = 'beater' },")
    host:signal 'HUP'
    host:wait_for({ kind = 'reload' }, reload)
    host:watch(0.3)
    assert.is_nil(find_runner(host))
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/unit' })
    host:finish()
  end)
end)

describe('on_activity', function()
  after_each(harness.sweep)

  it('hears of all that is below, and drops the oldest when it is slow', function()
    local host = start([[
      rs.supervisor 'line' {
        on_activity = function(entry)
          if entry.kind == 'output' then require('std.time').sleep(0.5) end
          print(entry.kind, entry.unit, entry.dropped)
        end,
        rs.command 'unit' {
          exec = { 'sh', '-c', 'seq 3000; sleep 99' },
          output_rate = { lines = 10000, within = 1 },
        },
      },
    ]])
    local line = { kind = 'output', unit = 'plant/line' }
    line.text = 'started\tplant/line/unit\tnil'
    host:wait_for(line)
    local warned = host:wait_for { kind = 'log', unit = 'plant/line', level = 'warn' }
    assert.truthy(warned.text:find '^on_activity: %d+ entries dropped')
    host:finish()
  end)

  it("hears of the end of a pool's unit, which is gone by then", function()
    local host = start([[
      rs.supervisor 'line' {
        on_activity = function(entry) print(entry.kind, entry.unit) end,
        pool = rs.worker { run = function() end },
      },
    ]])
    host:wait_for { kind = 'ready', unit = 'plant' }
    control.ask(host, { op = 'add', path = 'plant/line', name = 'job' })
    for _, kind in ipairs { 'exited', 'completed' } do
      host:wait_for { kind = 'output', text = kind .. '\tplant/line/job' }
    end
    host:finish()
  end)
end)
