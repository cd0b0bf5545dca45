-- Coroutines beside a worker's own: whose they are, and how they end.

local assert = require 'luassert'
local fake = require 'lua.fake_host'

describe('a strand', function()
  local vm, task, time, strand

  before_each(function()
    vm = fake.new()
    task, time = require 'std.task', require 'std.time'
    strand = require 'runsmith.vm.strand'
  end)

  local function run(fn, rows)
    vm:plan(1, { { 'a', run = rows or { task = fn } } })
    vm:start(1)
  end

  it('runs beside its worker, and hands over what it returned', function()
    local order, got = {}, nil
    run(function()
      local side = task.spawn(function(a, b)
        order[#order + 1] = 'side'
        time.sleep(1)
        return a + b, nil, 'end'
      end, 1, 2)
      order[#order + 1] = 'worker'
      got = { side:join() }
      got.n = select('#', side:join())
    end)
    assert.same({ 'worker', 'side' }, order)
    vm:pass(2)
    assert.same({ true, 3, nil, 'end', n = 4 }, got)
    assert.is_true(vm:is_clean())
  end)

  it('ends with its worker, wherever it waits', function()
    local went_on
    run(function()
      task.spawn(function()
        time.sleep(1)
        went_on = true
      end)
      time.sleep(0.5)
    end)
    vm:pass(0.6)
    assert.same({ 'ENTER 0', 'EXIT OK' }, vm:said())
    assert.is_true(vm:is_clean())
    vm:pass(5)
    assert.is_nil(went_on)
  end)

  it('fails its worker with what it raises', function()
    run(function()
      task.spawn(function() error 'beside itself' end)
      time.sleep(5)
    end)
    vm:turn()
    local said = vm:said()
    assert.equal('EXIT EXCEPTION', said[#said])
    assert.truthy(vm.last.text:find 'beside itself\nstack traceback')
    assert.is_true(vm:is_clean())
  end)

  it("takes its worker's error edge", function()
    local exception
    run(nil, {
      define = true,
      running = function()
        task.spawn(function() error 'beside itself' end)
        time.sleep(5)
      end,
      enter = { crashed = function(_, ctx) exception = ctx.exception.message end },
    })
    vm:pass(1)
    assert.truthy(exception:find 'beside itself')
    assert.equal('EXIT ERROR', table.remove(vm:said()))
    assert.is_true(vm:is_clean())
  end)

  it('obeys the stop rule if it heeds stops', function()
    local said = {}
    run(function()
      strand.begin(strand.current(), false, function()
        said.deaf = { time.sleep(3) }
      end)
      local side = task.spawn(function()
        said.heeds = { time.sleep(3) }
        said.then_refused = { time.sleep(3) }
        said.then_not = { time.sleep(1) }
      end)
      time.sleep(9)
      time.sleep(9)
      side:join()
      time.sleep(9)
    end)
    vm:ask(1, 0)
    vm:pass(4)
    assert.same({
      heeds = { nil, 'stopping' }, then_refused = { nil, 'stopping' },
      then_not = { true }, deaf = { true },
    }, said)
  end)

  it('is interrupted in its place', function()
    run(function()
      task.spawn(function()
        vm.tasks[vm.running].armed = true
        coroutine.yield()
        while true do end
      end)
      time.sleep(9)
    end)
    vm:turn()
    assert.equal('EXIT INTERRUPTED', table.remove(vm:said()))
    assert.is_true(vm:is_clean())
  end)

  it('is no sign of life', function()
    local opened = {}
    local open = vm.host.open
    function vm.host.open(slot, inc, beside)
      opened[#opened + 1] = beside or false
      return open(slot, inc)
    end
    run(function() task.spawn(function() end):join() end)
    vm:turn()
    assert.same({ false, true }, opened)
  end)

  it('can be cancelled, and waited for only so long', function()
    local got = {}
    run(function()
      local side = task.spawn(function() time.sleep(9) end)
      got[1] = { side:join(1) }
      assert(side:is_running())
      side:cancel()
      assert(not side:is_running())
      got[2] = { side:join() }
    end)
    vm:pass(2)
    assert.same({ { nil, 'timeout' }, { nil, 'cancelled' } }, got)
    assert.is_true(vm:is_clean())
  end)

  it('refuses what is no function', function()
    run(function()
      local ok, why = pcall(task.spawn, 1)
      assert(not ok and why:find 'takes a function, not a number')
    end)
    assert.same({ 'ENTER 0', 'EXIT OK' }, vm:said())
  end)
end)
