-- What every probe has: the fields of a combination, a name, what it reads of a command
-- whose output goes to a file, and what eval prints.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local function start(units)
  return harness.start { files = {
    ['beater.lua'] = fixtures.beater,
    ['tree.lua'] = ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { intensity = { max = 1000, within = 1 }, %s }
]]):format(units),
  } }
end

describe('a combination', function()
  after_each(harness.sweep)

  it('looks when its parts say, and does what they say', function()
    local host = start [[
      rs.worker 'unit' { run = 'beater', probes = {
        rs.no(rs.probe.lua {
          every = 0.05, failures = 3, action = 'warn',
          check = function(unit) return unit.uptime > 0.3 end,
        }),
        rs.any {
          rs.probe.tcp { port = 1, every = 0.05 },
          rs.probe.lua {
            check = function() return false, 'never' end, action = 'warn',
          },
        },
      } },
    ]]
    local function told(probe, verdict)
      return host:wait_for({ kind = 'probe', probe = probe, verdict = verdict })
    end
    told('no', 'alive')
    assert.truthy(told('no', 'failing').detail:find '^1 of 3: ')
    assert.equal('lua is true', told('no', 'dead').detail)
    assert.equal('127.0.0.1:1: ECONNREFUSED; never', told('any', 'dead').detail)
    assert.same({}, host:all { kind = 'violation' })
    host:finish()
  end)
end)

describe('a probe', function()
  after_each(harness.sweep)

  it('has a name of its own, if it is given one', function()
    local host = start [[
      rs.worker 'unit' { run = 'beater', probes = {
        rs.probe.lua {
          name = 'first', every = 0.05, check = function() return true end,
        },
        rs.probe.lua { check = function() return true end },
        rs.probe.lua { name = 'third', every = 0.05, check = function(unit)
          return unit.incarnation > 0, 'too young'
        end },
      } },
    ]]
    host:wait_for { kind = 'probe', probe = 'first', verdict = 'alive' }
    host:wait_for { kind = 'probe', probe = 'lua', verdict = 'alive' }
    local violation = host:wait_for { kind = 'violation' }
    assert.equal('third: too young', violation.where)
    host:wait_for { kind = 'probe', probe = 'third', verdict = 'alive' }
    local names = {}
    local status = control.ask(host, { op = 'status', path = 'plant/unit' }).result
    for i, row in ipairs(status.probes) do
      names[i] = row.probe
    end
    assert.same({ 'first', 'lua', 'third' }, names)
    host:finish()
  end)

  it('reads what a command writes to a file', function()
    local host = start [[
      rs.command 'unit' {
        exec = { 'sh', '-c', 'while :; do echo tick; sleep 0.05; done' },
        output = { 'out.log' },
        probes = {
          rs.probe.output { pattern = '^tick$', every = 0.2, action = 'warn' },
        },
      },
    ]]
    local alive = host:wait_for { kind = 'probe', probe = 'output', verdict = 'alive' }
    assert.equal('tick', alive.detail)
    assert.same({}, host:all { kind = 'output' })
    host:wait_for_line('out.log', '^tick$')
    host:finish()
  end)

  it('that raises a table is told by what it is', function()
    local host = start [[
      rs.worker 'unit' { run = 'beater', probes = {
        rs.probe.lua { every = 1, action = 'warn', check = function() error {} end },
      } },
    ]]
    local dead = host:wait_for { kind = 'probe', verdict = 'dead' }
    assert.equal('an error that is a table', dead.detail)
    host:finish()
  end)
end)

describe('eval', function()
  after_each(harness.sweep)

  it('prints all values, as print would', function()
    local host = start "rs.worker 'unit' { run = 'beater' },"
    host:wait_for { kind = 'ready', unit = 'plant/unit' }
    local function eval(text)
      local status, out, err = control.run(host, 'eval', 'plant/unit', text)
      return { status, out, err }
    end
    assert.same({ 0, '1\tnil\t{"a":[1]}\n', '' }, eval '1, nil, { a = { 1 } } -- all')
    assert.same({ 0, '2\t3\n', '' }, eval 'self.x = 2 return self.x, 3')
    assert.same({ 0, '', '' }, eval 'self.x = nil')
    local failed = eval "error 'oh'"
    assert.equal('runsmith eval: eval:1: oh', failed[3]:match '^[^\n]*')
    host:finish()
  end)
end)
