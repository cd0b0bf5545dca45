-- Time that the host lost.

local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command

local function world(...)
  local w = World.new(supervisor 'r' { ... })
  w:take()
  return w
end

describe('a host that is late again and again', function()
  it('catches in time who is dead all the while', function()
    local w = world(worker 'a' { life = {
      { 'one', on = { { 'error', 3 }, { 'go', 1 } } },
      { 'two', ready = true, heartbeat = 60, on = { { 'end', 2 } } },
      { 'ok', ends = 1 }, { 'bad', ends = 2 },
    } }, command 'b' { heartbeat = 0.3 })
    w.silent.a = w.now
    local from = w.now
    while not w:take('violation')[1] do
      w:advance(0.35)
      w.now = w.now + 0.3 -- nobody was woken meanwhile
      w:pump()
      assert.is_true(w.now < from + 60 * 0.65 / 0.4, 'not found')
    end
    assert.is_true(w.now >= from + 60)
  end)

  it('a hundred times in a row, too, after a long time of peace', function()
    local w = world(worker 'a' { life = {
      { 'one', on = { { 'error', 3 }, { 'go', 1 } } },
      { 'two', ready = true, heartbeat = 60, on = { { 'end', 2 } } },
      { 'ok', ends = 1 }, { 'bad', ends = 2 },
    } }, command 'b' { heartbeat = 0.05 })
    w.silent.a = w.now
    local from = w.now
    w:advance(55)
    for _ = 1, 100 do
      w:advance(0.06)
      w.now = w.now + 0.07 -- nobody was woken meanwhile
      w:pump()
    end
    while not w:take('violation')[1] do
      w:advance(0.1)
      assert.is_true(w.now < from + 80, 'not found')
    end
    assert.is_true(w.now >= from + 60)
  end)
end)
