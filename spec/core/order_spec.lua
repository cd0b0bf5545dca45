local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

describe('after', function()
  local function tree()
    return supervisor 'r' {
      worker 'web' { after = { 'db', 'cache' } }, worker 'db' {},
        worker 'cache' { after = { 'db' } },
      worker 'else' {},
    }
  end
  it('orders starts, and stops in reverse', function()
    local w = World.new(tree())
    assert.same({ 'START db', 'START else', 'START cache', 'START web' }, w:deeds())
    w.mute.web = { ask = true }
    w:tell('SHUTDOWN', 'r', {})
    assert.same({ 'ASK else', 'ASK web' }, w:deeds())
    w:exit('web', 'ok')
    assert.same({ 'ASK cache', 'ASK db', 'END r 0' }, w:deeds())
  end)
  it('waits for readiness, and says for whom', function()
    local w = World.new(supervisor 'r' { worker 'a' { after = { 'b' } },
      worker 'b' {} })
    w.mute.b = { start = true }
    w:exit('b', 'error')
    w:exit('a', 'error')
    assert.equal('waiting', w:health 'a')
    assert.equal(w:id 'b', w:view('a').waits_for)
    w:take()
    w:tell('ENTER', 'b', { a = 0 })
    assert.same({}, w:deeds())
    w:tell('BEGIN', 'b', { a = 1 })
    w:tell('ENTER', 'b', { a = 1 })
    assert.same({ 'START a' }, w:deeds())
  end)
  it('lets pass who completed, not who is held or failed for good', function()
    local w = World.new(supervisor 'r' {
      worker 'a' { after = { 'b' }, restart = 'permanent' },
        worker 'b' { restart = 'temporary' },
    })
    w:exit('b', 'ok')
    w:take()
    w:exit('a', 'error')
    assert.same({ 'START a' }, w:deeds())
    w:tell('STOP', 'b', {})
    w:tell('START', 'b', {})
    w:exit('b', 'error')
    w:take()
    w:exit('a', 'ok')
    assert.same({}, w:deeds())
    assert.equal('waiting', w:health 'a')
    w:tell('START', 'b', {})
    assert.same({ 'START b', 'START a' }, w:deeds())
  end)
  it('waits for one that is on its way down, in a ready state or not', function()
    local w = World.new(supervisor 'r' { worker 'a' { after = { 'b' } },
      worker 'b' {} })
    w.mute.b = { ask = true, interrupt = true }
    w:tell('STOP', 'b', {})
    w:exit('a', 'error')
    w:tell('START', 'b', {})
    w:take()
    assert.equal(w:id 'b', w:view('a').waits_for)
    w:exit('b', 'ok')
    assert.same({ 'START b', 'START a' }, w:deeds())
    w:tell('VERDICT', 'b', { b = 0 })
    w:exit('a', 'error')
    assert.equal(w:id 'b', w:view('a').waits_for)
    w:exit('b', 'interrupted')
    assert.same({ 'INTERRUPT b', 'START b', 'START a' }, w:deeds())
  end)
  it('waits for a supervisor that gives up as it became ready', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { max = 0, supervisor 't' { max = 0, worker 'x' {} },
        worker 'y' {} },
      worker 'a' { after = { 's' } },
    })
    w.mute['s/y'] = { start = true }
    w:tell('STOP', 'a', {})
    w:tell('RESTART', 's', {})
    w:tell('START', 'a', {})
    w:tell('ENTER', 's/y', { a = 0 })
    w:tell('BEGIN', 's/y', { a = 1 })
    w:take()
    w:feed('ENTER', 's/y', { a = 1 })
    w:exit('s/t/x', 'error')
    assert.same({ 'ASK s/y', 'START s/y', 'START s/t/x' }, w:deeds())
    assert.equal(w:id 's', w:view('a').waits_for)
  end)
  it('waits for who had completed and is to run again', function()
    local w = World.new(supervisor 'r' {
      worker 'a' { after = { 'b' } }, worker 'b' { after = { 'c' } },
        worker 'c' { restart = 'temporary' },
    })
    w:exit('b', 'ok')
    w:exit('c', 'error')
    w:tell('START', 'b', {})
    w:take()
    w:exit('a', 'error')
    assert.same({}, w:deeds())
    assert.equal(w:id 'b', w:view('a').waits_for)
    assert.equal(w:id 'c', w:view('b').waits_for)
    assert.equal('waiting', w:health 'a')
  end)
  it('does not stop a dependent when its dependency fails', function()
    local w = World.new(tree())
    w:take()
    w:exit('db', 'error')
    assert.same({ 'START db' }, w:deeds())
  end)
end)

describe('ordered', function()
  it('starts one after another, and stops from the last', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { ordered = true, worker 'a' {}, worker 'b' {}, worker 'c' {} },
    })
    w:tell('STOP', 's', {})
    w.mute['s/a'], w.mute['s/c'] = { start = true }, { ask = true }
    w:take()
    w:tell('START', 's', {})
    assert.same({ 'START s/a' }, w:deeds())
    w:exit('s/a', 'ok')
    assert.same({ 'START s/b', 'START s/c' }, w:deeds())
    w:tell('STOP', 's', {})
    assert.same({ 'ASK s/c' }, w:deeds())
    assert.equal(w:id 's/c', w:view('s').waits_for)
    w:exit('s/c', 'ok')
    assert.same({ 'ASK s/b' }, w:deeds())
  end)
  it('passes over held siblings', function()
    local w = World.new(supervisor 'r' { strategy = 'rest_for_one', worker 'a' {},
      worker 'b' {},
      worker 'c' {} })
    w:tell('STOP', 'b', {})
    w:take()
    w:exit('a', 'error')
    assert.same({ 'ASK c', 'START a', 'START c' }, w:deeds())
  end)
  it('is linear for many children', function()
    local children = { ordered = true }
    for i = 1, 3000 do children[i] = worker('w' .. i) {} end
    local w = World.new(supervisor 'r'(children))
    assert.equal(3000, #w:deeds())
    w:tell('SHUTDOWN', 'r', {})
    local deeds = w:deeds()
    assert.same({ 'ASK w3000', 'ASK w1', 'END r 0' }, { deeds[1], deeds[3000],
      deeds[3001] })
  end)
end)

describe('a supervisor as a sibling', function()
  it('is ready once every child is ready or completed', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { worker 'x' {}, worker 'y' {} }, worker 'a' { after = { 's' } },
    })
    w:tell('STOP', 's', {})
    w:exit('a', 'error')
    w.mute['s/x'] = { start = true }
    w:take()
    w:tell('START', 's', {})
    assert.same({ 'START s/x', 'START s/y' }, w:deeds())
    w:exit('s/x', 'ok')
    assert.same({ 'START a' }, w:deeds())
  end)
end)
