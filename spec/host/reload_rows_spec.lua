-- What each kind of change does to a unit: nothing, a change in place, a restart of
-- that unit alone. The neighbour is never touched.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local KEEPS, RESTARTS = 0, 1

local BACKEND = [[
local time = require 'std.time'
rs.backend 'sim' {
  start = function(unit) unit:ready() return { %s } end,
  stop = function(unit, handle) end, kill = function(unit, handle) end,
  wait = function(unit, handle)
    while not unit:heartbeat() do time.sleep(0.05) end
    return 'ok'
  end,
}
]]

local X = "rs.worker 'x' { run = 'beater', %s },"
local TASK = "rs.worker 'x' { run = function(ctx) while not ctx.stopping do "
  .. "require('std.time').sleep(60) end end, %s },"
local COMMAND = "rs.command 'x' { exec = { 'sleep', '1000' }, %s },"

-- { what, before, after, effect on x, supervisor's fields before, after }
local ROWS = {
  { 'nothing', X, '', '', KEEPS },
  { 'restart', X, '', "restart = 'permanent'", KEEPS },
  { 'shutdown and launch', X, '', 'shutdown = 1, launch = 3', KEEPS },
  { 'stall', X, '', 'stall = 1', KEEPS },
  { 'a timeout', X, '', 'lifecycle = { running = { heartbeat = 3 } }', KEEPS },
  { 'its intensity', X, '', 'intensity = { max = 1, within = 2 }', KEEPS },
  { 'after', X, '', "after = { 'y' }", KEEPS },
  { 'a probe', X, '', "probes = { rs.probe.memory { max = '1G', every = 1 } }", KEEPS },
  { 'args', X, 'args = { 1 }', 'args = { 2 }', RESTARTS },
  { 'the backend', X, '', "backend = 'process'", RESTARTS },
  { 'env', X, "backend = 'process'",
    "backend = 'process', env = { A = '1' }", RESTARTS },
  { 'cwd', X, "backend = 'process'", "backend = 'process', cwd = '/'", RESTARTS },
  { 'limits', X, "backend = 'process'",
    "backend = 'process', limits = { open_files = 100 }", RESTARTS },
  { 'its function', TASK, 'args = 1', 'args = 1', KEEPS },
  { 'stop', COMMAND, '', "stop = 'INT'", KEEPS },
  { 'umask', COMMAND, '', 'umask = 63', RESTARTS },
  { 'ready', COMMAND, '', 'ready = { fd = 3 }, launch = 60', RESTARTS },
  { 'output', COMMAND, '', "output = 'inherit'", RESTARTS },
  { 'exec', "rs.command 'x' { exec = { 'sleep', '%s' } },", '1000', '1001', RESTARTS },
  { "a backend's functions", BACKEND, '1', '2', RESTARTS, custom = true },
}

local OF_SUPERVISOR = {
  { 'strategy', '', "strategy = 'one_for_all',", KEEPS },
  { 'intensity', '', 'intensity = { max = 9, within = 1 },', KEEPS },
  { 'backoff', '', 'backoff = { first = 0.1 },', KEEPS },
  { 'on_activity', '', 'on_activity = function(entry) end,', KEEPS },
  { 'order', '', 'ordered = true,', KEEPS },
  { 'isolate', '', 'isolate = true,', RESTARTS },
}

local function tree(row, fields, above)
  local unit, before = row[2]:format(fields), ''
  if row.custom then
    unit, before = "rs.worker 'x' { run = 'beater', backend = 'sim' },", unit
  end
  return ([[
local rs = require 'runsmith'
%s
return rs.supervisor 'plant' {
  rs.supervisor 's' { %s %s rs.worker 'y' { run = 'beater' }, },
  rs.worker 'far' { run = 'beater' },
}
]]):format(before, above or '', unit)
end

local function start(text)
  return control.start { ['tree.lua'] = text, ['beater.lua'] = fixtures.beater }
end

local function see(host, path)
  local unit = control.ask(host, { op = 'status', path = path }).result
  return { unit.pid, unit.incarnation, unit.restarts }
end

local function reload(host, text)
  host:write('tree.lua', text)
  local answer = control.ask(host, { op = 'reload' })
  assert.is_truthy(answer.ok, host:tail())
  return answer.result
end

describe('a reload that changes', function()
  after_each(harness.sweep)

  for _, row in ipairs(ROWS) do
    local how = row[5] == KEEPS and ' keeps the unit' or ' restarts that unit alone'
    it(row[1] .. how, function()
      local host = start(tree(row, row[3]))
      local x, y, far = see(host, 'plant/s/x'), see(host, 'plant/s/y'),
        see(host, 'plant/far')
      local result = reload(host, tree(row, row[4]))
      assert.same({ 0, 0, row[5] }, { result.added, result.removed, result.changed })
      if row[5] == RESTARTS then
        host:wait_for { kind = 'started', unit = 'plant/s/x', incarnation = 1 }
      else
        assert.same(x, see(host, 'plant/s/x'))
      end
      assert.same({ y, far }, { see(host, 'plant/s/y'), see(host, 'plant/far') })
      for _, entry in ipairs(host:all { kind = 'restart' }) do
        assert.same({ 'reload', false }, { entry.why, entry.charged })
      end
      host:finish()
    end)
  end

  for _, row in ipairs(OF_SUPERVISOR) do
    local how = row[4] == KEEPS and ' keeps what is below' or ' moves who is below'
    it("a supervisor's " .. row[1] .. how, function()
      local unit = { '', X }
      local host = start(tree(unit, '', row[2]))
      local x, far = see(host, 'plant/s/x'), see(host, 'plant/far')
      reload(host, tree(unit, '', row[3]))
      if row[4] == RESTARTS then
        host:wait_for { kind = 'ready', unit = 'plant/s/x', incarnation = 1 }
        assert.not_equal(x[1], see(host, 'plant/s/x')[1])
      else
        assert.same(x, see(host, 'plant/s/x'))
      end
      assert.same(far, see(host, 'plant/far'))
      host:finish()
    end)
  end

  it('vms, lowered, moves those of the VM that goes', function()
    local function with(vms)
      return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { vms = %d,
  rs.worker 'a' { run = 'beater' }, rs.worker 'b' { run = 'beater' },
}
]]):format(vms)
    end
    local host = start(with(2))
    local a = see(host, 'plant/a')
    assert.equal(0, reload(host, with(3)).changed)
    assert.equal(1, reload(host, with(1)).changed)
    host:wait_for { kind = 'ready', unit = 'plant/b', incarnation = 1 }
    assert.same(a, see(host, 'plant/a'))
    host:finish()
  end)

  it("a pool's template, restarts its units; its probes, none", function()
    local function with(fields)
      return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { pool = rs.worker { run = 'beater', %s } }
]]):format(fields)
    end
    local host = start(with '')
    for _, name in ipairs { 'one', 'two' } do
      control.ask(host, { op = 'add', path = 'plant', name = name, args = { name } })
    end
    local one = see(host, 'plant/one')
    assert.equal(0, reload(host, with 'shutdown = 3').changed)
    assert.same(one, see(host, 'plant/one'))
    assert.equal(2, reload(host, with "shutdown = 3, backend = 'thread'").changed)
    host:wait_for { kind = 'ready', unit = 'plant/one', incarnation = 1 }
    host:wait_for { kind = 'ready', unit = 'plant/two', incarnation = 1 }
    local _, out = control.run(host, 'eval', 'plant/two', 'ctx.args[1]')
    assert.equal('two\n', out)
    host:finish()
  end)

  it("the root's name is refused, and says so", function()
    local row = ROWS[1]
    local host = start(tree(row, ''))
    local x = see(host, 'plant/s/x')
    host:write('tree.lua', (tree(row, ''):gsub("'plant'", "'factory'")))
    for _, op in ipairs { 'plan', 'reload' } do
      local answer = control.ask(host, { op = op })
      assert.is_false(answer.ok)
      assert.truthy(answer.error.message:find "root's name cannot change")
    end
    assert.same(x, see(host, 'plant/s/x'))
    host:finish()
  end)

  it('where a unit is, ends it there and begins it here', function()
    local function at(left, right)
      return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.supervisor 'l' { rs.worker 'stay' { run = 'beater' }, %s },
  rs.supervisor 'r' { rs.worker 'stay' { run = 'beater' }, %s },
}
]]):format(left, right)
    end
    local x = "rs.worker 'x' { run = 'beater' }"
    local host = start(at(x, ''))
    local result = reload(host, at('', x))
    assert.same({ 1, 1, 0 }, { result.added, result.removed, result.changed })
    host:wait_for { kind = 'exited', unit = 'plant/l/x' }
    host:wait_for { kind = 'ready', unit = 'plant/r/x' }
    host:finish()
  end)
end)
