-- A worker's last state: what is left of its life, and for how long.

local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

local function world(...)
  local w = World.new(supervisor 'r' { ... })
  w:take()
  return w
end

describe('a worker in its last state', function()
  local function over(fields)
    local w = world(worker 'a' {
      restart = 'temporary', shutdown = fields.shutdown,
      life = {
        { 'one', on = { { 'error', 3 }, { 'go', 1 } } },
        { 'two', ready = true, on = { { 'end', 2 } } },
        { 'ok', ends = 1 }, { 'bad', ends = 2 },
      },
    })
    w:tell('BEGIN', 'a', { a = 0 })
    w:tell('ENTER', 'a', { a = 2 })
    w:take()
    return w
  end
  it('has its shutdown for what is left to do', function()
    local w = over { shutdown = 2 }
    w.silent.a = w.now
    w:advance(1.9)
    assert.same({}, w:take())
    w:advance(0.2)
    assert.same({ 'INTERRUPT a', 'a: violation shutdown 2', 'a: exited interrupted' },
      w:take())
  end)
  it('ends as it says in time', function()
    local w = over { shutdown = 2 }
    w:exit('a', 'ok')
    assert.equal('completed', w:health 'a')
    w:advance(10)
    assert.same({}, w:take 'violation')
  end)
  it('that has no time to stop takes what it needs', function()
    local w = over { shutdown = 0 }
    w.silent.a = w.now
    w:advance(100)
    assert.same({}, w:take())
  end)
end)
