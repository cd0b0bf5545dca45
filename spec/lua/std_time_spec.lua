local fake = require 'lua.fake_host'

describe('std.time', function()
  local vm, time

  before_each(function()
    vm = fake.new()
    time = require 'std.time'
  end)

  local function run(fn)
    vm:plan(1, { { 'a', run = { task = fn } } })
    vm:start(1)
  end

  it('sleeps as long as it is told', function()
    local woke = {}
    run(function()
      for _ = 1, 2 do
        time.sleep(1.5)
        woke[#woke + 1] = vm.clock
      end
    end)
    vm:pass(10)
    assert.same({ 101.5, 103 }, woke)
  end)

  it('refuses what is no span of time, in the line of the call', function()
    for _, wrong in ipairs { -1, '1', 0 / 0, {} } do
      local ok, why = pcall(function() time.sleep(wrong) end)
      assert.is_false(ok)
      assert.matches('std_time_spec.lua:%d+: time.sleep takes', why)
    end
    assert.has_error(function() time.every(0) end)
  end)

  it('sleeps for ever if it is told to, until it is to stop', function()
    local got
    run(function() got = { time.sleep(math.huge) } end)
    vm:pass(1e6)
    assert.is_nil(got)
    vm:ask(1)
    assert.same({ [2] = 'stopping' }, got)
  end)

  it('ticks without drift, leaves missed ticks out, ends with the worker', function()
    local ticks, ended = {}, false
    run(function()
      for tick in time.every(2) do
        ticks[#ticks + 1] = { tick, vm.clock }
        if tick == 1 then time.sleep(5) end
      end
      ended = true
    end)
    vm:pass(11)
    assert.same({ { 0, 100 }, { 1, 102 }, { 4, 108 }, { 5, 110 } }, ticks)
    assert.is_false(ended)
    vm:ask(1)
    assert.is_true(ended)
  end)

  it('knows the date, and a clock that never goes back', function()
    assert.is_true(math.abs(time.now() - os.time()) < 2)
    assert.equal(100, time.mono())
  end)
end)
