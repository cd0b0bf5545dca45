local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker
local NONE = lib.NONE

local function dead(w, domain, culprit)
  local id, view
  if culprit then id, view = w:id(culprit) end
  w.runs = nil
  return w:tell('DOMAIN_DEAD', domain, {
    other = id or NONE, other_inc = view and view.inc or 0, b = 11 })
end

describe('a dead runner', function()
  it('charges the culprit; the others are back at once, uncharged', function()
    local w = World.new(supervisor 'r' { max = 1, backoff = { first = 9 },
      worker 'a' {}, worker 'b' {},
        worker 'c' { backend = 'process' },
      supervisor 's' { worker 'd' { backend = 'thread' } },
    })
    w:take()
    dead(w, 'r', 'a')
    local log = w:take()
    assert.same({ 'a: exited signal', 'a: restart failed charged 9',
      'b: collateral of a',
      'b: exited collateral', 'b: restart collateral 0' }, { unpack(log, 1, 5) })
    assert.equal('waiting', w:health 'a')
    assert.equal('healthy', w:health 's/d')
    assert.equal(0, w:view('c').restarts)
  end)
  it('that exited by itself ended its culprit by a status, not by a signal', function()
    local w = World.new(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w:take()
    w:tell('DOMAIN_DEAD', 'r', { other = w:id 'a', a = lib.C.RS_WHY_ERROR, b = 7 })
    assert.equal('a: exited error', w:take()[1])
  end)
  it('where none can be named is one failure of its supervisor, with its backoff',
    function()
    local w = World.new(supervisor 'r' { backoff = { first = 1, factor = 4 },
      supervisor 's' { isolate = true, max = 1, backoff = { first = 2 },
        worker 'a' {}, worker 'b' {} },
      worker 'c' {},
    })
    w:take()
    dead(w, 's')
    assert.same({ 's: restart failed charged 2', 's/a: collateral of nobody',
      's/a: exited collateral', 's/a: restart collateral 2' }, { unpack(w:take(), 1,
        4) })
    w:advance(2)
    assert.same({ 'START s/a', 'START s/b' }, w:deeds())
    dead(w, 's')
    assert.same({ 's: escalated 1', 's: exited children',
      's: restart failed charged 4' },
      w:take '^s: e?[rsx]?[sxer][cits].*[nd4]')
    assert.equal(0, w:view('c').restarts)
  end)
  it('triggers strategies in one pass in which each restarts once', function()
    for _, strategy in ipairs { 'one_for_all', 'rest_for_one' } do
      local w = World.new(supervisor 'r' {
        supervisor 's' { strategy = strategy, max = 1, worker 'a' {}, worker 'b' {},
          worker 'c' { backend = 'process' } },
      })
      w:take()
      dead(w, 'r', 's/b')
      local deeds = w:deeds()
      assert.equal('ASK s/c', deeds[1])
      assert.same({ 'START s/a', 'START s/b', 'START s/c' }, { unpack(deeds, 2) })
      for _, path in ipairs { 's/a', 's/b', 's/c' } do
        assert.equal(1, w:view(path).restarts, path)
      end
    end
  end)
  it('ends temporary units as failed, and stops go on', function()
    local w = World.new(supervisor 'r' {
      worker 'a' {}, worker 't' { restart = 'temporary' }, worker 'h' {}, worker 'p' {
        backend = 'process' },
    })
    w.mute.h = { ask = true }
    w:tell('STOP', 'h', {})
    w:take()
    dead(w, 'r', 'a')
    assert.equal('failed', w:health 't')
    assert.equal('stopped', w:health 'h')
    assert.same({ 'START a' }, w:deeds())
  end)
  it('follows the kill of a worker that an interrupt could not end', function()
    local w = World.new(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w.shares = { a = 'r' }
    w.mute.a = { interrupt = true }
    w.silent.a = w.now
    w:take()
    w:advance(2.2)
    local log = w:take()
    assert.same({ 'INTERRUPT a', 'a: violation heartbeat 2', 'a: killed violation',
      'KILL a',
      'a: exited killed', 'a: restart failed charged 0', 'b: collateral of a' },
      { unpack(log, 1, 7) })
  end)
  it('ends all of its units before any of them starts', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' {
        strategy = 'one_for_all',
        supervisor 't' { worker 'a' {} },
        worker 'b' {},
      },
    })
    w:take()
    dead(w, 'r', 's/b')
    assert.same({ 'START s/b', 'START s/t/a' }, w:take '^%u+ %l')
    assert.equal(1, w:view('s/t/a').restarts + w:view('s/t').restarts)
  end)
  it('whose culprit has ended already, and paid, costs nobody more', function()
    local w = World.new(supervisor 'r' { max = 1, worker 'a' {}, worker 'b' {} })
    local id = w:id 'a'
    w:exit('a', 'error')
    w:take()
    w:tell('DOMAIN_DEAD', 'r', { other = id, other_inc = 0, b = 9 })
    local tale = { 'collateral of a', 'exited collateral', 'restart collateral 0' }
    for i, what in ipairs(tale) do
      tale[i] = 'a: ' .. what
    end
    assert.same(tale, { unpack(w:take(), 1, 3) })
    assert.same({}, w:take 'END')
  end)
  it('costs a supervisor that stops nothing', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { isolate = true, max = 0, worker 'a' {}, worker 'b' {} },
    })
    w.mute['s/a'], w.mute['s/b'] = { ask = true }, { ask = true }
    w:tell('STOP', 's', {})
    w:tell('START', 's', {})
    w:take()
    dead(w, 's')
    assert.same({}, w:take 'charged')
    assert.equal('healthy', w:health 's')
  end)
  it('keeps the order of after', function()
    local late = worker 'd' { after = { 'a' } }
    local w = World.new(supervisor 'r' { late, worker 'a' {} })
    w:take()
    dead(w, 'r')
    assert.same({ 'START a', 'START d' }, w:deeds())
  end)
  it('of which nobody lives costs nothing', function()
    local w = World.new(supervisor 'r' { worker 'a' {},
      worker 'z' { backend = 'process' } })
    w:exit('a', 'ok')
    w:take()
    dead(w, 'r')
    assert.same({}, w:take())
  end)
end)
