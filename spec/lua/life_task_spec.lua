local fake = require 'lua.fake_host'

describe('a task', function()
  local vm

  before_each(function() vm = fake.new() end)

  it('ends ok when it returns, whatever it returns', function()
    vm:plan(1, { { 'a', run = { task = function() return 'error' end } } })
    vm:start(1)
    assert.same({ 'ENTER 0', 'EXIT OK' }, vm:said())
  end)

  it('fails when it raises', function()
    vm:plan(1, { { 'a', run = { task = function() error 'broken' end } } })
    vm:start(1)
    assert.same({ 'ENTER 0', 'EXIT EXCEPTION' }, vm:said())
    assert.matches('broken', vm.last.text)
  end)

  it('has upvalues of its own in each incarnation', function()
    local counts = {}
    vm:plan(1, { { 'a', run = { task = true } } })
    vm.code[1] = function()
      local count = 0
      return { task = function()
        count = count + 1
        counts[#counts + 1] = count
      end }
    end
    for inc = 0, 2 do
      vm:start(1, inc)
    end
    assert.same({ 1, 1, 1 }, counts)
  end)
end)
