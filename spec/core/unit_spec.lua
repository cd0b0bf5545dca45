local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command
local time = lib.time

local function world(first, ...)
  local w = World.new(supervisor 'r'(first.name and { first, ... } or first))
  w:take()
  return w
end

describe('a worker', function()
  it('whose heartbeat stops is interrupted, then killed, then charged', function()
    local w = world(worker 'a' { backend = 'process' })
    w.silent.a = w.now + 1
    w:advance(1)
    w:advance(1.9)
    assert.same({}, w:take())
    w.mute.a = { interrupt = true }
    w:advance(0.15)
    assert.same({ 'INTERRUPT a' }, w:take())
    assert.equal('lingering', w:health 'a')
    w:advance(0.1)
    assert.same({
      'a: violation heartbeat 2', 'a: killed violation', 'KILL a', 'a: exited killed',
      'a: restart failed charged 0', 'START a', 'a: started', 'a: state 0',
        'a: state 1', 'a: ready',
    }, w:take())
  end)
  it('that an interrupt ends says where it was', function()
    local w = world(worker 'a' {})
    w.silent.a = w.now
    w:advance(2.05)
    local e = w.entries[1]
    assert.equal(77, tonumber(e.text))
    assert.equal(2e9, tonumber(e.y))
    local log = w:take()
    assert.same({ 'INTERRUPT a', 'a: violation heartbeat 2', 'a: exited interrupted',
      'a: restart failed charged 0' }, { log[1], log[2], log[3], log[4] })
  end)
  it('does not pay for time in which it could not run', function()
    local w = world(worker 'a' {})
    w.silent.a, w.lost.a = w.now, 1.5
    w:advance(3.4)
    assert.same({}, w:deeds())
    w:advance(0.2)
    assert.equal('INTERRUPT a', w:deeds()[1])
  end)
  it('has its interrupt wait while it cannot run, but not for ever', function()
    local w = world(worker 'a' { backend = 'process' })
    w.silent.a = w.now
    w.mute.a = { interrupt = true }
    w:advance(2.05)
    assert.same({ 'INTERRUPT a' }, w:deeds())
    w.lost.a = 0.3 -- since the interrupt, which was at 2 s
    w:advance(0.34)
    assert.same({}, w:deeds())
    w:advance(0.02)
    assert.equal('KILL a', w:deeds()[1])

    w.silent.a, w.lost.a = w.now, nil
    w:advance(2.05)
    assert.same({ 'INTERRUPT a' }, w:deeds())
    w.lost.a = 1e6
    w:advance(2.04)
    assert.same({}, w:deeds())
    w:advance(0.03)
    assert.equal('KILL a', w:deeds()[1])
  end)
  it('whose interrupt is out in time is not killed, however late it is', function()
    local w = world(worker 'a' {})
    w.silent.a = w.now
    w.mute.a = { interrupt = true }
    w:advance(2.05)
    w.lost.a = 1
    w:advance(0.5)
    w:exit('a', 'interrupted')
    assert.same({}, w:take 'KILL')
    assert.same({}, w:take 'killed')
  end)
  it('that waits ever more is looked at now and then', function()
    local w = world(worker 'a' { backend = 'process' })
    w.silent.a = w.now
    w.mute.a = { interrupt = true, look = true }
    w:advance(2.01)
    w:feed('SEEN', 'a', { at = lib.time(w.silent.a), x = 0 })
    w:pump()
    w:take()
    local struck, looks = w.now, 0
    w:advance(0.1)
    while w:view('a').life == lib.C.RS_LIFE_INTERRUPTED and looks < 1000 do
      looks = looks + 1 -- it had no more than 99.999 ms of all that
      w:tell('SEEN', 'a', { x = lib.time(w.now - struck - 0.099999) })
      w:advance(0.01)
    end
    assert.equal('KILL a', w:deeds()[1])
    assert.is_true(looks > 100 and looks < 250)
    assert.is_true(w.now - struck < 2.2)
  end)
  it('has limits for its first state, a transition and a stay', function()
    local w = world(worker 'a' {})
    w.mute.a = { start = true }
    w:exit('a', 'error')
    w:advance(10.05)
    assert.same({ 'a: violation launch 10' }, w:take 'violation')
    w.mute.a = nil
    w:exit('a', 'error')
    w:take()
    w:tell('BEGIN', 'a', { a = 1 })
    w:advance(1.01)
    assert.same({ 'a: violation transition 1' }, w:take 'violation')
    w:tell('BEGIN', 'a', { a = 1 })
    w:tell('ENTER', 'a', { a = 2 })
    w:take()
    w:advance(9.9)
    assert.same({}, w:take())
    w:advance(0.2)
    assert.same({ 'a: violation timeout 10' }, w:take 'violation')
  end)
  it('may begin its error edge in the middle of another transition, once', function()
    local life = {
      { 'first', on = { { 'error', 2 }, { 'go', 1 } } },
      { 'second', on = { { 'done', 3, 1 }, { 'error', 2, 3 }, { 'other', 3 } } },
      { 'failing', on = { { 'told', 3 } } },
      { 'over', ends = 2 },
    }
    local w = world(worker 'a' { life = life })
    w:tell('BEGIN', 'a', { a = 0 })
    w:advance(0.9)
    w:tell('BEGIN', 'a', { a = 1 })
    w:advance(2.9) -- the limit is that edge's now
    w:tell('ENTER', 'a', { a = 2 })
    assert.same({ 'a: state 2' }, w:take())
    for _, again in ipairs { 1, 2 } do
      w = world(worker 'a' { life = life })
      w:tell('BEGIN', 'a', { a = 1 })
      w:tell('BEGIN', 'a', { a = again })
      assert.same({ 'a: violation protocol 0' }, w:take 'violation')
    end
  end)
  it('that sends what it cannot is ended for it', function()
    for _, bad in ipairs {
      { 'BEGIN', 7 }, { 'BEGIN', 0xffffffff }, { 'ENTER', 1 }, { 'ENTER', 99 },
        { 'EXIT', 0 },
      { 'EXIT', 7 }, { 'EXIT', 99 }, { 'EXTEND', 0 }, { 'TERMINATING', 0 },
        { 'PROTOCOL', 0 }, { 'READY', 0 },
    } do
      local w = world(worker 'a' {})
      w:tell(bad[1], 'a', { a = bad[2] })
      assert.same({ 'a: violation protocol 0', 'INTERRUPT a', 'a: exited interrupted' },
        { unpack(w:take(), 1, 3) })
    end
  end)
  it('is not heard in the name of another incarnation', function()
    local w = world(worker 'a' {})
    w:exit('a', 'error')
    w:take()
    for _, kind in ipairs { 'STARTED', 'BEGIN', 'ENTER', 'READY', 'EXIT', 'PROTOCOL',
      'SEEN',
      'VERDICT' } do
      w:tell(kind, 'a', { inc = 0, a = 1 })
      w:tell(kind, 'a', { inc = 2, a = 1 })
    end
    assert.same({}, w:take())
  end)
  it('may end before its start was confirmed', function()
    local w = world(worker 'a' {})
    w.mute.a = { start = true }
    w:exit('a', 'error')
    w:take()
    w:exit('a', 'launch')
    assert.same({ 'a: exited launch', 'a: restart failed charged 0', 'START a' },
      w:take())
  end)
  it('that a probe finds bad has failed', function()
    local w = world(worker 'a' {})
    w:tell('VERDICT', 'a', { b = 1 })
    assert.same({}, w:take())
    w:tell('VERDICT', 'a', { b = 0, text = 5 })
    assert.equal('a: violation probe 0', w:take()[1])
  end)
end)

describe('a worker that is asked to stop', function()
  local function asked(fields)
    local w = world(worker 'a' (fields or { backend = 'process' }), worker 'z' {})
    w.mute.a = { ask = true, interrupt = true }
    w:tell('STOP', 'a', {})
    w:take()
    return w
  end
  it('has its heartbeat to begin a transition, though it beats', function()
    local w = asked()
    w:advance(1.95)
    assert.same({}, w:deeds())
    w:advance(0.1)
    assert.same({ 'INTERRUPT a' }, w:deeds())
    w:advance(0.1)
    assert.same({ 'a: violation heartbeat 2', 'a: killed violation', 'KILL a',
      'a: exited killed expected' }, w:take())
    assert.equal('stopped', w:health 'a')
  end)
  it('lives as usual in the states after that', function()
    local w = asked()
    w:advance(1.9)
    w:tell('BEGIN', 'a', { a = 1 })
    w:tell('ENTER', 'a', { a = 2 })
    w:advance(3)
    assert.same({}, w:deeds())
    w:advance(0.11)
    assert.same({ 'INTERRUPT a' }, w:deeds())
    w:advance(0.1)
    assert.same({ 'a: violation shutdown 5', 'a: killed shutdown' },
      { unpack(w:take '^a', 1, 2) })
  end)
  it("is not asked where shutdown = 'kill'", function()
    local w = world(worker 'a' { backend = 'process', shutdown = 'kill' })
    w:tell('STOP', 'a', {})
    assert.same({ 'a: stop hold', 'INTERRUPT a', 'a: exited interrupted expected' },
      w:take())
  end)
  it('may take for ever where it says so', function()
    local w = asked { shutdown = math.huge, life = {
      { 'one', on = { { 'error', 3 }, { 'go', 1 } } }, { 'two', ready = true,
        on = { { 'end', 2 } } },
      { 'ok', ends = 1 }, { 'bad', ends = 2 },
    } }
    w:advance(100000)
    assert.same({}, w:deeds())
  end)
end)

describe('a command', function()
  it('is ready when it says so, or violates launch', function()
    local w = World.new(supervisor 'r' { command 'c' { launch = 3 } })
    w:take()
    assert.equal(1, w:view('c').ready)
    w.mute.c = { start = 'launch' }
    w:exit('c', 'error')
    w:advance(2.9)
    w:take()
    w:advance(0.2)
    assert.same({ 'c: violation launch 3', 'c: killed violation', 'KILL c' },
      { unpack(w:take(), 1, 3) })
  end)
  it('is killed at once when its watchdog is silent, or its stop takes too long',
    function()
    local w = world(command 'c' { heartbeat = 1, shutdown = 2 })
    w.silent.c = w.now
    w:advance(1.05)
    assert.same({ 'c: violation heartbeat 1', 'c: killed violation', 'KILL c' },
      { unpack(w:take(), 1, 3) })
    w.silent.c = nil
    w.mute.c = { ask = true }
    w:tell('STOP', 'c', {})
    w:take()
    w:tell('EXTEND', 'c', { x = time(4) })
    w:advance(3.9)
    assert.same({}, w:take())
    w:advance(0.2)
    assert.same({ 'c: violation shutdown 2', 'c: killed shutdown', 'KILL c',
      'c: exited killed expected' }, w:take())
  end)
  it('gets no time without end, and is not ready again once it ends', function()
    local w = world(command 'c' { shutdown = 2 })
    w.mute.c = { ask = true, start = 'launch' }
    w:tell('STOP', 'c', {})
    w:tell('EXTEND', 'c', { x = lib.NEVER - 1 })
    w:take()
    w:advance(2.1)
    assert.same({ 'KILL c' }, w:deeds())
    w:tell('START', 'c', {})
    w:tell('TERMINATING', 'c', {})
    w:tell('READY', 'c', {})
    assert.same({ 0, 2 }, { w:view('c').ready, w:view('c').state })
  end)
  it('is terminating from its stop on, and crashed until it starts again', function()
    local STARTING, RUNNING, TERMINATING, STOPPED, CRASHED = 0, 1, 2, 3, 4
    local w = World.new(supervisor 'r' { backoff = { first = 5 }, command 'c' {} })
    w.mute.c = { ask = true, start = 'launch' }
    assert.equal(RUNNING, w:view('c').state)
    w:tell('STOP', 'c', {})
    assert.equal(TERMINATING, w:view('c').state)
    w:exit('c', 'signal', { b = 15 })
    assert.equal(STOPPED, w:view('c').state)
    w:tell('START', 'c', {})
    assert.equal(STARTING, w:view('c').state)
    w:exit('c', 'error')
    assert.equal(CRASHED, w:view('c').state)
    w:advance(5)
    assert.equal(STARTING, w:view('c').state)
  end)
  it('that ends by itself has its shutdown for that', function()
    local w = world(command 'c' { heartbeat = 1, shutdown = 2 })
    w:tell('TERMINATING', 'c', {})
    assert.equal(2, w:view('c').state)
    w.silent.c = w.now
    w:advance(1.9)
    assert.same({}, w:take())
    w:exit('c', 'ok')
    assert.equal('completed', w:health 'c')
    assert.equal(3, w:view('c').state)
  end)
end)

describe('a VM', function()
  it('in which one worker runs for too long costs that worker', function()
    local w = world(worker 'a' { stall = 2 }, worker 'b' { stall = 2 })
    w.runs = { 'b', w.now }
    w:advance(1.9)
    assert.same({}, w:deeds())
    w:advance(0.2)
    assert.same({ 'INTERRUPT b' }, { w:deeds()[1] })
  end)
  it('that runs none of its workers is looked at again', function()
    local w = world { worker 'a' { stall = 2 } }
    w.busy = true -- it rings only when it has been idle
    w:advance(2)
    w.busy, w.runs = false, { 'a', w.now }
    w:advance(2.1)
    assert.same({ 'a: violation stall 2' }, w:take 'violation')
  end)
  it('that is idle is not looked at until it runs', function()
    local w = world(worker 'a' { stall = 2 })
    w:advance(2.1)
    w.actions = {}
    w:advance(50)
    for _, action in ipairs(w.actions) do assert.is_not.equal('look_vm r', action) end
    w.runs = { 'a', w.now }
    w:tell('VM_RUNS', 'r', { a = 0 })
    w:advance(2.1)
    assert.same({ 'INTERRUPT a' }, { w:deeds()[1] })
  end)
  it('of a worker alone is watched where it has a limit', function()
    local w = world(worker 'a' { stall = 1, backend = 'process' },
      worker 'b' { backend = 'thread' })
    w.runs = { 'a', w.now }
    w:advance(1.1)
    assert.same({ 'INTERRUPT a' }, { w:deeds()[1] })
  end)
end)

describe('a host that was late', function()
  it('moves all deadlines and looks before it judges', function()
    local w = world { backoff = { first = 4 }, worker 'a' {}, worker 'b' {} }
    w:exit('b', 'error')
    w:take()
    w.silent.a = w.now
    w.now = w.now + 60
    w:pump()
    assert.same({}, w:deeds())
    w.silent.a = w.now
    w:advance(1.9)
    assert.same({}, w:deeds())
    w:advance(3)
    assert.same({ 'INTERRUPT a' }, { w:deeds()[1] })
  end)
end)
