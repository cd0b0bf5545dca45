local buffer = require 'string.buffer'

local fake = require 'lua.fake_host'

describe('a unit of a custom backend', function()
  local vm, schedule, time, calls, ends

  before_each(function()
    vm, calls = fake.new(), {}
    schedule, time = vm.schedule, require 'std.time'
  end)

  local function call(name)
    return function(unit, handle)
      calls[#calls + 1] = { name, unit.path, handle and handle.pid }
    end
  end

  -- Functions of a backend whose unit ends when `schedule.wake(ends, …)` is called.
  local function functions(changes)
    local list = {
      start = function(unit)
        call 'start'(unit)
        return { pid = 7 }
      end,
      stop = call 'stop',
      kill = call 'kill',
      wait = function(unit, handle)
        call 'wait'(unit, handle)
        ends = schedule.ticket()
        return schedule.hold(ends)
      end,
    }
    for name, fn in pairs(changes or {}) do
      list[name] = fn
    end
    return list
  end

  local function plan(changes)
    local unit = { 'own', custom = true, run = functions(changes), args = { port = 1 } }
    vm:plan(1, { unit })
  end

  it('is started, and waited for with its handle', function()
    plan()
    vm:start(1)
    assert.equal('HANDLE', vm.up[1].kind)
    assert.same({ pid = 7 }, buffer.decode(vm.up[1].text))
    assert.same({ { 'start', 'plant/own' }, { 'wait', 'plant/own', 7 } }, calls)
    vm:said()
    schedule.wake(ends, 'error', 'it broke')
    vm:turn()
    assert.same({ 'EXIT ERROR' }, vm:said())
    assert.equal('it broke', vm.last.text)
    assert.is_true(vm:is_clean())
  end)

  it('goes on with a handle that it is given', function()
    plan()
    vm:start(1, 0, '0:' .. buffer.encode { pid = 9 })
    assert.same({ { 'wait', 'plant/own', 9 } }, calls)
    schedule.wake(ends, 'ok')
    vm:turn()
    assert.same({ 'EXIT OK' }, vm:said())
  end)

  it('that goes on is killed ahead of `wait`, if that was asked for before', function()
    plan()
    vm:tell('START', 1, 0, 1, 1, '0:' .. buffer.encode { pid = 9 })
    vm:tell('KILL', 1, 0)
    vm:turn()
    assert.same({ { 'kill', 'plant/own', 9 }, { 'wait', 'plant/own', 9 } }, calls)
  end)

  it('of a pool has the name and args that it was added with', function()
    local seen = {}
    plan { wait = function(unit) seen[#seen + 1] = { unit.path, unit.args } end }
    vm:start(1, 0, '9:x\0{"a":3}')
    vm:start(1, 0, '9:x\0{"a":3}' .. buffer.encode { pid = 9 })
    assert.same({ { 'plant/x', { a = 3 } }, { 'plant/x', { a = 3 } } }, seen)
  end)

  it('tells what it is told of itself', function()
    local seen
    plan { start = function(unit)
      seen = { unit.name, unit.incarnation, unit.args.port, unit:heartbeat() }
      unit:ready()
      unit:status 'so far'
      return 1
    end }
    vm:start(1, 3)
    assert.same({ 'own', 3, 1, false }, seen)
    local said = vm:said()
    assert.same({ 'READY 0', 'STATUS so far' }, { said[1], said[2] })
  end)

  it('is stopped and killed while it is waited for', function()
    plan()
    vm:start(1)
    vm:ask(1)
    vm:tell('KILL', 1, 0)
    vm:turn()
    assert.same({ 'stop', 'plant/own', 7 }, calls[3])
    assert.same({ 'kill', 'plant/own', 7 }, calls[4])
    vm:said()
    schedule.wake(ends, 'error')
    vm:turn()
    assert.same({ 'EXIT ERROR' }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('is stopped once it has started, if that was asked for before', function()
    plan { start = function()
      time.sleep(2)
      return { pid = 8 }
    end }
    vm:start(1)
    vm:ask(1)
    assert.same({}, calls)
    vm:pass(2)
    assert.same({ { 'stop', 'plant/own', 8 }, { 'wait', 'plant/own', 8 } }, calls)
  end)

  it('lets stop and kill wait, and ends without them', function()
    plan { stop = function() time.sleep(5) end, kill = function() time.sleep(9) end }
    vm:start(1)
    vm:ask(1)
    vm:tell('KILL', 1, 0)
    vm:turn()
    vm:said()
    schedule.wake(ends, 'ok')
    vm:turn()
    assert.same({ 'EXIT OK' }, vm:said())
    vm:pass(9)
    assert.same({}, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('whose start raises, or is killed, could not be launched', function()
    plan { start = function() error 'no room' end }
    vm:start(1)
    assert.same({ 'EXIT LAUNCH' }, vm:said())
    assert.matches('start: .*no room', vm.last.text)
    plan()
    vm:plan(2, { { 'own', custom = true, run = functions {
      start = function() time.sleep(9) end,
    } } })
    vm:tell('START', 1, 1, 2, 1)
    vm:turn()
    vm:tell('KILL', 1, 1)
    vm:turn()
    assert.same({ 'EXIT INTERRUPTED' }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('is killed when nothing can tell of its end', function()
    plan { wait = function() error 'lost' end }
    vm:start(1)
    assert.same({ 'HANDLE', 'EXIT EXCEPTION' }, { vm.up[1].kind, vm:said()[2] })
    assert.matches('wait: .*lost', vm.last.text)
    assert.equal('kill', calls[2][1])
    vm:plan(2, { { 'own', custom = true, run = functions {
      wait = function() return 'fine' end,
    } } })
    vm:tell('START', 1, 0, 2, 1)
    vm:turn()
    vm:said()
    assert.matches("wait returned fine", vm.last.text)
    assert.equal('kill', calls[4][1])
    vm:plan(3, { { 'own', custom = true, run = functions {
      start = function() return { print } end,
    } } })
    vm:tell('START', 1, 0, 3, 1)
    vm:turn()
    assert.equal('EXIT EXCEPTION', table.remove(vm:said()))
    assert.equal('kill', calls[5][1])
    assert.is_true(vm:is_clean())
  end)

  it('has an error in stop or kill told, and goes on', function()
    plan { stop = function() error 'cannot' end }
    vm:start(1)
    vm:said()
    vm:ask(1)
    assert.matches('LOG .*stop: .*cannot', vm:said()[1])
    schedule.wake(ends, 'ok')
    vm:turn()
    assert.same({ 'EXIT OK' }, vm:said())
  end)
end)
