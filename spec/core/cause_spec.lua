local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local C = lib.C
local supervisor, worker = plan.supervisor, plan.worker

local function world(tree)
  local w = World.new(tree)
  w:take()
  return w
end

-- Lines of the journal, each with the place in it of what led to it; 0: an older one.
local function chain(w)
  local lines, places = {}, {}
  local log = {}
  for _, line in ipairs(w.log) do
    if line:find '^%S+: ' then log[#log + 1] = line end
  end
  for i, entry in ipairs(w.entries) do
    places[tonumber(entry.seq)] = i
    lines[i] = ('%d %s'):format(places[tonumber(entry.cause)] or 0, log[i])
  end
  w:take()
  return lines
end

describe('the cause', function()
  it('of each end below a supervisor that stops is that stop', function()
    local w = world(supervisor 'r' {
      supervisor 's' { supervisor 't' { worker 'x' {} } },
    })
    w:tell('STOP', 's', {})
    assert.same({ '0 s: stop hold', '1 s/t/x: exited ok expected',
      '1 s/t: exited ok expected', '1 s: exited ok expected' }, chain(w))
  end)

  it('of what a unit does of itself is its start', function()
    local w = World.new(supervisor 'r' { worker 'a' { restart = 'temporary' } })
    w:tell('EXIT', 'a', { a = C.RS_WHY_ERROR })
    local last = w.entries[#w.entries]
    assert.equal(C.RS_J_EXITED, last.kind)
    local led = w.entries[tonumber(last.cause)]
    assert.same({ C.RS_J_STARTED, last.unit }, { led.kind, led.unit })
    w:free()
  end)

  it('of a limit that is broken in a stop is that stop', function()
    local w = world(supervisor 'r' {
      worker 'a' { shutdown = 1 }, supervisor 's' { shutdown = 2, worker 'x' {} },
    })
    w.mute.a, w.mute['s/x'] = { ask = true }, { ask = true }
    w:tell('SHUTDOWN', 'r', {})
    w:advance(2.5)
    assert.same({ '0 r: stop hold', '1 a: violation shutdown 1',
      '2 a: exited interrupted expected', '1 s: violation shutdown 2',
      '4 s: killed shutdown', '5 s/x: exited interrupted expected',
      '5 s: exited ok expected', '1 r: exited ok expected' }, chain(w))
  end)

  it('of what a domain loses as it gives up is that', function()
    local w = world(supervisor 'r' { supervisor 's' { isolate = true, max = 0,
      worker 'a' {}, worker 'b' {} } })
    w:tell('DOMAIN_DEAD', 's', { other = 0xffffffff, b = 9 })
    local lines = chain(w)
    assert.same({ 's: escalated 0', '1 s/a: collateral of nobody',
      '2 s/a: exited collateral', '1 s/b: collateral of nobody' },
      { lines[1]:sub(3), unpack(lines, 2, 4) })
  end)
end)

describe('a supervisor', function()
  it('that is killed without being asked has broken no limit', function()
    local w = world(supervisor 'r' {
      supervisor 's' { shutdown = -1e-9, worker 'x' {} },
    })
    w:tell('STOP', 's', {})
    w:advance(1)
    assert.same({ 's: stop hold', 'INTERRUPT s/x', 's/x: exited interrupted expected',
      's: exited ok expected' }, w:take())
  end)
end)

describe('a transition', function()
  local function moving(limit)
    local w = world(supervisor 'r' { worker 'a' { restart = 'temporary', life = {
      { 'one', on = { { 'e', 3 }, { 'go', 1 } } },
      { 'two', heartbeat = 2, ready = true, on = { { 'e', 3 }, { 'go', 2, limit } } },
      { 'ok', ends = 1 }, { 'bad', ends = 2 },
    } } })
    w.silent.a = w.now
    w:tell('BEGIN', 'a', { a = 1 })
    w:advance(1.9)
    assert.same({}, w:take 'violation')
    w:advance(5)
    return w:take 'violation'
  end

  it('with a limit of its own may be silent for longer than its state', function()
    assert.same({ 'a: violation transition 4' }, moving(4))
    assert.same({ 'a: violation transition 2.5' }, moving(2.5))
  end)

  it('without one may not', function()
    assert.same({ 'a: violation heartbeat 2' }, moving(nil))
  end)
end)
