local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

local function world(tree)
  local w = World.new(tree)
  w:take()
  return w
end

local function tree_with(times, fields)
  fields.life = {
    { 'one', on = { { 'e', 3 }, { 'go', 1, times.edge } } },
    { 'two', heartbeat = times.beat, timeout = times.stay, ready = true,
      on = { { 'e', 3 }, { 'go', 2, times.edge } } },
    { 'ok', ends = 1 }, { 'bad', ends = 2 },
  }
  return supervisor 'r' { worker 'a'(fields) }
end

describe('a reload of limits', function()
  it('counts a limit that it brings from then on, others as before', function()
    for constraint, times in pairs { heartbeat = { beat = 3 }, timeout = { stay = 3 } }
    do
      local w = world(tree_with({ beat = 100, stay = 100 }, {}))
      w.silent.a = w.now
      w:advance(50)
      for key, old in pairs { beat = 100, stay = 100 } do
        times[key] = times[key] or old
      end
      w:apply(tree_with(times, {}))
      w:advance(2.9)
      assert.same({}, w:take 'violation')
      w:advance(0.2)
      assert.same({ 'a: violation ' .. constraint .. ' 3' }, w:take 'violation')
    end
    local w = world(tree_with({ beat = 60, stay = 100 }, {}))
    w.silent.a = w.now
    w:advance(50)
    w:apply(tree_with({ beat = 60, stay = 200 }, {}))
    w:advance(10.1)
    assert.same({ 'a: violation heartbeat 60' }, w:take 'violation')
  end)
  it('counts a new limit of a transition, a launch, a stop, a turn likewise', function()
    local w = world(tree_with({ edge = 50 }, {}))
    w:tell('BEGIN', 'a', { a = 1 })
    w:advance(20)
    w:apply(tree_with({ edge = 2 }, {}))
    w:advance(1.9)
    assert.same({}, w:take 'violation')
    w:advance(0.2)
    assert.same({ 'a: violation transition 2' }, w:take 'violation')
    w.mute.a = { start = true, ask = true, interrupt = true }
    w:exit('a', 'error')
    w:advance(9)
    w:apply(tree_with({ edge = 2 }, { launch = 4 }))
    w:advance(3.9)
    assert.same({}, w:take 'violation')
    w:advance(0.2)
    w:exit('a', 'interrupted')
    assert.same({ 'a: violation launch 4' }, w:take ': violation')
    w:tell('STOP', 'a', {})
    w:advance(3.5)
    w:apply(tree_with({ edge = 2 }, { launch = 10, shutdown = 3 }))
    w:advance(2.9)
    assert.same({}, w:take 'INTERRUPT')
    w:advance(0.2)
    assert.same({ 'INTERRUPT a' }, w:take 'INTERRUPT')
    w = world(tree_with({}, { stall = 50 }))
    w.runs = { 'a', w.now }
    w:advance(20)
    w:apply(tree_with({}, { stall = 2 }))
    w:advance(1.9)
    assert.same({}, w:take 'INTERRUPT')
    w:advance(0.2)
    assert.same({ 'INTERRUPT a' }, w:take 'INTERRUPT')
  end)
  it('may shorten a stop without end', function()
    local w = world(tree_with({}, { shutdown = math.huge }))
    w.mute.a = { ask = true }
    w:tell('STOP', 'a', {})
    w:advance(1000)
    w:apply(tree_with({}, { shutdown = 1 }))
    w:take()
    w:advance(1.01)
    assert.same({ 'INTERRUPT a' }, w:deeds())
  end)
end)
