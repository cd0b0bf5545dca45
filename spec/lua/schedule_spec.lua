local fake = require 'lua.fake_host'
local T = require 'runsmith.vm.task'

local function task(fn) return { task = fn } end

describe('the scheduler', function()
  local vm, schedule, time

  before_each(function()
    vm = fake.new()
    schedule, time = vm.schedule, require 'std.time'
  end)

  it('lets a worker wait without keeping the others', function()
    local order = {}
    local function sleeper(name, seconds)
      return { name, run = task(function()
        assert(time.sleep(seconds))
        order[#order + 1] = name
      end) }
    end
    vm:plan(1, { sleeper('late', 2), sleeper('soon', 1), sleeper('now', 0) })
    for row = 1, 3 do
      vm:start(row)
    end
    vm:pass(3)
    assert.same({ 'now', 'soon', 'late' }, order)
    assert.is_true(vm:is_clean())
  end)

  it('gives each that is ready one turn, in turn', function()
    local order = {}
    local function yielder(name)
      return { name, run = task(function()
        for _ = 1, 3 do
          order[#order + 1] = name
          coroutine.yield()
        end
      end) }
    end
    vm:plan(1, { yielder 'a', yielder 'b' })
    vm:tell('START', 1, 0, 1, 1)
    vm:tell('START', 2, 0, 1, 2)
    vm:turn()
    assert.equal('ababab', table.concat(order))
  end)

  it('hands a woken worker what it was woken with', function()
    local ticket, got
    vm:plan(1, { { 'a', run = task(function()
      ticket = schedule.ticket()
      got = { schedule.suspend(ticket) }
    end) } })
    vm:start(1)
    assert.is_true(schedule.wake(ticket, 'x', 2))
    assert.is_false(schedule.wake(ticket, 'again'))
    vm:turn()
    assert.same({ 'x', 2 }, got)
    assert.is_false(schedule.wake(ticket, 'after its end'))
  end)

  it('does not lose a wake that comes before the wait', function()
    local got
    vm:plan(1, { { 'a', run = task(function()
      local ticket = schedule.ticket()
      schedule.wake(ticket, 'early')
      got = schedule.suspend(ticket)
    end) } })
    vm:start(1)
    assert.equal('early', got)
  end)

  it('ends a wait by its time, once', function()
    local got = {}
    vm:plan(1, { { 'a', run = task(function()
      local ticket = schedule.ticket()
      got = { schedule.suspend(ticket, 2) }
      got.late = schedule.wake(ticket, 'late')
      got.slept = time.sleep(5)
    end) } })
    vm:start(1)
    vm:pass(2)
    assert.same({ [2] = 'timeout', late = false }, got)
    vm:pass(4)
    assert.is_nil(got.slept)
    vm:pass(1)
    assert.is_true(got.slept)
  end)

  it('has no timer left of a wait that was woken', function()
    local ticket, slept
    vm:plan(1, { { 'a', run = task(function()
      ticket = schedule.ticket()
      schedule.suspend(ticket, 2)
      ticket = schedule.ticket()
      slept = schedule.suspend(ticket)
    end) } })
    vm:start(1)
    schedule.wake(ticket, true)
    vm:turn()
    vm:pass(10)
    assert.is_nil(slept)
    schedule.wake(ticket, 'woken')
    vm:turn()
    assert.equal('woken', slept)
  end)

  it('refuses to let a nested coroutine wait', function()
    vm:plan(1, { { 'a', run = task(function()
      coroutine.wrap(function() time.sleep(1) end)()
    end) } })
    vm:start(1)
    assert.same({ 'ENTER 0', 'EXIT EXCEPTION' }, vm:said())
    assert.matches('only the worker itself can wait', vm.last.text)
  end)

  it('does not hear what is about another incarnation', function()
    vm:plan(1, { { 'a', run = task(function() time.sleep(10) end) } })
    vm:start(1, 4)
    vm:tell('ASK', 1, 3)
    vm:tell('END', 1, 5)
    vm:tell('EMIT', 9, 4, 0, 0, 'x')
    vm:turn()
    assert.same({ 'ENTER 0' }, vm:said())
  end)

  it('tells a launch that cannot be from a plan that it lacks', function()
    vm:tell('START', 1, 0, 7, 1)
    vm:turn()
    assert.same({ 'EXIT LAUNCH' }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('survives its own mistakes, at the cost of the unit it was busy with', function()
    vm:plan(1, {
      { 'a', run = task(function() time.sleep(1) end) },
      { 'b', run = task(function() time.sleep(1) end) },
    })
    local life = require 'runsmith.vm.life'
    local done = life.done
    life.done = function(which, value)
      if which[T.SLOT] == 1 and which[T.PHASE] == 'run' then error 'a bug' end
      return done(which, value)
    end
    vm:start(1)
    vm:start(2)
    vm:said()
    vm:pass(1)
    local said = vm:said()
    assert.matches('LOG .*a bug', said[1])
    assert.same({ 'EXIT EXCEPTION', 'EXIT OK' }, { said[2], said[3] })
    assert.is_true(vm:is_clean())
  end)

  it('ends with its last task once it is told that no more will come', function()
    vm:plan(1, { { 'a', run = task(function() time.sleep(1) end) } })
    vm:start(1)
    vm:tell 'CLOSE'
    assert.is_nil(vm:turn())
    assert.equal('close', vm:pass(1))
  end)

  it('keeps a dropped plan until the last that began from it has ended', function()
    vm:plan(1, { { 'a', run = task(function() time.sleep(5) end) } })
    vm:start(1)
    vm:tell('DROP_PLAN', nil, nil, 1)
    vm:turn()
    assert.is_true(vm.pinned[1])
    vm:pass(5)
    assert.is_nil(vm.pinned[1])
  end)
end)

describe('the end of a worker', function()
  local vm, time

  before_each(function()
    vm = fake.new()
    time = require 'std.time'
  end)

  it('comes while it is suspended, with the traceback of where', function()
    local unwound, swallowed = false, false
    vm:plan(1, { { 'a', run = task(function()
      while true do
        local ok = pcall(time.sleep, 100)
        swallowed = swallowed or ok
        unwound = true
      end
    end) } })
    vm:start(1)
    vm:tell('END', 1, 0)
    vm:turn()
    assert.same({ 'ENTER 0', 'EXIT INTERRUPTED' }, vm:said())
    assert.matches('schedule_spec', vm.last.text)
    assert.is_true(vm:is_clean())
    assert.is_false(swallowed)
    assert.is_false(unwound)
  end)

  it('comes between two steps, before_exit not run', function()
    local left = false
    vm:plan(1, { { 'a', run = {
      lifecycle = {
        { 'on', every = 5, on = { off = 'done' } },
        { 'done', ends = 'ok' },
      },
      on = function() return 'keepalive' end,
      before_exit = function() left = true end,
    } } })
    vm:start(1)
    vm:tell('END', 1, 0)
    vm:turn()
    assert.same({ 'ENTER 0', 'EXIT INTERRUPTED' }, vm:said())
    assert.equal('between two steps in state on', vm.last.text)
    assert.is_false(left)
    assert.is_true(vm:is_clean())
  end)

  it('comes while it is ready to run on', function()
    vm:plan(1, { { 'a', run = task(function()
      coroutine.yield()
      coroutine.yield()
    end) } })
    vm:tell('START', 1, 0, 1, 1)
    vm:turn(1)
    vm:tell('END', 1, 0)
    vm:turn()
    assert.same({ 'ENTER 0', 'EXIT INTERRUPTED' }, vm:said())
  end)
end)

describe('an eval', function()
  local vm, time

  before_each(function()
    vm = fake.new()
    time = require 'std.time'
    vm:plan(1, { { 'a', args = { x = 7 }, run = {
      define = true,
      starting = function(self)
        self.count = 3
        time.sleep(10)
        return 'run'
      end,
    } } })
    vm:start(1)
    vm:said()
  end)

  local function eval(text, slot)
    vm:tell('EVAL', slot or 1, 0, 5, 0, text)
    vm:turn()
    vm:said()
    return vm.last.b, vm.last.text
  end

  it('sees the worker that waits', function()
    assert.same({ 1, '3' }, { eval 'self.count' })
    assert.same({ 1, '{"x":7}' }, { eval 'ctx.args' })
    local text = 'local n = self.count self.count = n + 5 return n + 5'
    assert.same({ 1, '8' }, { eval(text) })
    assert.equal('8', select(2, eval 'self.count'))
  end)

  it('fails alone', function()
    local ok, text = eval 'error("no")'
    assert.equal(0, ok)
    assert.matches('no', text)
    assert.equal(0, (eval 'this is no Lua'))
    assert.matches('cannot wait', select(2, eval 'coroutine.yield()'))
    assert.equal(0, (eval('1', 9)))
    assert.equal('3', select(2, eval 'self.count'))
  end)
end)
