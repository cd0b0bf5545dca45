-- Modules that are first required once a worker runs: they are the plan's, as those are
-- that evaluation loaded.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local FILES = {
  ['tree.lua'] = [[
local rs = require 'runsmith'
local function task()
  print('task', require 'late')
  require('std.time').sleep(1000)
end
return rs.supervisor 'plant' {
  intensity = { max = 99 },
  rs.worker 'coroutine' { run = 'early' },
  rs.worker 'thread'    { run = 'early', backend = 'thread' },
  rs.worker 'process'   { run = 'early', backend = 'process' },
  rs.worker 'task'      { run = task, backend = 'process' },
  rs.worker 'apart'     { run = 'apart', backend = 'process' },
}
]],
  ['early.lua'] = [[
local time = require 'std.time'
return require('runsmith.worker').define {
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    print('early', require('inner.late').value)
    while time.sleep(1) do
      ctx:heartbeat()
    end
    return 'keepalive'
  end,
}
]],
  ['inner/late.lua'] = "return { value = require 'late' }\n",
  ['late.lua'] = 'return 1\n',
  ['apart.lua'] = [[
return function() print('apart', 1) require('std.time').sleep(1000) end
]],
}
local UNITS = { 'coroutine', 'thread', 'process', 'task' }

local function says(host, unit, inc, text)
  local line = host:wait_for {
    kind = 'output', unit = 'plant/' .. unit, incarnation = inc,
  }
  assert.equal(text, line.text)
end

local function word(unit) return unit == 'task' and 'task\t' or 'early\t' end

describe('a module that is first required by a worker', function()
  after_each(harness.sweep)

  it('is the plan\'s: edited, it runs from the next reload on', function()
    local host = harness.start { files = FILES }
    for _, unit in ipairs(UNITS) do
      says(host, unit, 0, word(unit) .. 1)
    end
    host:write('late.lua', 'return 2\n')
    for _, unit in ipairs { 'coroutine', 'process', 'task' } do
      posix.kill(host:pid_of('plant/' .. unit), 'KILL') -- the thread's runner, too
    end
    for _, unit in ipairs(UNITS) do
      says(host, unit, 1, word(unit) .. 1)
    end
    assert.is_true(control.ask(host, { id = 1, op = 'reload' }).ok)
    for _, unit in ipairs(UNITS) do
      local last = host:wait_for {
        kind = 'output', unit = 'plant/' .. unit, text = word(unit) .. 2,
      }
      assert.is_true(last.incarnation > 1)
    end
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/apart' })
    host:finish()
  end)
end)
