-- A tree script with mistakes: what a beginner is told, and that nothing starts.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local MISTAKES = { -- script, what the message must contain
  {
    name = 'a misspelt field',
    script = "local rs = require 'runsmith'\n"
      .. "return rs.supervisor 'plant' {\n"
      .. "  rs.worker 'a' { run = 'beater', restrat = 'permanent' },\n"
      .. '}\n',
    says = { 'tree.lua:3: plant/a: ', 'restrat', 'restart' },
  },
  {
    name = 'two mistakes at once',
    script = "local rs = require 'runsmith'\n"
      .. "return rs.supervisor 'plant' {\n"
      .. "  rs.worker 'a' { run = 'beater', backend = 'tread' },\n"
      .. "  rs.worker 'b' { run = 'beater', after = { 'c' } },\n"
      .. '}\n',
    says = { 'tree.lua:3: plant/a: ', 'thread', 'tree.lua:4: plant/b: ', "'?c'?" },
  },
  {
    name = 'a module that is not there',
    script = "local rs = require 'runsmith'\n"
      .. "return rs.supervisor 'plant' { rs.worker 'a' { run = 'no.such' } }\n",
    says = { 'tree.lua:2: plant/a: ', 'no%.such' },
  },
  {
    name = 'a syntax error',
    script = "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n",
    says = { 'tree.lua:' },
  },
  {
    name = 'no supervisor',
    script = 'return 42\n',
    says = { 'tree.lua', 'supervisor' },
  },
  {
    name = 'a lifecycle and functions that do not fit, in a module',
    script = "local rs = require 'runsmith'\n"
      .. "return rs.supervisor 'plant' { rs.worker 'a' { run = 'misfit' } }\n",
    module = "local worker = require 'runsmith.worker'\n\n"
      .. 'return worker.define {\n'
      .. "  lifecycle = {\n    { 'one', on = { go = 'to' } },\n"
      .. "    { 'two', heartbeat = 0, on = { fin = 'done' } },\n"
      .. "    { 'done', ends = 'ok' },\n  },\n"
      .. '  three = function() end,\n}\n',
    says = {
      'misfit.lua:3: plant/a: state one: on.go leads to',
      'misfit.lua:3: plant/a: state two: heartbeat is 0',
      "misfit.lua:3: plant/a: 'three' is no state",
    },
  },
  {
    name = 'an endless loop',
    script = 'while true do end\n',
    args = { '--eval-time', '0.5' },
    says = { 'tree.lua:1: ', 'eval%-time' },
  },
}

local function check(mistake)
  local host = harness.start {
    files = {
      ['tree.lua'] = mistake.script, ['beater.lua'] = fixtures.beater,
      ['misfit.lua'] = mistake.module,
    },
    args = mistake.args,
  }
  host:wait_end()
  local said = table.concat(host.text, '\n')
  for _, pattern in ipairs(mistake.says) do
    assert.truthy(said:find(pattern), pattern .. host:tail())
  end
  assert.equal(0, #host:all { kind = 'started' })
  host:finish { status = 1 }
end

describe('a script with', function()
  after_each(harness.sweep)

  for _, mistake in ipairs(MISTAKES) do
    it(mistake.name .. ' is told and starts nothing', function() check(mistake) end)
  end

  it('mistakes gives the same from check', function()
    local mistake = MISTAKES[2]
    local files = { ['tree.lua'] = mistake.script, ['beater.lua'] = fixtures.beater }
    local status, said, out = harness.run {
      files = files, command = { 'check', 'tree.lua' },
    }
    assert.equal(1, status)
    for _, pattern in ipairs(mistake.says) do
      assert.truthy((said .. out):find(pattern), pattern .. '\n' .. said .. out)
    end
  end)

  it('none is drawn by check', function()
    local files = fixtures.files('thread', 'raise')
    local status, said, out = harness.run {
      files = files, command = { 'check', 'tree.lua' },
    }
    assert.equal(0, status, said)
    for _, name in ipairs { 'plant', 'culprit', 'thread', 'command', 'apart' } do
      assert.truthy(out:find(name, 1, true), name)
    end
  end)

  it('none is evaluated where the host itself may have less than that', function()
    local less = harness.SANITIZED and '--cpu=4' or '--as=500000000'
    local host = harness.start {
      files = fixtures.files('thread', 'raise'), program = '/usr/bin/prlimit',
      command = { less, harness.program(), 'run', 'tree.lua', '--log', 'json' },
    }
    host:wait_for { kind = 'ready', unit = 'plant' }
    host:finish()
  end)

  it('no file to be found is told in a sentence', function()
    local host = harness.start { files = {}, script = 'nowhere.lua' }
    host:wait_end()
    assert.truthy(table.concat(host.text, '\n'):find 'nowhere%.lua')
    host:finish { status = 1 }
  end)

  it('an unknown command: usage, status 2', function()
    local status, said = harness.run { files = {}, command = { 'rnu' } }
    assert.equal(2, status)
    assert.truthy(said:find 'rnu')
  end)
end)

describe('a module that `run` names', function()
  after_each(harness.sweep)

  it('may return the whole work in one function', function()
    local host = harness.start { files = {
      ['tree.lua'] = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'coroutine' { run = 'jobs.once', args = 1 },
  rs.worker 'thread'    { run = 'jobs.once', args = 2, backend = 'thread' },
  rs.worker 'process'   { run = 'jobs.once', args = 3, backend = 'process' },
}
]],
      ['jobs/once.lua'] = [[
local calls = 0
return function(ctx)
  calls = calls + 1
  print('call', calls, ctx.args)
  if ctx.incarnation == 0 then error 'not yet' end
end
]],
    } }
    for i, name in ipairs { 'coroutine', 'thread', 'process' } do
      local unit = 'plant/' .. name
      local first = host:wait_for { kind = 'output', unit = unit }
      assert.equal('call\t1\t' .. i, first.text)
      host:wait_for({ kind = 'completed', unit = unit, incarnation = 1 }, first)
    end
    host:wait_end()
    host:finish { signal = false, status = 0 }
  end)

  it('that returns something else is told so', function()
    local status, said = harness.run { command = { 'check', 'tree.lua' }, files = {
      ['tree.lua'] = "local rs = require 'runsmith'\n"
        .. "return rs.supervisor 'plant' { rs.worker 'a' { run = 'job' } }\n",
      ['job.lua'] = 'return 7\n',
    } }
    assert.equal(1, status)
    assert.truthy(said:find("job.lua:1: plant/a: module 'job' returns 7; it must "
      .. 'return worker.define { … }, or a function(ctx)', 1, true), said)
  end)
end)
