local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

describe('an intensity', function()
  it('lets max restarts pass in any window, its edge inclusive', function()
    local w = World.new(supervisor 'r' { max = 2, within = 5, worker 'a' {} })
    w:exit('a', 'error')
    w:advance(5)
    w:exit('a', 'error')
    w:advance(0.000000001)
    w:exit('a', 'error')
    assert.same({}, w:take 'END')
    w:exit('a', 'error')
    assert.same({ 'END r 1' }, w:take 'END')
    local e = World.new(supervisor 'r' { max = 1, within = 5, worker 'a' {} })
    e:exit('a', 'error')
    e:take()
    e:advance(5)
    e:exit('a', 'error')
    assert.same({ 'r: escalated 1', 'r: exited children', 'END r 1' },
      e:take '^[rE][:N]')
  end)

  it('without a limit lets each pass, and may become one that counts', function()
    local function tree(max)
      return supervisor 'r' { max = max, within = 60, worker 'a' {} }
    end
    local w = World.new(tree(lib.NONE))
    for _ = 1, 100 do
      w:exit('a', 'error')
    end
    assert.same({}, w:take 'END')
    w:apply(tree(1))
    w:exit('a', 'error')
    assert.same({}, w:take 'END')
    w:apply(tree(lib.NONE))
    w:exit('a', 'error')
    assert.same({}, w:take 'END')
    w:apply(tree(0))
    w:exit('a', 'error')
    assert.same({ 'END r 1' }, w:take 'END')
    w:free()
  end)

  it('of 0 never restarts; for life never forgets', function()
    local w = World.new(supervisor 'r' { max = 0, worker 'a' {} })
    w:exit('a', 'error')
    assert.same({ 'END r 1' }, w:take 'END')
    w = World.new(supervisor 'r' { max = 1, within = math.huge, worker 'a' {} })
    w:exit('a', 'error')
    w:advance(1000000)
    w:exit('a', 'error')
    assert.same({ 'END r 1' }, w:take 'END')
  end)

  it('of a child makes its supervisor give up', function()
    local w = World.new(supervisor 'r' {
      max = 9, supervisor 's' { max = 9, worker 'a' { own = { max = 1, within = 5 } } },
    })
    w:exit('s/a', 'error')
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 's: escalated 1 own', 's: exited children',
      's: restart failed charged 0',
      's: started', 's: ready' }, w:take '^s:')
    w:exit('s/a', 'error')
    assert.same({}, w:take 'escalated') -- a new incarnation has a new window
  end)
end)

describe('backoff', function()
  it('grows to its max, and begins anew after reset seconds ready', function()
    local w = World.new(supervisor 'r' {
      max = 100, backoff = { first = 1, factor = 3, max = 5, reset = 10 },
      worker 'a' {},
    })
    local delays = {}
    for _ = 1, 4 do
      w:exit('a', 'error')
      delays[#delays + 1] = w:take('restart')[1]:match '%S+$'
      w:advance(6)
    end
    assert.same({ '1', '3', '5', '5' }, delays)
    w:advance(10)
    w:exit('a', 'error')
    assert.same({ 'a: restart failed charged 1' }, w:take 'restart')
  end)
  it('begins anew though the last state of a failure is no ready one', function()
    local w = World.new(supervisor 'r' {
      backoff = { first = 1, factor = 3, reset = 10 }, worker 'a' {},
    })
    for _, wait in ipairs { 20, 1, 20 } do
      w:exit('a', 'error')
      w:advance(wait)
    end
    w:take()
    w:tell('BEGIN', 'a', { a = 0 })
    w:tell('ENTER', 'a', { a = 4 })
    w:exit('a', 'error')
    assert.same({ 'a: restart failed charged 1' }, w:take 'restart')
  end)
  it('of a supervisor, and of its runner, begins anew likewise', function()
    local backoff = { first = 1, factor = 3, reset = 10 }
    local w = World.new(supervisor 'r' {
      max = 9, backoff = backoff,
      supervisor 's' { isolate = true, max = 0, worker 'a' {} },
    })
    local function delays(fail)
      for _, wait in ipairs { 3, 5, 20, 0 } do
        fail()
        w:advance(wait)
      end
      local got = {}
      for i, line in ipairs(w:take '^s: restart') do got[i] = line:match '%S+$' end
      return got
    end
    w:take()
    assert.same({ '1', '3', '9', '1' }, delays(function() w:exit('s/a', 'error') end))
    w = World.new(supervisor 'r' { supervisor 's' { isolate = true, max = 9,
      backoff = backoff, worker 'a' {} } })
    assert.same({ '1', '3', '9', '1' }, delays(function()
      w:tell('DOMAIN_DEAD', 's', { other = 0xffffffff, b = 9 })
    end))
  end)
  it('ends at once for a stop', function()
    local w = World.new(supervisor 'r' { backoff = { first = 100 }, worker 'a' {} })
    w:exit('a', 'error')
    w:take()
    w:tell('SHUTDOWN', 'r', {})
    assert.same({ 'END r 0' }, w:deeds())
  end)
  it('is moved by jitter, the same for equal seeds', function()
    local function delay(seed)
      local w = World.new(supervisor 'r' {
        backoff = { first = 10, jitter = 0.5 }, worker 'a' {} }, { seed = seed })
      w:exit('a', 'error')
      return tonumber(w:take('restart')[1]:match '%S+$')
    end
    assert.equal(delay(7), delay(7))
    assert.is_true(delay(7) ~= delay(8))
    for seed = 1, 50 do
      assert.is_true(delay(seed) >= 5 and delay(seed) <= 15)
    end
  end)
end)

describe('a limit of a child', function()
  local function tree(max, own)
    local w = World.new(supervisor 'r' { supervisor 's' { max = max, worker 'a' {
      own = own }, worker 'b' {} } })
    w:take()
    return w
  end
  it('and its supervisor\'s count each restart, whichever ends first', function()
    local w = tree(2, { max = 9, within = 5 })
    for _ = 1, 2 do w:exit('s/a', 'error') end
    assert.same({}, w:take 'escalated')
    w:exit('s/b', 'error')
    assert.same({ 's: escalated 2' }, w:take 'escalated')
    w = tree(9, { max = 1, within = 5 })
    w:exit('s/b', 'error')
    w:exit('s/b', 'error')
    w:exit('s/a', 'error')
    assert.same({}, w:take 'escalated')
    w:exit('s/a', 'error')
    assert.same({ 's: escalated 1 own' }, w:take 'escalated')
  end)
  it('has a window of its own, its edge inclusive', function()
    local w = tree(9, { max = 1, within = 2 })
    w:exit('s/a', 'error')
    w:advance(2.000001)
    w:exit('s/a', 'error')
    assert.same({}, w:take 'escalated')
    w:advance(2)
    w:exit('s/a', 'error')
    assert.same({ 's: escalated 1 own' }, w:take 'escalated')
  end)
  it('of 0 lets it end but once', function()
    local w = tree(9, { max = 0, within = math.huge })
    w:exit('s/a', 'error')
    assert.same({ 's: escalated 0 own' }, w:take 'escalated')
  end)
end)
