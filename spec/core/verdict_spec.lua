local World = require 'spec.core.support.world'
local lib = require 'spec.core.support.lib'
local plan = require 'spec.core.support.plan'

local C = lib.C
local supervisor, worker = plan.supervisor, plan.worker

local function of_kind(w, kind)
  for _, entry in ipairs(w.entries) do
    if entry.kind == C['RS_J_' .. kind] then return entry end
  end
end

describe('a bad verdict', function()
  it('is the cause of the violation that it leads to', function()
    local w = World.new(supervisor 'r' { worker 'a' {} })
    local said = #w.entries
    w:tell('VERDICT', 'a', { b = 0, x = said })
    assert.equal(said, tonumber(of_kind(w, 'VIOLATION').cause))
    w:free()
  end)
  it('cannot have been said after what it leads to', function()
    local w = World.new(supervisor 'r' { worker 'a' {} })
    w:tell('VERDICT', 'a', { b = 0, x = 1000 })
    local led = tonumber(of_kind(w, 'VIOLATION').cause)
    assert.equal(C.RS_J_STARTED, w.entries[led].kind)
    w:free()
  end)
end)

describe('a supervisor that a probe finds bad', function()
  local function tree(fields)
    fields = fields or {}
    return World.new(supervisor 'r' {
      max = fields.max or 3, strategy = fields.strategy,
      supervisor 's' { worker 'a' {}, worker 'b' {} }, worker 'other' {},
    })
  end

  it('has failed: its children stop in order, and it is charged', function()
    local w = tree()
    w:take()
    w:tell('VERDICT', 's', { b = 0, text = 5 })
    assert.same({
      's: violation probe 0', 'ASK s/b', 'ASK s/a', 's/b: exited ok expected',
      's/a: exited ok expected', 's: exited killed', 's: restart failed charged 0',
    }, { unpack(w:take(), 1, 7) })
    assert.equal('healthy', w:health 's')
    assert.equal(1, w:view('s').restarts)
    w:free()
  end)
  it('counts for its supervisor, which gives up in the end', function()
    local w = tree { max = 1 }
    w:tell('VERDICT', 's', { b = 0 })
    w:take()
    w:tell('VERDICT', 's', { b = 0 })
    local log = table.concat(w:take(), '\n')
    assert.truthy(log:find('r: escalated', 1, true), log)
    assert.truthy(log:find('END r 1', 1, true), log)
  end)
  it('goes with its siblings, as the strategy says', function()
    local w = tree { strategy = 'one_for_all' }
    w:take()
    w:tell('VERDICT', 's', { b = 0 })
    assert.same({ 'ASK s/b', 'ASK s/a', 'ASK other', 'START other', 'START s/a',
      'START s/b' }, w:deeds())
  end)
  it('that is the root ends the host as failed', function()
    local w = tree()
    w:take()
    w:tell('VERDICT', 'r', { b = 0 })
    local log = w:take()
    assert.equal('r: violation probe 0', log[1])
    assert.equal('END r 1', log[#log])
  end)
  it('is not heard once it stops, nor of an earlier life', function()
    local w = tree()
    w.mute['s/a'] = { ask = true }
    w:tell('STOP', 's', {})
    w:take()
    w:tell('VERDICT', 's', { b = 0 })
    w:tell('VERDICT', 's', { b = 0, inc = 7 })
    w:tell('VERDICT', 'other', { b = 1 })
    assert.same({}, w:take())
    w:free()
  end)
  it('is heard once', function()
    local w = tree()
    w.mute['s/a'] = { ask = true }
    w:tell('VERDICT', 's', { b = 0 })
    w:take()
    w:tell('VERDICT', 's', { b = 0 })
    assert.same({}, w:take())
    w:free()
  end)
end)
