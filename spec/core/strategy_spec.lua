local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker, command = plan.supervisor, plan.worker, plan.command

describe('a child that ended', function()
  -- how it ended, its restart type, its strategy → is it started again?
  local again = { transient = { error = true }, permanent = { ok = true,
    error = true } }
  for _, strategy in ipairs { 'one_for_one', 'one_for_all', 'rest_for_one' } do
    for _, restart in ipairs { 'transient', 'permanent', 'temporary' } do
      for _, why in ipairs { 'ok', 'error', 'exception', 'signal', 'launch' } do
        it(('%s, %s, %s'):format(strategy, restart, why), function()
          local w = World.new(supervisor 'r' {
            strategy = strategy, worker 'a' {}, worker 'b' { restart = restart },
              worker 'c' {},
          })
          w:take()
          w:exit('b', why)
          local failed = why ~= 'ok'
          if (again[restart] or {})[failed and 'error' or 'ok'] then
            local expected = {
              one_for_one = { 'START b' },
              one_for_all = { 'ASK c', 'ASK a', 'START a', 'START b', 'START c' },
              rest_for_one = { 'ASK c', 'START b', 'START c' },
            }
            assert.same(expected[strategy], w:deeds())
            assert.equal('healthy', w:health 'b')
          else
            assert.same({}, w:deeds())
            assert.equal(failed and 'failed' or 'completed', w:health 'b')
          end
          w:tell('SHUTDOWN', 'r', {})
          w:free()
        end)
      end
    end
  end
end)

describe('a strategy', function()
  local function tree(fields)
    fields.strategy = fields.strategy or 'one_for_all'
    return World.new(supervisor 'r' {
      supervisor 's'(fields), worker 'other' {},
    })
  end

  it('revives completed siblings, but no temporary and no held ones', function()
    local w = tree {
      worker 'a' {}, worker 'b' {}, worker 'c' { restart = 'temporary' }, worker 'd' {},
      worker 'e' { restart = 'temporary' },
    }
    w:exit('s/b', 'ok')
    w:exit('s/c', 'ok')
    w:tell('STOP', 's/d', {})
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 'ASK s/e', 'START s/a', 'START s/b' }, w:deeds())
    assert.equal('completed', w:health 's/e')
    assert.equal('stopped', w:health 's/d')
  end)
  it('has not failed whom it takes down, by whatever it was sent', function()
    local TERM, SEGV, no_time = 15, 11, { restart = 'temporary', shutdown = 0 }
    local w = tree {
      worker 'a' {}, command 't' { restart = 'temporary' },
      command 'v' { restart = 'temporary' }, worker 'k' (no_time),
      worker 'm' { backend = 'custom', restart = 'temporary', shutdown = 0 },
      worker 'b' { after = { 't', 'k' } },
    }
    w.mute['s/t'], w.mute['s/v'] = { ask = true }, { ask = true }
    w.mute['s/k'] = { ask = true }
    w.mute['s/m'] = { ask = true, kill = true }
    w:exit('s/a', 'error')
    w:exit('s/t', 'signal', { b = TERM })
    w:exit('s/v', 'signal', { b = SEGV })
    w:advance(1)
    w:exit('s/m', 'error')
    assert.same({ 'completed', 'failed', 'completed', 'completed', 'healthy' },
      { w:health 's/t', w:health 's/v', w:health 's/k', w:health 's/m',
        w:health 's/b' })
  end)

  it('starts nobody before all are down', function()
    local w = tree { worker 'a' {}, worker 'b' {} }
    w.mute['s/b'] = { ask = true }
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 'ASK s/b' }, w:deeds())
    w:exit('s/b', 'error')
    assert.same({ 'START s/a', 'START s/b' }, w:deeds())
  end)

  it('waits as long as the failed child', function()
    local w = tree { backoff = { first = 3 }, worker 'a' {}, worker 'b' {} }
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 'ASK s/b' }, w:deeds())
    w:advance(2.9)
    assert.same({}, w:deeds())
    w:advance(0.2)
    assert.same({ 'START s/a', 'START s/b' }, w:deeds())
  end)

  it('charges one failure once, and a failed attempt once again', function()
    local w = tree { max = 1, worker 'a' {}, worker 'b' {} }
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 's/a: restart failed charged 0', 's/b: restart strategy 0' },
      w:take ': restart')
    w:exit('s/b', 'error')
    assert.same({ 's: escalated 1', 's: exited children', 's: restart failed charged 0',
      's: started', 's: ready' }, w:take '^s:')
  end)

  it('begins again where one fails while being started', function()
    local w = tree { ordered = true, worker 'a' {}, worker 'b' {}, worker 'c' {} }
    w:take()
    w.mute['s/b'] = { start = true }
    w:exit('s/a', 'error')
    assert.same({ 'ASK s/c', 'ASK s/b', 'START s/a', 'START s/b' }, w:deeds())
    w:exit('s/b', 'launch')
    assert.same({ 'ASK s/a', 'START s/a', 'START s/b' }, w:deeds())
    local r = tree { strategy = 'rest_for_one', worker 'a' {}, worker 'b' {},
      worker 'c' {} }
    r:take()
    r.mute['s/b'] = { start = true }
    r:exit('s/a', 'error')
    r:take()
    r:exit('s/b', 'launch')
    assert.same({ 'START s/b' }, r:deeds())
  end)
end)

describe('a supervisor', function()
  it('completes when all its children have', function()
    local w = World.new(supervisor 'r' { supervisor 's' { worker 'a' {} },
      worker 'b' {} })
    w:take()
    w:exit('s/a', 'ok')
    assert.same({ 's/a: exited ok', 's/a: completed', 's: exited ok', 's: completed' },
      w:take())
    w:exit('b', 'ok')
    assert.same({ 'b: exited ok', 'b: completed', 'r: exited ok', 'r: completed',
      'END r 0' },
      w:take())
  end)

  it('that gives up has failed, and stops the rest first', function()
    local w = World.new(supervisor 'r' {
      supervisor 's' { max = 0, restart = 'temporary', worker 'a' {}, worker 'b' {} },
      worker 'c' {},
    })
    w.mute['s/b'] = { ask = true }
    w:take()
    w:exit('s/a', 'error')
    assert.same({ 'ASK s/b' }, w:deeds())
    assert.equal('failed', w:health 's')
    w:exit('s/b', 'error')
    assert.same({}, w:deeds())
    assert.equal('failed', w:health 's')
  end)
end)

describe('auto_shutdown', function()
  local function world(auto)
    return World.new(supervisor 'r' {
      supervisor 's' {
        auto = auto, worker 'a' { significant = true },
        worker 'b' { significant = true, restart = 'temporary' }, worker 'c' {},
      },
      worker 'd' {},
    })
  end
  it('ends ok with any significant child, or with the last', function()
    local w = world 'any'
    w:take()
    w:exit('s/b', 'error')
    assert.same({ 'ASK s/c', 'ASK s/a' }, w:deeds())
    assert.equal('completed', w:health 's')
    w = world 'all'
    w:take()
    w:exit('s/b', 'error')
    assert.same({}, w:deeds())
    w:exit('s/a', 'ok')
    assert.same({ 'ASK s/c' }, w:deeds())
    assert.equal('completed', w:health 's')
  end)
  it('looks at ends by themselves alone', function()
    local w = world 'any'
    w:take()
    w:exit('s/c', 'ok')
    w:exit('s/a', 'error')
    w:tell('STOP', 's/a', {})
    assert.same({ 'START s/a', 'ASK s/a' }, w:deeds())
    assert.equal('healthy', w:health 's')
  end)
end)
