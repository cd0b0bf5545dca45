local World = require 'spec.core.support.world'
local plan = require 'spec.core.support.plan'

local supervisor, worker = plan.supervisor, plan.worker

describe('a tree', function()
  it('starts, and each unit that fails is started again', function()
    local w = World.new(supervisor 'r' { worker 'a' {}, worker 'b' {} })
    assert.same({ 'START a', 'START b' }, w:deeds())
    assert.equal('healthy', w:health 'a')
    w:exit('a', 'error')
    assert.same({
      'a: exited error', 'a: restart failed charged 0', 'START a', 'a: started',
        'a: state 0',
      'a: state 1', 'a: ready',
    }, w:take())
    w:tell('SHUTDOWN', 'r', {})
    assert.same({ 'ASK b', 'ASK a', 'END r 0' }, w:deeds())
  end)
end)
