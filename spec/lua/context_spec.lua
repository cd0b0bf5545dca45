local fake = require 'lua.fake_host'

describe('ctx', function()
  local vm, time

  before_each(function()
    vm = fake.new()
    time = require 'std.time'
  end)

  local function with(fn, args)
    vm:plan(1, { { 'camera', args = args, run = { task = fn } } })
    vm:start(1, 3)
  end

  it('names its unit', function()
    local seen
    with(function(ctx)
      seen = { ctx.name, ctx.path, ctx.incarnation, tostring(ctx) }
    end)
    local text = 'plant/camera (incarnation 3)'
    assert.same({ 'camera', 'plant/camera', 3, text }, seen)
  end)

  it('has a copy of the args, the same at each access', function()
    local first, second
    local args = { list = { 1, 2 }, url = 'x' }
    with(function(ctx)
      first, second = ctx.args, ctx.args
      ctx.args.url = 'y'
    end, args)
    assert.equal(first, second)
    assert.equal('y', first.url)
    assert.equal('x', args.url)
    vm:start(1, 4)
    assert.not_equal(first, second and vm.code)
  end)

  it('has no args where there are none, and room for what a worker keeps', function()
    local seen
    with(function(ctx)
      ctx.data = { 1 }
      seen = { ctx.args == nil, ctx.data[1], ctx.exception == nil, ctx.nonsense == nil }
    end)
    assert.same({ true, 1, true, true }, seen)
  end)

  it('has the name and args of a unit that was added to a pool', function()
    local seen
    local encoded = require('cjson').encode { port = 7 }
    vm:plan(1, { { 'template', run = { task = function(ctx)
      seen = { ctx.name, ctx.path, ctx.args }
    end }, args = { port = 1 } } })
    vm:start(1, 0, 'nr7\0' .. encoded)
    assert.same({ 'nr7', 'plant/nr7', { port = 7 } }, seen)
    vm:start(1, 1, 'nr8\0')
    assert.same({ 'nr8', 'plant/nr8', { port = 1 } }, seen)
  end)

  it('tells afresh whether it is to stop', function()
    local seen = {}
    with(function(ctx)
      for i = 1, 3 do
        if i == 3 then vm.stopping[1] = true end
        seen[i] = ctx.stopping
      end
      seen[4] = ctx:heartbeat()
    end)
    assert.same({ false, false, true, true }, seen)
  end)

  it('gives signs of life', function()
    with(function(ctx)
      for _ = 1, 5 do
        assert.is_false(ctx:heartbeat())
      end
      time.sleep(1)
    end)
    assert.equal(6, vm.tasks[1].beats)
  end)

  it('that outlives its incarnation touches no other', function()
    local kept
    with(function(ctx)
      kept = ctx
      ctx:heartbeat()
    end)
    vm:plan(2, { { 'b', run = { task = function() time.sleep(1) end } } })
    vm:tell('START', 2, 0, 2, 1)
    vm:turn()
    local beats = vm.tasks[1].beats
    assert.is_true(kept:heartbeat())
    assert.is_true(kept.stopping)
    assert.equal(beats, vm.tasks[1].beats)
  end)

  it('remembers the last hundred transitions', function()
    local history
    local count = 0
    vm:plan(1, { { 'a', run = {
      lifecycle = {
        { 'zero', on = { go = 'even' } },
        { 'even', on = { go = 'odd' } },
        { 'odd', on = { go = 'even', finish = 'done' } },
        { 'done', ends = 'ok' },
      },
      odd = function(_, ctx)
        count = count + 1
        vm.clock = vm.clock + 1
        if count < 2 or count == 80 then history = ctx.history end
        return count == 80 and 'finish' or 'go'
      end,
    } } })
    vm:start(1)
    assert.same({
      { from = 'zero', event = 'go', to = 'even', at = 100 },
      { from = 'even', event = 'go', to = 'odd', at = 100 },
    }, history)
    vm:turn(400)
    assert.equal(100, #history)
    assert.same({ from = 'even', event = 'go', to = 'odd', at = 179 }, history[100])
    assert.same({ from = 'odd', event = 'go', to = 'even', at = 130 }, history[1])
  end)

  it('refuses an event that is no string, in the line of the call', function()
    with(function(ctx) ctx:emit(7) end)
    vm:said()
    assert.matches('context_spec.lua:%d+: emit: an event is a string', vm.last.text)
  end)
end)
