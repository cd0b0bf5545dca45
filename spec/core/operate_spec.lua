local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command

describe('a stop', function()
  it('wins between start and its confirmation, and keeps each reason', function()
    local w = World.new(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w.mute.a = { start = true, ask = true }
    w.mute.b = { ask = true }
    w:exit('a', 'error')
    w:take()
    w:tell('SHUTDOWN', 'r', {})
    w:exit('a', 'error')
    w:exit('b', 'exception')
    assert.same({ 'ASK b', 'ASK a', 'a: exited error expected',
      'b: exited exception expected',
      'r: exited ok expected', 'END r 0' }, { unpack(w:take(), 2) })
  end)
  it('that takes a supervisor too long kills what is below', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { shutdown = 1, worker 'a' { backend = 'process',
        shutdown = 60 } },
    })
    w.mute['s/a'] = { ask = true, interrupt = true }
    w:tell('BEGIN', 's/a', { a = 1 })
    w:tell('ENTER', 's/a', { a = 2 })
    w:take()
    w:tell('STOP', 's', {})
    w:advance(1.01)
    assert.same({ 's: violation shutdown 1', 's: killed shutdown', 'INTERRUPT s/a' },
      { unpack(w:take(), 3) })
    w:advance(0.1)
    assert.same({ 's/a: killed shutdown', 'KILL s/a', 's/a: exited killed expected',
      's: exited ok expected' }, w:take())
  end)
  it('given twice kills all at once, status 1', function()
    local w = World.new(supervisor 'r' {
      worker 'a' { backend = 'process' },
        supervisor 's' { worker 'b' { backend = 'process' } },
    })
    w.mute.a, w.mute['s/b'] = { ask = true }, { ask = true }
    w:tell('SHUTDOWN', 'r', {})
    w:take()
    w:tell('SHUTDOWN', 'r', { a = 1 })
    local deeds = w:deeds()
    table.sort(deeds)
    assert.same({ 'END r 1', 'KILL a', 'KILL s/b' }, deeds)
  end)
  it('given twice kills who is killed and tidies up, without more ado', function()
    local w = World.new(supervisor 'r' { command 'c' { shutdown = 1 } })
    w.mute.c = { ask = true, kill = true }
    w:tell('SHUTDOWN', 'r', {})
    w:advance(1.1)
    w:take()
    w:tell('SHUTDOWN', 'r', { a = 1 })
    w:tell('SHUTDOWN', 'r', { a = 1 })
    assert.same({ 'r: stop hold', 'c: killed now', 'KILL c', 'r: stop hold' },
      w:take())
    w:exit('c', 'killed', { b = 9 })
    assert.same({ 'END r 1' }, w:deeds())
  end)
  it('leaves no memory behind', function()
    local C = require('spec.core.support.lib').C
    local before = tonumber(C.rs_spec_bytes)
    local a = worker 'a' { own = { max = 2 }, stall = 1, backend = 'thread' }
    local w = World.new(supervisor 'r' {
      supervisor 's' { a },
      worker 'b' { after = { 's' } },
    })
    w:tell('SHUTDOWN', 'r', {})
    w:free()
    assert.equal(before, tonumber(C.rs_spec_bytes))
  end)
end)

describe('an operator', function()
  local function world()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all', worker 'a' {},
      worker 'b' {} })
    w:take()
    return w
  end
  it('restarts one unit, uncharged', function()
    local w = world()
    w:tell('RESTART', 'a', {})
    assert.same({ 'a: stop', 'ASK a', 'a: exited ok expected', 'a: restart operator 0',
      'START a' },
      { unpack(w:take(), 1, 5) })
  end)
  it('holds a unit across a restart of its siblings', function()
    local w = world()
    w:tell('STOP', 'b', {})
    assert.equal('stopped', w:health 'b')
    w:exit('a', 'error')
    assert.same({ 'ASK b', 'START a' }, w:deeds())
    w:tell('START', 'b', {})
    assert.same({ 'START b' }, w:deeds())
  end)
  it('may start again what still stops', function()
    local w = world()
    w.mute.b = { ask = true }
    w:tell('STOP', 'b', {})
    w:tell('START', 'b', {})
    w:take()
    w:exit('b', 'error')
    assert.same({ 'START b' }, w:deeds())
  end)
  it('may start a supervisor again that still stops: uncharged, not completed',
    function()
    for _, restart in ipairs { 'transient', 'permanent', 'temporary' } do
      local w = World.new(supervisor 'r' { max = 0,
        supervisor 's' { restart = restart, worker 'x' {} } })
      w.mute['s/x'] = { ask = true }
      w:tell('STOP', 's', {})
      w:tell('START', 's', {})
      w:take()
      w:exit('s/x', 'ok')
      assert.same({ 's/x: exited ok expected', 's: exited ok expected', 's: started',
        'START s/x' }, { unpack(w:take(), 1, 4) })
    end
  end)
  it('may start a temporary one that a strategy takes down', function()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all', worker 'a' {},
      worker 't' { restart = 'temporary' } })
    w.mute.t = { ask = true }
    w:exit('a', 'error')
    w:tell('START', 't', {})
    w:take()
    w:exit('t', 'ok')
    assert.same({ 'START a', 'START t' }, w:deeds())
  end)
  it('kills: the strategy follows, uncharged', function()
    local w = World.new(supervisor 'r' { max = 0, worker 'a' { backend = 'process' } })
    w.mute.a = { interrupt = true }
    w:take()
    w:tell('KILL', 'a', {})
    w:advance(0.1)
    assert.same({ 'a: stop', 'INTERRUPT a', 'a: killed operator', 'KILL a',
      'a: exited killed',
      'a: restart operator 0', 'START a' }, { unpack(w:take(), 1, 7) })
  end)
  it('kills a supervisor with all below', function()
    local w = World.new(supervisor 'r' { supervisor 's' { worker 'a' {},
      worker 'b' {} } })
    w:take()
    w:tell('KILL', 's', {})
    assert.same({ 'INTERRUPT s/b', 'INTERRUPT s/a', 'START s/a', 'START s/b' },
      w:deeds())
  end)
end)

describe('shutdown', function()
  local function deeds(unit, fields)
    local w = World.new(supervisor 'r' { supervisor 's'(fields or { unit }) })
    w:advance(1)
    w.mute['s/a'] = { ask = true }
    w:take()
    w:tell('STOP', 's', {})
    w:advance(0.1)
    return w:deeds()
  end
  it('of 0 asks and ends at once', function()
    assert.same({ 'ASK s/a', 'INTERRUPT s/a' }, deeds(worker 'a' { shutdown = 0 }))
    assert.same({ 'ASK s/a', 'KILL s/a' }, deeds(command 'a' { shutdown = 0 }))
    assert.same({ 'ASK s/a', 'INTERRUPT s/a' },
      deeds(nil, { shutdown = 0, worker 'a' { shutdown = 60 } }))
  end)
  it("of 'kill' does not ask", function()
    assert.same({ 'INTERRUPT s/a' }, deeds(worker 'a' { shutdown = 'kill' }))
    assert.same({ 'KILL s/a' }, deeds(command 'a' { shutdown = 'kill' }))
    assert.same({ 'INTERRUPT s/a' }, deeds(nil, { shutdown = 'kill', worker 'a' {} }))
  end)
  it('of a supervisor is for ever unless it says so; its children have theirs',
    function()
    local w = World.new(supervisor 'r' { supervisor 's' {
      command 'a' { shutdown = math.huge }, command 'b' { shutdown = 3 } } })
    w.mute['s/a'], w.mute['s/b'] = { ask = true }, { ask = true }
    w:take()
    w:tell('STOP', 's', {})
    w:advance(100000)
    assert.same({ 'ASK s/b', 'ASK s/a', 'KILL s/b' }, w:deeds())
  end)
  it('of a worker not up yet ends it, too', function()
    local w = World.new(supervisor 'r' { worker 'a' {} })
    w.mute.a = { start = true, ask = true }
    w:exit('a', 'error')
    w:take()
    w:tell('STOP', 'a', {})
    w:advance(4.9)
    assert.same({ 'ASK a' }, w:deeds())
    w:advance(0.2)
    assert.same({ 'INTERRUPT a' }, w:deeds())
    assert.equal('stopped', w:health 'a')
  end)
end)

describe('a hold', function()
  it('given and lifted in a pass: the pass goes on', function()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all', ordered = true,
      worker 'a' {}, worker 'b' {}, worker 'c' {} })
    w.mute.c = { ask = true }
    w:exit('b', 'error')
    w:tell('STOP', 'a', {})
    w:tell('START', 'a', {})
    w:take()
    w:exit('c', 'ok')
    assert.same({ 'ASK a', 'START a', 'START b', 'START c' }, w:deeds())
  end)
  it('given before a pass and lifted in it likewise', function()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all',
      worker 'a' {}, worker 'b' { after = { 'a' } }, worker 'c' {} })
    w.mute.b = { ask = true }
    w:tell('RESTART', 'b', {})
    w:tell('STOP', 'a', {})
    w:exit('c', 'error')
    w:tell('START', 'a', {})
    w:take()
    w:exit('b', 'ok')
    assert.same({ 'ASK a', 'START a', 'START c', 'START b' }, w:deeds())
  end)
  it('outlasts restarts of its supervisor, and ends a wait for backoff', function()
    local w = World.new(supervisor 'r' { supervisor 's' { max = 0,
      worker 'a' {}, worker 'b' {} }, supervisor 't' {
        backoff = { first = 9 }, worker 'c' {} } })
    w:tell('STOP', 's/b', {})
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 'START s/a' }, w:deeds())
    assert.equal('stopped', w:health 's/b')
    w:exit('t/c', 'error')
    w:tell('STOP', 't/c', {})
    w:advance(20)
    assert.same({}, w:deeds())
    w:tell('START', 't/c', {})
    assert.same({ 'START t/c' }, w:deeds())
  end)
  it('ends the wait of those that were to wait as long', function()
    local ends = { 'START', 'STOP', 'RESTART' }
    local want = { { 'START a', 'START b' }, { 'START b' }, { 'START a', 'START b' } }
    for i, word in ipairs(ends) do
      local w = World.new(supervisor 'r' { strategy = 'one_for_all', max = 9,
        backoff = { first = 9 }, worker 'a' {}, worker 'b' {}, worker 'c' {} })
      w:tell('STOP', 'c', {})
      w:exit('a', 'error')
      w:take()
      w:tell(word, 'a', {})
      assert.same(want[i], w:deeds())
    end
  end)
  it('of one that waits for another leaves that one waiting', function()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all',
      backoff = { first = 9 }, worker 'a' {}, worker 'b' {}, worker 'c' {} })
    w:exit('a', 'error')
    w:take()
    w:tell('START', 'b', {})
    assert.same({ 'START b' }, w:deeds())
    w:advance(9.1)
    assert.same({ 'START a', 'START c' }, w:deeds())
  end)
  it('of a supervisor is that of all below', function()
    local w = World.new(supervisor 'r' { strategy = 'one_for_all',
      supervisor 's' { worker 'x' {} }, worker 'a' {} })
    w:tell('STOP', 's', {})
    w:take()
    w:exit('a', 'error')
    w:tell('START', 's/x', {})
    assert.same({ 'START a' }, w:deeds())
    w:tell('START', 's', {})
    assert.same({ 'START s/x' }, w:deeds())
  end)
end)
