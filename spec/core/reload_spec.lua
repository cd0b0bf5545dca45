local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command

local function world(tree)
  local w = World.new(tree)
  w:take()
  return w
end

describe('a reload', function()
  it('that changes nothing does nothing', function()
    local function tree() return supervisor 'r' { worker 'a' {},
      supervisor 's' { worker 'b' {} } } end
    local w = world(tree())
    w:advance(1.5)
    w:apply(tree())
    assert.equal('r: reload +0 -0 ~0 =4', w.log[1])
    assert.same({ 'patch r', 'patch a', 'patch s', 'patch s/b', 'drop ' }, w.actions)
    assert.equal(1, w.dropped)
    assert.same({ 'DROP ' }, w:deeds())
  end)
  it('keeps pending timers, and counters', function()
    local function tree()
      return supervisor 'r' { backoff = { first = 3 }, worker 'a' {} }
    end
    local w = world(tree())
    w:exit('a', 'error')
    w:advance(2)
    w:apply(tree())
    w:take()
    w:advance(0.9)
    assert.same({}, w:deeds())
    w:advance(0.2)
    assert.same({ 'START a' }, w:deeds())
    assert.equal(1, w:view('a').restarts)
  end)
  it('of one that waits for its backoff starts it by the new plan at once', function()
    local function tree(version)
      return supervisor 'r' {
        backoff = { first = 30 }, worker 'a' { version = version },
      }
    end
    local w = world(tree(1))
    w:exit('a', 'error')
    w:take()
    w:apply(tree(2))
    assert.same({ 'START a', 'DROP ' }, w:deeds())
  end)
  it('of one that its siblings wait as long as starts them, too', function()
    local function tree(...)
      return supervisor 'r' { strategy = 'one_for_all', backoff = { first = 30 },
        worker 'b' {}, ... }
    end
    for _, new in ipairs { { worker 'a' { version = 2 } }, {} } do
      local w = world(tree(worker 'a' { version = 1 }))
      w:exit('a', 'error')
      w:take()
      w:apply(tree(unpack(new)))
      local a = new[1] and 'START a' or 'GONE a'
      assert.same({ 'START b', a, 'DROP ' }, w:deeds())
    end
  end)
  it('patches limits in place', function()
    local w = world(supervisor 'r' { worker 'a' { shutdown = 50 } })
    w:apply(supervisor 'r' { worker 'a' { shutdown = 1, restart = 'temporary' },
      max = 0 })
    w.mute.a = { ask = true, interrupt = true }
    w:tell('BEGIN', 'a', { a = 1 })
    w:tell('ENTER', 'a', { a = 2 })
    w:take()
    w:tell('STOP', 'a', {})
    w:advance(1.01)
    assert.same({ 'a: stop hold', 'ASK a', 'INTERRUPT a' }, w:take())
  end)
  it('tells a command by a signal that its files have other contents', function()
    local function tree(contents)
      return supervisor 'r' { contents = contents, command 'c' {}, worker 'a' {} }
    end
    local w = world(tree(1))
    w:apply(tree(1))
    assert.same({ 'DROP ' }, w:deeds())
    w:apply(tree(2))
    assert.same({ 'SIGNAL c', 'DROP ' }, w:deeds())
  end)
  it('tells one that is not ready yet once it is', function()
    local function tree(contents)
      return supervisor 'r' { contents = contents, worker 'a' {}, command 'c' {} }
    end
    local w = World.new(supervisor 'r' { worker 'a' {} })
    w.mute.c = { start = 'launch' }
    w:apply(tree(1))
    w:apply(tree(2))
    w:take()
    w:tell('READY', 'c', {})
    assert.same({ 'SIGNAL c' }, w:deeds())
  end)
  it('that makes one temporary whom a strategy takes down: it stays down', function()
    local function tree(restart)
      return supervisor 'r' { strategy = 'one_for_all', worker 'a' {},
        worker 'b' { restart = restart } }
    end
    local w = world(tree())
    w.mute.b = { ask = true }
    w:exit('a', 'error')
    w:apply(tree 'temporary')
    w:take()
    w:exit('b', 'error')
    assert.same({ 'START a' }, w:deeds())
    assert.equal('failed', w:health 'b')
  end)
  it('that adds below a completed supervisor begins it anew, in its order', function()
    local function tree(child, last)
      return supervisor 'r' { strategy = 'one_for_all', ordered = true,
        supervisor 's' { worker 'x' {} }, supervisor 't' { restart = 'temporary',
          child, worker 'y' {} }, last }
    end
    local w = world(tree(worker 'k' {}))
    w:exit('t/y', 'ok')
    w:exit('t/k', 'ok')
    assert.equal('completed', w:health 't')
    w:tell('STOP', 's/x', {})
    w:tell('RESTART', 's', {})
    w:apply(tree(supervisor 'k' { worker 'new' {} }, worker 'last' {}))
    w:take()
    assert.equal(w:id 's', w:view('t').waits_for)
    assert.equal(w:id 't', w:view('last').waits_for)
    w:tell('START', 's/x', {})
    assert.same({ 'START s/x', 'START t/y', 'START t/k/new', 'START last' }, w:deeds())
  end)
  it('that removes one: its end, even by a kill, is nobody else\'s affair', function()
    local function tree(strategy, removed)
      return supervisor 'r' { strategy = strategy, worker 'a' {}, removed }
    end
    local w = world(tree('one_for_one', worker 'b' {}))
    w.mute.b = { ask = true }
    w:apply(tree 'one_for_all')
    w:tell('KILL', 'b', {})
    assert.same({}, w:take '^%u+ a')
    assert.equal(0, w:view('a').restarts)
  end)
  it('restarts alone what changed, in order and uncharged', function()
    local function tree(version)
      return supervisor 'r' { max = 0, strategy = 'one_for_all',
        worker 'a' { version = version },
        worker 'b' { after = { 'a' }, version = version }, worker 'c' {} }
    end
    local w = world(tree(1))
    w.mute.b = { ask = true }
    w:apply(tree(2))
    assert.same({ 'ASK b' }, w:deeds())
    w.mute.b = nil
    w:exit('b', 'ok')
    assert.same({ 'ASK a', 'START a', 'START b' }, w:take '^%u+ %l')
    assert.equal(2, w:view('b').plan)
    assert.equal(1, w:view('a').restarts)
  end)
  it('restarts a worker whose states differ, whatever its identity says', function()
    local function tree(states)
      return supervisor 'r' { worker 'a' { life = states } }
    end
    local w = world(tree {
      { 'one', on = { { 'e', 2 }, { 'go', 1 } } },
      { 'two', ready = true, on = { { 'e', 2 } } },
      { 'end', ends = 2 },
    })
    w:apply(tree {
      { 'one', on = { { 'e', 1 }, { 'go', 1 } } }, { 'end', ends = 2 },
    })
    assert.same({ 'ASK a', 'START a' }, { w:deeds()[1], 'START a' })
    assert.equal(1, w:view('a').inc)
  end)
  it('adds, removes and moves', function()
    local w = world(supervisor 'r' { worker 'a' {}, worker 'b' {},
      supervisor 's' { worker 'x' {} } })
    w:apply(supervisor 'r' { supervisor 's' { worker 'x' {}, worker 'b' {} },
      worker 'n' {}, worker 'a' {} })
    assert.equal('r: reload +2 -1 ~0 =4', w:take()[1])
    local _, why = w:apply(supervisor 'q' { worker 'a' {} })
    assert.equal('the root\'s name cannot change: it is r', why)
    assert.has_error(function() w:id 'b' end)
    assert.equal('healthy', w:health 's/b')
  end)
  it('lets a slow removed one come back as a restart', function()
    local w = world(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w.mute.b = { ask = true }
    w:apply(supervisor 'r' { worker 'a' {} })
    w:apply(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w:take()
    w:exit('b', 'ok')
    assert.same({ 'START b' }, w:take '^START')
  end)
  it('turns a worker into a supervisor and back, never two of one path', function()
    local w = world(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w.mute.b = { ask = true }
    w:apply(supervisor 'r' { worker 'a' {}, supervisor 'b' { worker 'x' {} } })
    assert.same({ 'ASK b' }, w:take '^%u+ b')
    local old
    local view = require('ffi').new 'rs_view'
    local C = require('spec.core.support.lib').C
    for id = 0, C.rs_core_units(w.core) - 1 do
      if C.rs_core_view(w.core, id,
        view) and w:path(id) == 'b' and view.life ~= 0 then old = id end
    end
    local ev = require('ffi').new('rs_event', { kind = C.RS_EV_EXIT, unit = old,
      a = 1 })
    C.rs_core_step(w.core, 100000000000LL, ev)
    w:pump()
    assert.same({ 'GONE b', 'START b/x' }, w:take '^[GS]%u+ b')
    w:apply(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    w:pump()
    assert.equal('healthy', w:health 'b')
  end)
  it('lets units move when isolate or vms change', function()
    local function tree(fields)
      fields.isolate = fields.isolate or false
      fields[1], fields[2] = worker 'a' {}, worker 'b' {}
      fields[3] = command 'c' {}
      return supervisor 'r' { supervisor 's'(fields) }
    end
    local w = world(tree {})
    w:apply(tree { isolate = true, vms = 2 })
    assert.same({ 'ASK s/b', 'ASK s/a', 'START s/b', 'START s/a' }, w:take '^[AS]%u')
    assert.is_true(w:view('s/a').vm ~= w:view('s/b').vm)
    w:apply(tree { isolate = true, vms = 1 })
    assert.equal(1, #w:take '^START')
  end)
  it('is refused while the host stops', function()
    local w = world(supervisor 'r' { worker 'a' {} })
    w.mute.a = { ask = true }
    w:tell('SHUTDOWN', 'r', {})
    local _, why = w:apply(supervisor 'r' { worker 'a' {} })
    assert.equal('the host is stopping', why)
    w = world(supervisor 'r' { max = 0, worker 'a' {}, worker 'b' {} })
    w.mute.b = { ask = true }
    w:exit('a', 'error')
    _, why = w:apply(supervisor 'r' { worker 'a' {} })
    assert.equal('the host is stopping', why)
  end)
end)

describe('a pool', function()
  local ffi = require 'ffi'
  local lib = require 'spec.core.support.lib'
  local function add(w, name)
    local why = ffi.new 'char[100]'
    local id = lib.C.rs_core_add(w.core, lib.time(w.now), w:id 'p', name, #name, 9, why,
      100)
    w:pump()
    return id ~= lib.NONE and id or nil, ffi.string(why)
  end
  local function tree(version)
    return supervisor 'r' { supervisor 'p' { pool = worker 't' { version = version } },
      worker 'z' {} }
  end
  it('takes units while running; their names are free when they ended', function()
    local w = world(tree())
    assert.truthy(add(w, 'one'))
    assert.truthy(add(w, 'two'))
    assert.same({ 'START p/one', 'START p/two' }, w:take '^START')
    local id, why = add(w, 'one')
    assert.is_nil(id)
    assert.equal('there is a unit of that name already', why)
    assert.is_nil(add(w, 'a/b'))
    w:exit('p/one', 'error')
    assert.same({ 'START p/one' }, w:deeds())
    w:exit('p/one', 'ok')
    assert.same({ 'GONE p/one' }, w:deeds())
    assert.truthy(add(w, 'one'))
    w:tell('REMOVE', 'p/two', {})
    assert.same({ 'START p/one', 'ASK p/two', 'GONE p/two' }, w:deeds())
    assert.equal('healthy', w:health 'p')
  end)
  it('has units that start and stop as its template is after others', function()
    local w = world(supervisor 'r' { supervisor 'p' { worker 'db' {}, worker 'z' {},
      pool = worker 't' { after = { 'db' } } } })
    add(w, 'one')
    w.mute['p/db'] = { start = true }
    w:exit('p/db', 'error')
    add(w, 'two')
    assert.equal(w:id 'p/db', w:view('p/two').waits_for)
    w:take()
    w:tell('ENTER', 'p/db', { a = 0 })
    w:tell('BEGIN', 'p/db', { a = 1 })
    w:tell('ENTER', 'p/db', { a = 1 })
    assert.same({ 'START p/two' }, w:take '^START')
    w.mute['p/one'], w.mute['p/two'] = { ask = true }, { ask = true }
    w:tell('STOP', 'p', {})
    assert.same({ 'ASK p/two', 'ASK p/one', 'ASK p/z' }, w:take '^ASK')
    w:exit('p/two', 'ok')
    assert.same({}, w:take '^ASK')
    assert.equal(w:id 'p/one', w:view('p/db').waits_for)
    w:exit('p/one', 'ok')
    assert.same({ 'ASK p/db' }, w:take '^ASK')
  end)
  it("comes after whom its template is after, and goes before", function()
    local w = world(supervisor 'r' { supervisor 'p' { strategy = 'one_for_all',
      pool = worker 't' { after = { 'base' } }, worker 'base' {}, worker 'other' {} } })
    w.mute['p/base'] = { start = 'launch' }
    w:exit('p/base', 'error')
    add(w, 'one')
    add(w, 'two')
    w:take()
    assert.same({ 'waiting', 'base' }, { w:health 'p/one',
      w:path(w:view('p/one').waits_for):match '[^/]*$' })
    w:tell('ENTER', 'p/base', { a = 0 })
    w:tell('BEGIN', 'p/base', { a = 1 })
    w:tell('ENTER', 'p/base', { a = 1 })
    assert.same({ 'START p/one', 'START p/two' }, w:deeds())
    w.mute['p/one'] = { ask = true }
    w:tell('STOP', 'p', {})
    assert.same({ 'ASK p/two', 'ASK p/one', 'ASK p/other' }, w:deeds())
    w:exit('p/one', 'ok')
    assert.same({ 'ASK p/base' }, w:take '^ASK')
  end)
  it('takes none while its supervisor does not run', function()
    local w = world(tree())
    add(w, 'one')
    w.mute['p/one'] = { ask = true }
    w:tell('STOP', 'p', {})
    local id, why = add(w, 'two')
    assert.is_nil(id)
    assert.equal('this supervisor does not run', why)
    w:exit('p/one', 'ok')
    assert.is_nil(add(w, 'two'))
    w:tell('START', 'p', {})
    assert.truthy(add(w, 'two'))
  end)
  it('survives a reload, changes with its template, is empty after a restart',
    function()
    local w = world(tree())
    add(w, 'one')
    w:apply(tree())
    w:take()
    assert.equal('healthy', w:health 'p/one')
    w:apply(tree(2))
    assert.same({ 'ASK p/one', 'START p/one' }, w:take '^[AS]')
    w:tell('RESTART', 'p', {})
    assert.has_error(function() w:id 'p/one' end)
    w:apply(supervisor 'r' { worker 'z' {} })
    local bytes = tonumber(lib.C.rs_spec_bytes)
    assert.is_true(w:free() < bytes)
  end)
end)

describe("journal = 'brief'", function()
  it('leaves out what is no violation, end or restart', function()
    local w = World.new(supervisor 'r' { supervisor 's' { brief = true,
      worker 'a' {} } })
    assert.same({}, w:take '^s/a: ')
    w:exit('s/a', 'error')
    local last = w.entries[2].seq
    assert.same({ 's/a: exited error', 's/a: restart failed charged 0' },
      w:take '^s/a: ')
    w:exit('s/a', 'error')
    assert.equal(last + 1, w.entries[1].seq)
  end)
end)
