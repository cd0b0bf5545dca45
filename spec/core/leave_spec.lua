-- Whose data is asked for, and which incarnation it is given to.
local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

local function tree(identity, fields)
  fields = fields or {}
  fields.version = identity
  return supervisor 'r' { max = 20, worker 'a' (fields), worker 'b' {} }
end

local function world(fields)
  local w = World.new(tree(1, fields))
  w:take()
  return w
end

local function forgets(w)
  local count = 0
  for _, action in ipairs(w.actions) do
    if action == 'forget a' then count = count + 1 end
  end
  return count
end

describe('a worker that a reload restarts', function()
  it('is asked for its data, and the next has it until it is ready', function()
    local w = world()
    w:apply(tree(2))
    assert.same({ true, true, 1 }, { w.wanted.a, w.given.a, forgets(w) })
    assert.is_nil(w.wanted.b)
    w:exit('a', 'error')
    assert.is_false(w.given.a)
  end)

  it('that is not ready leaves it to the next try, and to that one\'s', function()
    local w = world()
    w.mute.a = { start = 'launch' }
    w:apply(tree(2))
    assert.is_true(w.given.a)
    for _ = 1, 3 do
      w.given.a = nil
      w:exit('a', 'launch')
      assert.is_true(w.given.a)
    end
    assert.equal(0, forgets(w))
    w.mute.a = nil
    w:exit('a', 'launch')
    assert.equal(1, forgets(w))
    w:exit('a', 'error')
    assert.is_false(w.given.a)
  end)

  it('and that fails or is killed on its way down leaves none', function()
    for _, why in ipairs { 'error', 'exception', 'killed' } do
      local w = world()
      w.mute.a = { ask = true }
      w:apply(tree(2))
      w:exit('a', why)
      assert.is_false(w.given.a, why)
    end
  end)

  it('and that has to be killed leaves none', function()
    local w = world { shutdown = 1 }
    w.mute.a = { ask = true }
    w:apply(tree(2, { shutdown = 1 }))
    w.mute.a = nil
    w:advance(3)
    assert.is_false(w.given.a)
    assert.equal(1, w:view('a').inc)
  end)

  it('keeps it over an operator\'s stop', function()
    local w = world()
    w.mute.a = { ask = true }
    w:apply(tree(2))
    w:tell('STOP', 'a')
    w:exit 'a'
    assert.equal('stopped', w:health 'a')
    w.mute.a = nil
    w:tell('START', 'a')
    assert.is_true(w.given.a)
  end)
end)

describe('nobody is asked for data', function()
  it('by an operator, a strategy, a removal', function()
    local w = world()
    w:tell('RESTART', 'a')
    assert.same({ false, false }, { w.wanted.a, w.given.a })
    w:tell('STOP', 'a')
    assert.is_false(w.wanted.a)
    w = World.new(supervisor 'r' { strategy = 'one_for_all', worker 'a' {},
      worker 'b' {} })
    w:exit('b', 'error')
    assert.same({ false, false }, { w.wanted.a, w.given.a })
    w:apply(supervisor 'r' { worker 'b' {} })
    assert.is_false(w.wanted.a)
  end)

  it('but for those below a supervisor that a reload restarts', function()
    local function nested(identity)
      return supervisor 'r' {
        supervisor 's' { isolate = true, version = identity, worker 'a' {} },
      }
    end
    local w = World.new(nested(1))
    w:apply(nested(2))
    assert.same({ true, true }, { w.wanted['s/a'], w.given['s/a'] })
  end)
end)

describe('a root on trial', function()
  local function give_up(on)
    local w = World.new(supervisor 'r' { max = 0, worker 'a' {} })
    lib.C.rs_core_trial(w.core, on)
    w:take()
    w:exit('a', 'error')
    return w
  end

  it('that gives up begins anew, and by the plan that holds then', function()
    local w = give_up(true)
    assert.equal('healthy', w:health 'a')
    assert.equal('healthy', w:health 'r')
    assert.is_true(w:apply(supervisor 'r' { max = 3, worker 'a' {} }))
    assert.same({}, w:take '^END')
  end)

  it('that is on trial no more ends the host', function()
    assert.same({ 'END r 1' }, give_up(false):take '^END')
  end)

  it('takes a plan while its children are still on their way down', function()
    local w = World.new(supervisor 'r' { max = 0, worker 'a' {}, worker 'b' {} })
    w.mute.b = { ask = true }
    lib.C.rs_core_trial(w.core, true)
    w:exit('a', 'error')
    assert.is_true(w:apply(supervisor 'r' { max = 3, worker 'a' {}, worker 'b' {} }))
    w.mute.b = nil
    w:exit 'b'
    assert.same({ 'healthy', 'healthy' }, { w:health 'a', w:health 'b' })
  end)
end)

describe('the entry of a reload', function()
  it('names its cause, once', function()
    local w = world()
    lib.C.rs_core_because(w.core, 3, 55, lib.time(30))
    w:take()
    w:apply(tree(1))
    local e = w.entries[1]
    assert.same({ 3, 55, 30e9 }, { tonumber(e.cause), tonumber(e.text), tonumber(e.y) })
    w:take()
    w:apply(tree(1))
    assert.equal(0, tonumber(w.entries[1].cause))
  end)
end)
