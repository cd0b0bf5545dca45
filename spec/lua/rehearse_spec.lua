local fake = require 'lua.fake_host'

describe('a rehearsal', function()
  local vm, ends

  before_each(function()
    vm, ends = fake.new(), {}
    vm:plan(1, { { 'a', run = 'worker', process = true } }, {
      { 'worker', "return { starting = function() return 'run' end }" },
    })
    local finish = vm.schedule.finish
    vm.schedule.finish = function(task, why, text)
      ends[#ends + 1] = why
      return finish(task, why, text)
    end
    vm:tell('PLAN', nil, 0, 1)
    vm:turn()
  end)

  it('goes from a start to its end', function()
    assert.same({ vm.host.why.OK }, ends)
  end)

  it('tells the engine nothing and leaves no task', function()
    assert.same({}, vm.up)
    assert.equal(0, vm.opened)
    assert.equal(0, vm.schedule.count())
    assert.is_nil(vm.schedule.current())
  end)

  it('is followed by a start like any other', function()
    vm:start(1)
    assert.equal('ENTER', vm.up[1].kind)
    assert.equal(1, vm.up[1].slot)
  end)

  it('has the worker compiled, once', function()
    local compile, compiled = loadstring, 0
    _G.loadstring = function(...)
      compiled = compiled + 1
      return compile(...)
    end
    vm:start(1)
    _G.loadstring = compile
    assert.equal(0, compiled)
    assert.equal('ENTER', vm.up[1].kind)
  end)

  it('lets its plan go like any other', function()
    vm:tell('DROP_PLAN', nil, 0, 1)
    vm:turn()
    assert.same({}, vm.pinned)
    assert.same({}, vm.up)
  end)
end)
