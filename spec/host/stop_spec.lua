-- How a host ends: by signals, by completing, by giving up.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

local ORDERED = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'first' { run = 'beater' },
  rs.worker 'second' { run = 'beater', backend = 'process', after = { 'first' } },
  rs.command 'third' { exec = { 'sleep', '1000' }, after = { 'second' } },
}
]]

local RELUCTANT = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'reluctant' {
    run = 'culprit', args = { how = 'reluctant' }, backend = '%s', shutdown = %s,
    lifecycle = { running = { heartbeat = 100 } },
  },
  rs.worker 'other' { run = 'beater' },
}
]]

-- `starting` to the end in one go; `how` it ends is the tree's.
local SHORT = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 2, within = 60 },
  rs.worker 'task' { run = %s, backend = '%s' },
}
]]

local function start(tree)
  local files = fixtures.files('coroutine', 'raise')
  files['tree.lua'] = tree
  return harness.start { files = files }
end

-- Lets the reluctant one go to where it heeds nothing.
local function let_go(host)
  host:wait_for { kind = 'ready', unit = 'plant' }
  host:write('go', '')
  return host:wait_for { kind = 'output', unit = 'plant/reluctant', text = 'goes' }
end

local function stopped(host, backend, shutdown)
  local gone = let_go(host)
  host:signal 'TERM'
  host:wait_end()
  local violation = host:all({ kind = 'violation' }, gone)[1]
  assert.equal('plant/reluctant', violation.unit, backend)
  assert.equal('shutdown', violation.constraint)
  -- The default is 5 s.
  assert.is_true(violation.observed >= shutdown and violation.observed < 5)
  host:finish()
end

describe('a host', function()
  after_each(harness.sweep)

  for _, signal in ipairs { 'TERM', 'INT', 'QUIT' } do
    it(('stops in order on %s, status 0'):format(signal), function()
      local host = start(ORDERED)
      host:wait_for { kind = 'ready', unit = 'plant' }
      host:signal(signal)
      host:wait_end()
      local ends = {}
      for _, entry in ipairs(host:all { kind = 'exited' }) do
        ends[#ends + 1] = entry.unit
      end
      local order = { 'plant/third', 'plant/second', 'plant/first' }
      assert.same(order, { ends[1], ends[2], ends[3] })
      host:finish { status = 0 }
    end)
  end

  it('starts each unit once those before it are ready', function()
    local host = start(ORDERED)
    host:wait_for { kind = 'ready', unit = 'plant' }
    for _, pair in ipairs { { 'first', 'second' }, { 'second', 'third' } } do
      local ready = host:wait_for { kind = 'ready', unit = 'plant/' .. pair[1] }
      local started = host:wait_for { kind = 'started', unit = 'plant/' .. pair[2] }
      assert.is_true(ready.seq < started.seq)
    end
    host:finish()
  end)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it(('ends a %s that never stops, after `shutdown`'):format(backend), function()
      stopped(start(RELUCTANT:format(backend, 0.5)), backend, 0.5)
    end)
  end

  it('kills all at once on a second signal, status 1', function()
    local host = start(RELUCTANT:format('process', 1000))
    let_go(host)
    host:signal 'TERM'
    host:wait_for { kind = 'stop' }
    host:signal 'TERM'
    host:finish { signal = false, status = 1 }
  end)

  it('that comes while the script is read is no failure, status 0', function()
    local host = harness.start { files = {
      ['tree.lua'] = "io.stderr:write 'reading\\n' while true do end" } }
    while #host.text == 0 and host:read(5) do
    end
    assert.equal('reading', host.text[1])
    host:signal 'TERM'
    host:finish { signal = false, status = 0 }
  end)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it(('that has completed ends, status 0: a %s task'):format(backend), function()
      local host = start(SHORT:format('function() end', backend))
      host:wait_for { kind = 'completed', unit = 'plant' }
      host:finish { signal = false, status = 0 }
    end)

    it(('whose root gives up ends, status 1: a %s task'):format(backend), function()
      local host = start(SHORT:format("function() error 'no' end", backend))
      host:wait_for { kind = 'escalated', unit = 'plant' }
      host:finish { signal = false, status = 1 }
      assert.equal(3, #host:all { kind = 'started', unit = 'plant/task' })
      assert.equal(2, #host:all { kind = 'restart', unit = 'plant/task' })
    end)
  end
end)
