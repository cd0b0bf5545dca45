-- plan says what reload does; reload says what it did, or what is wrong.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local function tree(args, units)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'same' { run = 'beater' },
  rs.worker 'changed' { run = 'beater', args = { %s } },
  %s
}
]]):format(args, units)
end

local GONE = "rs.worker 'patched' { run = 'beater', launch = 3 },\n"
  .. "rs.worker 'gone' { run = 'beater', backend = 'thread' },"
local NEW = "rs.worker 'patched' { run = 'beater', launch = 4 },\n"
  .. "rs.worker 'new' { run = 'beater', backend = 'process' },"

local SUPERVISOR = "rs.supervisor '%s' { %s %s }"
local X, Y = "rs.worker 'x' { run = 'beater' },", "rs.worker 'y' { run = 'beater' },"

local function start()
  return control.start {
    ['tree.lua'] = tree('1', GONE), ['beater.lua'] = fixtures.beater,
  }
end

describe('plan', function()
  after_each(harness.sweep)

  it('says what would become of each unit, and why, and changes nothing', function()
    local host, ready = start()
    host:write('tree.lua', tree('2', NEW))
    local result = control.ask(host, { op = 'plan' }).result
    local effects = {}
    for _, unit in ipairs(result.units) do
      effects[unit.path] = unit.effect .. ' ' .. table.concat(unit.why, ',')
    end
    assert.same({
      ['plant/changed'] = 'restart args', ['plant/patched'] = 'patch rules',
      ['plant/gone'] = 'stop ', ['plant/new'] = 'start ',
    }, effects)
    assert.equal(2, result.keep)
    misdeed.untouched(host, { 'plant/same', 'plant/changed', 'plant/gone' })
    assert.same({}, host:all({ kind = 'reload' }, ready))
    host:finish()
  end)

  it('names the field of a process that has changed', function()
    local FIELDS = {
      exec = "exec = { 'sleep', '98' }", env = "env = { A = '1' }",
      cwd = "cwd = '/tmp'",
      umask = 'umask = 63', nice = 'nice = 1', limits = 'limits = { open_files = 99 }',
      ready = 'ready = { fd = 3 }', output = "output = 'inherit'",
      ['pre or post'] = "pre = { exec = { 'true' } }",
    }
    local function units(which)
      local list = {}
      for name, field in pairs(FIELDS) do
        local exec = name == 'exec' and '' or "exec = { 'sleep', '99' },"
        if which == '' and name == 'exec' then exec = "exec = { 'sleep', '99' }" end
        list[#list + 1] = ("rs.command '%s' { %s %s },"):format(
          name:match '%a+', exec, which and which or field)
      end
      local worker = "rs.worker 'worker' { run = 'beater', backend = 'process', %s },"
      list[#list + 1] = worker:format(which and '' or FIELDS.env)
      return table.concat(list, '\n')
    end
    local host = control.start {
      ['tree.lua'] = tree('1', units ''), ['beater.lua'] = fixtures.beater,
    }
    host:write('tree.lua', tree('1', units()))
    local said = {}
    for _, unit in ipairs(control.ask(host, { op = 'plan' }).result.units) do
      said[unit.path] = unit.effect .. ' ' .. table.concat(unit.why, ',')
    end
    local wanted = { ['plant/worker'] = 'restart env' }
    for name in pairs(FIELDS) do
      wanted['plant/' .. name:match '%a+'] = 'restart ' .. name
    end
    assert.same(wanted, said)
    host:finish()
  end)

  it('names what a unit lives on with that has changed', function()
    local PARTS = {
      a = { first = "rs.worker 'a' { run = 'beater' }", why = 'probes',
        now = "rs.worker 'a' { run = 'beater', "
          .. "probes = { rs.probe.memory { max = '9G' } } }" },
      c = { first = "rs.command 'c' { exec = { 'sleep', '99' } }", why = 'stop',
        now = "rs.command 'c' { exec = { 'sleep', '99' }, stop = 'INT' }" },
      f = { why = 'files' },
      o = { first = SUPERVISOR:format('o', '', X .. Y),
        now = SUPERVISOR:format('o', '', Y .. X), why = 'order' },
      s = { first = SUPERVISOR:format('s', '', X),
        now = SUPERVISOR:format('s', 'on_activity = print,', X), why = 'on_activity' },
      t = { first = SUPERVISOR:format('t', "rs.channel 'c' {},", X),
        now = SUPERVISOR:format('t', "rs.channel 'c' { capacity = 9 },", X),
        why = 'channels' },
    }
    local function units(which)
      local list = { "rs.command 'f' { exec = { 'sleep', '99' }, reload = 'HUP', "
        .. "files = { 'f.conf' } }" }
      for _, part in pairs(PARTS) do
        list[#list + 1] = part[which]
      end
      table.sort(list)
      return table.concat(list, ',\n')
    end
    local host = control.start {
      ['tree.lua'] = tree('1', units 'first'), ['beater.lua'] = fixtures.beater,
      ['f.conf'] = '1',
    }
    host:write('tree.lua', tree('1', units 'now'))
    host:write('f.conf', '2')
    local said, wanted = {}, {}
    for _, unit in ipairs(control.ask(host, { op = 'plan' }).result.units) do
      said[unit.path] = unit.effect .. ' ' .. table.concat(unit.why, ',')
    end
    for name, part in pairs(PARTS) do
      wanted['plant/' .. name] = 'patch ' .. part.why
    end
    assert.same(wanted, said)
    assert(control.ask(host, { op = 'reload' }).result)
    assert.same({}, control.ask(host, { op = 'plan' }).result.units)
    host:finish()
  end)

  it('agrees with the reload that follows', function()
    local host = start()
    host:write('tree.lua', tree('2', NEW))
    local plan = control.ask(host, { op = 'plan' }).result
    local done = control.ask(host, { op = 'reload' }).result
    assert.same({ plan.start, plan.stop, plan.restart, plan.patch + plan.keep },
      { done.added, done.removed, done.changed, done.unchanged })
    host:wait_for { kind = 'ready', unit = 'plant/new' }
    misdeed.untouched(host, { 'plant/same', 'plant/patched' })
    plan = control.ask(host, { op = 'plan' }).result
    assert.same({ 0, {} }, { plan.start + plan.restart, plan.units })
    host:finish()
  end)

  it('of a script with a mistake says where', function()
    local host = start()
    host:write('tree.lua', 'return nothing_that_is()')
    for _, op in ipairs { 'plan', 'reload' } do
      local err = control.ask(host, { op = op }).error
      assert.same({ 'mistakes', 'tree.lua', 1 },
        { err.code, err.mistakes[1].file:match '[^/]*$', err.mistakes[1].line })
    end
    local status, _, text = control.run(host, 'reload')
    assert.equal(1, status)
    assert.truthy(text:find 'tree%.lua:1')
    misdeed.untouched(host, { 'plant/same', 'plant/changed', 'plant/gone' })
    host:finish()
  end)

  it('waits for nobody who does not read what is said of it', function()
    local host = start()
    host:write('tree.lua', "error(('x'):rep(2 ^ 15))")
    local client = control.open(host)
    for i = 1, 16 do -- more than the pipes to the harness hold
      client:send('{"op":"reload"}\n')
      local answer = assert(client:object(5), i .. ' was not answered')
      assert.equal('mistakes', answer.error.code)
    end
    client:close()
    misdeed.untouched(host, { 'plant/same', 'plant/changed', 'plant/gone' })
    host:finish()
  end)
end)
